//! The form of the ids that clients send: a prefix and a UUID in lower case (RFC 9562), in one spelling only.

/// Whether this can be a payment's id, `txn_…`.
#[must_use]
pub fn is_transaction(id: &str) -> bool {
    id.strip_prefix("txn_").is_some_and(is_uuid)
}

/// Whether this can be a refund's id, `rfnd_…`.
#[must_use]
pub fn is_refund(id: &str) -> bool {
    id.strip_prefix("rfnd_").is_some_and(is_uuid)
}

/// Whether this can be an event's id, `evt_…`.
#[must_use]
pub fn is_event(id: &str) -> bool {
    let letters = id.strip_prefix("evt_").unwrap_or_default().as_bytes();
    letters.len() == 32 && letters.iter().all(|letter| matches!(letter, b'a'..=b'p'))
}

fn is_uuid(text: &str) -> bool {
    uuid_shaped(text.as_bytes()) && text.len() == UUID_LEN && !text.bytes().any(|b| b.is_ascii_uppercase())
}

/// Length of a written UUID in bytes.
pub(crate) const UUID_LEN: usize = 36;

/// Whether the text begins with 8-4-4-4-12 hex digits, of either case.
pub(crate) fn uuid_shaped(text: &[u8]) -> bool {
    text.get(..UUID_LEN).is_some_and(|text| {
        text.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
    })
}
