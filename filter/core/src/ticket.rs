//! Tickets to watch the events of one payment, for browsers: a page must not have its shop's client key.
//!
//! A ticket is `evtk_` and letters. The letters are the hexadecimal digits, written with `a` to `p` so that no part of
//! a ticket can be taken for a card number, of the text `1;key id;client;payment;expiry` and of its HMAC-SHA256 under a
//! subkey of the attestation keys. Nothing in it is secret, and it allows to read and nothing else. Everyone who has it
//! may use it until it expires, so it is short-lived.

use hmac::Mac;

use crate::canonical;
use crate::client::ClientId;
use crate::error::ErrorCode;
use crate::id;
use crate::keys::{CLOCK_TOLERANCE_S, Keys, Purpose};
use crate::request::TicketRequest;

/// The start of each ticket.
pub const PREFIX: &str = "evtk_";

/// The parameter of the query that carries a ticket.
pub const PARAMETER: &str = "ticket";

/// A ticket has some 200 characters; names of keys and clients may be longer than usual.
const CHARS_MAX: usize = 1_024;

/// Length of the MAC in bytes.
const MAC_LEN: usize = 32;

/// What a ticket allows: to watch this payment of this client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub client: ClientId,
    /// `txn_…`
    pub payment: String,
    /// Unix seconds: the first second in which it is not valid any more.
    pub expires_s: u64,
}

/// Why a ticket is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    #[error(
        "this is no ticket of this gateway, or it was altered; get one for the payment with `POST /events/tickets`"
    )]
    Invalid,
    #[error("the ticket has expired; get a new one with `POST /events/tickets`")]
    Expired,
    #[error("the ticket is for another payment; get one for this payment with `POST /events/tickets`")]
    OtherPayment,
    #[error("the ticket's client may not use this gateway any more")]
    FormerClient,
    #[error("the request carries more than one ticket")]
    Several,
}

impl TicketError {
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Expired => ErrorCode::TicketExpired,
            Self::Invalid | Self::OtherPayment | Self::FormerClient | Self::Several => {
                ErrorCode::TicketInvalid
            }
        }
    }
}

impl Ticket {
    /// The ticket's text. Signed with the first key.
    #[must_use]
    pub fn sign(&self, keys: &Keys) -> String {
        // A list of keys is never empty, and the control plane's has every subkey.
        let Some((key, subkey)) = keys.first().and_then(|key| Some((key, key.subkey(Purpose::Tickets)?)))
        else {
            return String::new();
        };
        let content = format!("1;{};{};{};{}", key.id, self.client, self.payment, self.expires_s);
        let mac = subkey.clone().chain_update(&content).finalize().into_bytes();
        let mut text = PREFIX.to_owned();
        for byte in content.bytes().chain(mac) {
            text.extend([letter(byte >> 4), letter(byte & 0xf)]);
        }
        text
    }

    /// Reads a ticket at `now_s` (Unix seconds). Any of the keys may have signed it.
    ///
    /// # Errors
    /// It is not one that [`Self::sign`] made, or its time is over.
    pub fn verify(text: &str, keys: &Keys, now_s: u64) -> Result<Self, TicketError> {
        let bytes = decode(text).ok_or(TicketError::Invalid)?;
        let (content, mac) = bytes
            .len()
            .checked_sub(MAC_LEN)
            .and_then(|length| bytes.split_at_checked(length))
            .ok_or(TicketError::Invalid)?;
        let content = std::str::from_utf8(content).map_err(|_| TicketError::Invalid)?;
        let (key_id, ticket) = Self::read(content).ok_or(TicketError::Invalid)?;
        let key = keys.with_id(key_id).and_then(|key| key.subkey(Purpose::Tickets));
        let expected = key.ok_or(TicketError::Invalid)?.clone().chain_update(content);
        expected.verify_slice(mac).map_err(|_| TicketError::Invalid)?;
        // No ticket is made for longer; one that claims it comes from a clock that is far ahead.
        let longest = u64::from(TicketRequest::EXPIRES_IN_MAX) + CLOCK_TOLERANCE_S;
        match ticket.expires_s.checked_sub(now_s) {
            None | Some(0) => Err(TicketError::Expired),
            Some(left) if left > longest => Err(TicketError::Invalid),
            Some(_) => Ok(ticket),
        }
    }

    /// Whether the ticket allows to watch `payment`.
    ///
    /// # Errors
    /// It is for another one.
    pub fn is_for(&self, payment: &str) -> Result<(), TicketError> {
        if self.payment == payment { Ok(()) } else { Err(TicketError::OtherPayment) }
    }

    /// The id of the key and the ticket, from the fields in the one order in which they are written.
    fn read(content: &str) -> Option<(&str, Self)> {
        let mut fields = content.split(';');
        fields.next().filter(|version| *version == "1")?;
        let key_id = fields.next()?;
        let client = ClientId::parse(fields.next()?)?;
        let payment = fields.next().filter(|payment| id::is_transaction(payment))?.to_owned();
        let expires_s = canonical::number(fields.next()?)?;
        fields.next().is_none().then_some((key_id, Self { client, payment, expires_s }))
    }
}

/// The ticket that a request carries: in its query, or as a subprotocol beside the one that it asks for
/// (`Sec-WebSocket-Protocol`, whose lines are `protocols`), because a browser's WebSocket sets no other header.
///
/// # Errors
/// There are several.
pub fn carried<'a>(
    query: &str,
    protocols: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<String>, TicketError> {
    let in_query = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == PARAMETER)
        .map(|(_, value)| value.into_owned());
    let lines = protocols.into_iter().filter_map(|line| std::str::from_utf8(line).ok());
    let as_protocol = lines.flat_map(|line| line.split(',')).map(str::trim);
    let as_protocol = as_protocol.filter(|name| name.starts_with(PREFIX)).map(str::to_owned);
    let mut tickets = in_query.chain(as_protocol);
    match (tickets.next(), tickets.next()) {
        (ticket, None) => Ok(ticket),
        (_, Some(_)) => Err(TicketError::Several),
    }
}

fn letter(digit: u8) -> char {
    char::from(b'a' + (digit & 0xf))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let letters = text.strip_prefix(PREFIX).filter(|_| text.len() <= CHARS_MAX)?.as_bytes();
    let digit = |letter: u8| matches!(letter, b'a'..=b'p').then(|| letter - b'a');
    let (pairs, rest) = letters.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests;
