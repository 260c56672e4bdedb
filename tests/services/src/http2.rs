//! Raw HTTP/2 (RFC 9113), for requests that no client library would send.

/// The start of a connection: the preface and empty settings.
#[must_use]
pub fn hello() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, b"")].concat()
}

/// A complete request without a body; `headers` in addition to the pseudo-headers.
#[must_use]
pub fn get(stream: u32, authority: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", authority)];
    let block: Vec<u8> = pseudo.iter().chain(headers).flat_map(|(name, value)| field(name, value)).collect();
    const WHOLE: u8 = 0x5; // END_STREAM and END_HEADERS
    frame(1, WHOLE, stream, &block)
}

/// The client cancels the stream.
#[must_use]
pub fn cancel(stream: u32) -> Vec<u8> {
    const CANCEL: u32 = 8;
    frame(3, 0, stream, &CANCEL.to_be_bytes())
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Literal and not indexed (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127);
        [&[length.unwrap_or_else(|| panic!("{text} is too long"))], text.as_bytes()].concat()
    };
    [vec![0], text(name), text(value)].concat()
}
