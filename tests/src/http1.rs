//! Raw HTTP/1.1, for requests that a well-behaved client would never send.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{HttpResponse, contract};

/// Sending a request or waiting for a response counts as a hang after this long.
const TIMEOUT: Duration = Duration::from_secs(20);
const HEADERS_MAX: usize = 64;

/// A raw request. The connection is closed after its response.
#[derive(Clone, Debug)]
pub struct Request {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Request {
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self::to_host(method, target, "gateway")
    }

    /// With arbitrary bytes as its `Host`.
    #[must_use]
    pub fn to_host(method: &str, target: &str, host: impl AsRef<[u8]>) -> Self {
        let head = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        Self { head: head.into_bytes(), body: Vec::new() }.header("host", host)
    }

    /// The same in HTTP/1.0.
    #[must_use]
    pub fn in_http_1_0(mut self) -> Self {
        const VERSION: &[u8] = b"HTTP/1.1";
        let at = self.head.windows(VERSION.len()).position(|part| part == VERSION).expect("a version");
        drop(self.head.splice(at..at + VERSION.len(), *b"HTTP/1.0"));
        self
    }

    /// Adds a header line; names may repeat, and values may be arbitrary bytes.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.head.extend_from_slice(name.as_bytes());
        self.head.extend_from_slice(b": ");
        self.head.extend_from_slice(value.as_ref());
        self.head.extend_from_slice(b"\r\n");
        self
    }

    #[must_use]
    pub fn json(self) -> Self {
        self.header("content-type", "application/json")
    }

    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        let length = self.body.len().to_string();
        self.header("content-length", length)
    }

    /// The body in chunks (RFC 9112, section 7.1), with trailers after it.
    #[must_use]
    pub fn chunked(mut self, pieces: &[&[u8]], trailers: &[(&str, &str)]) -> Self {
        for piece in pieces {
            self.body.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            self.body.extend_from_slice(piece);
            self.body.extend_from_slice(b"\r\n");
        }
        self.body.extend_from_slice(b"0\r\n");
        for (name, value) in trailers {
            self.body.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        self.body.extend_from_slice(b"\r\n");
        self.header("transfer-encoding", "chunked")
    }

    pub async fn send(&self, to: SocketAddr) -> HttpResponse {
        let mut connection = self.begin(to).await;
        // The server may already have rejected the head and closed the connection.
        let _ = timeout(TIMEOUT, connection.write_all(&self.body)).await.expect("the body is not taken");
        let answer = read_response(connection).await;
        let (method, target) = self.line();
        contract::check(method, target, &answer);
        answer
    }

    /// Method and target, as far as they are UTF-8.
    fn line(&self) -> (&str, &str) {
        let line = self.head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let mut words = str::from_utf8(line).unwrap_or_default().split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// Sends only the head, and returns the connection.
    pub async fn begin(&self, to: SocketAddr) -> TcpStream {
        let mut connection = TcpStream::connect(to).await.expect("no connection");
        let head = [&self.head[..], b"\r\n"].concat();
        timeout(TIMEOUT, connection.write_all(&head)).await.expect("the head is not taken").unwrap();
        connection
    }

    /// The bytes after the head.
    #[must_use]
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }
}

/// Reads one response.
pub async fn read_response(mut connection: TcpStream) -> HttpResponse {
    let answer = timeout(TIMEOUT, whole_response(&mut connection)).await.expect("the answer does not end");
    answer.unwrap_or_else(|bytes| panic!("no whole answer: {}", String::from_utf8_lossy(&bytes)))
}

/// Reads one response.
///
/// # Errors
/// The connection ended before the response was whole; these bytes came.
pub async fn whole_response(connection: &mut TcpStream) -> Result<HttpResponse, Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        // A server that does not read the rest of a body resets the connection after its response.
        let ended = !matches!(connection.read_buf(&mut bytes).await, Ok(1..));
        match parse(&bytes, ended) {
            Some(answer) => return Ok(answer),
            None if ended => return Err(bytes),
            None => {}
        }
    }
}

/// `None` while the response is incomplete; `ended` if no more bytes will come.
fn parse(bytes: &[u8], ended: bool) -> Option<HttpResponse> {
    let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut lines);
    let httparse::Status::Complete(head_len) = response.parse(bytes).expect("an answer in HTTP") else {
        return None;
    };
    let mut headers = HeaderMap::new();
    for line in response.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(line.value).ok()?);
    }
    let rest = bytes.get(head_len..)?;
    let length = headers.get("content-length").map(|length| length.to_str().unwrap().parse().unwrap());
    let body = match length {
        _ if headers.contains_key("transfer-encoding") => unchunk(rest)?,
        Some(length) => rest.get(..length)?.to_vec(),
        None if ended => rest.to_vec(),
        None => return None,
    };
    Some(HttpResponse { status: response.code?, headers, body: Bytes::from(body) })
}

/// `None` while the last chunk is missing.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((start, len)) =
            httparse::parse_chunk_size(rest).expect("the size of a chunk")
        else {
            return None;
        };
        let len = usize::try_from(len).ok()?;
        if len == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(start..start + len)?);
        rest = rest.get(start + len + 2..)?;
    }
}
