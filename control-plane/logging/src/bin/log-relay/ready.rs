//! `log-relay --ready IP:PORT`: the health check of Envoy's image, in which nothing else speaks HTTP.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Limit of each step. Container engines wait 3 s for all of them.
const TIMEOUT: Duration = Duration::from_millis(1000);

const REQUEST: &[u8] = b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const READY: &[u8] = b"HTTP/1.1 200 ";

/// Asks Envoy's admin interface at this address, which says no while Envoy starts or drains.
///
/// # Errors
/// Envoy is not ready, or does not answer.
pub(crate) fn ask(address: &str) -> io::Result<()> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(REQUEST)?;
    let mut begin = [0; READY.len()];
    stream.read_exact(&mut begin)?;
    if begin.as_slice() == READY {
        return Ok(());
    }
    Err(io::Error::other(format!("{address} answers {}", String::from_utf8_lossy(&begin))))
}
