//! A keep-alive HTTP/1.1 connection that sends prebuilt requests and reads whole responses.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const HEADERS_MAX: usize = 32;

/// A request, and the response that it expects.
#[derive(Clone, Debug)]
pub(crate) struct PreparedRequest {
    bytes: Vec<u8>,
    status: u16,
    /// Whether the response must have `Idempotency-Replayed: true`, or must not.
    replayed: bool,
    /// The position of [`SERIAL`] in `bytes`, if each send has another number.
    serial_at: Option<usize>,
}

/// A placeholder in a request for a number that is unique in this run.
pub(crate) const SERIAL: &str = "@0000000000@";

impl PreparedRequest {
    pub(crate) fn new(
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        (status, replayed): (u16, bool),
    ) -> Self {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let bytes = [head.as_bytes(), body].concat();
        let serial_at = bytes.windows(SERIAL.len()).position(|window| window == SERIAL.as_bytes());
        Self { bytes, status, replayed, serial_at }
    }

    /// With `serial` in its place, zero-padded.
    fn write(&self, serial: u64, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(&self.bytes);
        if let Some(at) = self.serial_at {
            let digits = format!("{serial:0width$}", width = SERIAL.len());
            into[at..at + SERIAL.len()].copy_from_slice(digits.as_bytes());
        }
    }

    fn fits(&self, answer: &ParsedResponse) -> bool {
        (self.status, self.replayed) == (answer.status, answer.is_replay)
    }
}

#[derive(Clone, Copy, Debug)]
struct ParsedResponse {
    status: u16,
    is_replay: bool,
    /// The length of head and body.
    length: usize,
}

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), buffer: Vec::with_capacity(8 * 1024) })
    }

    /// Sends the request and reads the whole response; false if it is not the expected one.
    pub(crate) async fn send(&mut self, request: &PreparedRequest, serial: u64) -> io::Result<bool> {
        request.write(serial, &mut self.request);
        self.stream.write_all(&self.request).await?;
        loop {
            if let Some(answer) = read(&self.buffer)? {
                self.buffer.drain(..answer.length);
                return Ok(request.fits(&answer));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// `None` while the response is incomplete.
fn read(bytes: &[u8]) -> io::Result<Option<ParsedResponse>> {
    let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut lines);
    let httparse::Status::Complete(head) = response.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let value = |name: &str| {
        let line = response.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(line.value).ok()
    };
    let body: Option<usize> = value("content-length").and_then(|length| length.parse().ok());
    let length = head + body.ok_or_else(|| io::Error::other("an answer without content-length"))?;
    let status = response.code.unwrap_or_default();
    let is_replay = value("idempotency-replayed") == Some("true");
    Ok((bytes.len() >= length).then_some(ParsedResponse { status, is_replay, length }))
}
