//! The broker's version, which it tells each client at first. The library keeps it to itself, so it is read from a
//! connection of its own, which goes no further: no login, and nothing waits for it.

use std::time::Duration;

use futures_util::{AsyncReadExt as _, AsyncWriteExt as _};
use lapin::tcp::AMQPUriTcpExt as _;

use super::uri::AmqpUri;

/// The time limit, connecting included.
const WITHIN: Duration = Duration::from_secs(3);
/// What a client of AMQP 0-9-1 says at first.
const HELLO: &[u8] = b"AMQP\x00\x00\x09\x01";
/// Kind, channel and length of a frame.
const HEAD: usize = 7;
/// RabbitMQ's takes about 500 bytes.
const GREETING_MAX: usize = 16 * 1024;
/// `connection.start`: class and method.
const START: [u8; 4] = [0, 10, 0, 10];
/// Of a version in the log.
const CHARS_MAX: usize = 64;

/// Logs the version. One that cannot be read is unknown.
pub(super) async fn tell_version(uri: AmqpUri) {
    let greeting = tokio::time::timeout(WITHIN, greeting(&uri)).await.ok().flatten();
    let version = greeting.as_deref().and_then(version).unwrap_or_else(|| "unknown".to_owned());
    tracing::info!(version, "RabbitMQ says its version");
}

/// What is in the broker's first frame.
async fn greeting(uri: &AmqpUri) -> Option<Vec<u8>> {
    let (parts, tls, runtime) = (uri.parts(), uri.tls(), lapin::runtime::default_runtime().ok()?);
    let mut stream = parts.connect_with_config_async(tls.as_ref(), &runtime).await.ok()?;
    stream.write_all(HELLO).await.ok()?;
    stream.flush().await.ok()?;
    let mut head = [0; HEAD];
    stream.read_exact(&mut head).await.ok()?;
    let length = usize::try_from(u32::from_be_bytes(*head.last_chunk::<4>()?)).ok()?;
    if length > GREETING_MAX {
        return None;
    }
    let mut greeting = vec![0; length];
    stream.read_exact(&mut greeting).await.ok()?;
    Some(greeting)
}

/// The version among the properties in a greeting.
fn version(greeting: &[u8]) -> Option<String> {
    // The version of the protocol takes two bytes.
    let (_, properties) = greeting.strip_prefix(&START)?.split_first_chunk::<2>()?;
    let (mut properties, _) = long(properties)?;
    while !properties.is_empty() {
        let (name, rest) = short(properties)?;
        let (kind, rest) = rest.split_first()?;
        let (value, rest) = match kind {
            b'S' | b'F' | b'A' | b'x' => long(rest)?,
            b't' | b'b' | b'B' => rest.split_at_checked(1)?,
            b's' | b'u' => rest.split_at_checked(2)?,
            b'I' | b'i' | b'f' => rest.split_at_checked(4)?,
            b'l' | b'd' | b'T' => rest.split_at_checked(8)?,
            _ => return None,
        };
        if name == b"version" {
            return Some(String::from_utf8_lossy(value).chars().take(CHARS_MAX).collect());
        }
        properties = rest;
    }
    None
}

/// A value behind its length in one byte, and the rest.
fn short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// A value behind its length in four bytes, and the rest.
fn long(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sized(value: &[u8]) -> Vec<u8> {
        [&u32::try_from(value.len()).unwrap().to_be_bytes()[..], value].concat()
    }

    fn property(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
        [&[u8::try_from(name.len()).unwrap()][..], name.as_bytes(), &[kind], value].concat()
    }

    fn greeting_with(properties: &[Vec<u8>]) -> Vec<u8> {
        let mechanisms = sized(b"PLAIN");
        [&START[..], &[0, 9], &sized(&properties.concat()), &mechanisms, &sized(b"en_US")].concat()
    }

    #[test]
    fn a_brokers_version_is_found_among_its_properties() {
        let capabilities = sized(&property("basic.nack", b't', &[1]));
        let before = [
            property("capabilities", b'F', &capabilities),
            property("product", b'S', &sized(b"RabbitMQ")),
            property("nodes", b'I', &[0, 0, 0, 3]),
        ];
        let of = |last| version(&greeting_with(&[&before[..], &[last]].concat()));
        assert_eq!(of(property("version", b'S', &sized(b"3.13.7"))).as_deref(), Some("3.13.7"));
        assert_eq!(of(property("platform", b'S', &sized(b"Erlang/OTP 26"))), None);
    }

    #[test]
    fn a_greeting_that_is_cut_off_or_of_another_kind_has_no_version() {
        let whole = greeting_with(&[property("version", b'S', &sized(b"3.13.7"))]);
        let end = whole.windows(6).position(|part| part == b"3.13.7").unwrap() + 6;
        for length in 0..end {
            assert_eq!(version(&whole[..length]), None, "{length}");
        }
        assert_eq!(version(&[&[0, 10, 0, 50][..], &whole[4..]].concat()), None);
        assert_eq!(version(&greeting_with(&[property("version", b'?', b"")])), None);
    }
}
