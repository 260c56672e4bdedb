//! One keep-alive HTTP/1.1 connection that sends prebuilt requests and reads whole answers.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const HEADERS_MAX: usize = 32;

/// What is sent, and what a right answer to it looks like.
#[derive(Clone, Debug)]
pub(crate) struct PreparedRequest {
    bytes: Vec<u8>,
    status: u16,
    /// Whether the answer must say `Idempotency-Replayed: true`, or must not.
    replayed: bool,
    /// Where [`SERIAL`] stands in `bytes`, if each time it is sent with another number.
    serial_at: Option<usize>,
}

/// Stands, in what is sent, for a number that no other request of this run has.
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

    /// With `serial` in its place, as many digits as it takes.
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
    /// Of head and body.
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

    /// Sends and reads the whole answer; false if it is not the right one.
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

/// `None` as long as something is missing.
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
