//! The edge's signed statement about a request that it forwards, and how the control plane verifies it.
//!
//! The header reads `v=2;aud=control-plane;kid=k1;t=1764000000;rid=…;client=demo;idem=…;hook=…;mac=<64 hex>`, with
//! `tick=…` before the MAC where a ticket stands in for the client's key. The MAC is HMAC-SHA256 (RFC 2104), under the
//! subkey for the audience `aud`, over the header's own fields and over the request: method, path with query, and the
//! SHA-256 of the raw body. A request that was altered, that is for another service, or that never passed the edge, has
//! no valid MAC.
//!
//! Earlier releases signed without an audience, with the secret itself (`v=1;kid=…`). Those that have the secret accept
//! this for as long as edges of such a release may be in use, until [`Keys::rejecting_earlier`].

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::canonical;
use crate::client::ClientId;
use crate::id;
use crate::idempotency::{Fence, Fingerprint, Scope};
use crate::keys::CLOCK_TOLERANCE_S;
pub(crate) use crate::keys::Purpose;
pub use crate::keys::{Holder, Keys, KeysError};
use crate::provider::Provider;
use crate::ticket::Ticket;

/// The header that carries the attestation, in lower case.
pub const HEADER: &str = "x-edge-attestation";

/// The largest difference, in seconds, between the edge's clock and the control plane's. An eavesdropper between the
/// two can replay a request for that long, and only that very request: method, path, body and client are signed, and so
/// is the idempotency key, under which nothing is executed twice. Without a key, what changes something executes once
/// for each attestation.
pub const TOLERANCE_S: u64 = CLOCK_TOLERANCE_S;

/// The service that a request is for. It refuses what was attested for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    ControlPlane,
    EdgeCache,
}

impl Audience {
    const ALL: [Self; 2] = [Self::ControlPlane, Self::EdgeCache];

    /// The name in the header.
    const fn name(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::EdgeCache => "edge-cache",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|audience| audience.name() == name)
    }

    const fn purpose(self) -> Purpose {
        match self {
            Self::ControlPlane => Purpose::ToControlPlane,
            Self::EdgeCache => Purpose::ToEdgeCache,
        }
    }
}

/// The request as edge and control plane see it, byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who gets it.
    pub audience: Audience,
    pub method: &'a str,
    /// Path and query as on the request line.
    pub path: &'a str,
    pub body_sha256: [u8; 32],
}

impl<'a> Request<'a> {
    /// A request to the control plane.
    #[must_use]
    pub fn new(method: &'a str, path: &'a str, body: &[u8]) -> Self {
        Self { audience: Audience::ControlPlane, method, path, body_sha256: Sha256::digest(body).into() }
    }

    /// The same request to another service.
    #[must_use]
    pub const fn to(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }
}

/// What the edge attests about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `None` on routes that need no client key.
    pub client: Option<ClientId>,
    /// Envoy's `x-request-id`, for logs and answers: 1 to 64 of `A-Z a-z 0-9 -`.
    pub request_id: String,
    /// On routes that take an idempotency key.
    pub key: Option<AttestedKey>,
    /// The provider whose signature the request bears: it is a genuine webhook.
    pub webhook: Option<Provider>,
    /// Set if a ticket of `client` stands in for its key: then the request is for nothing but what the ticket allows.
    pub ticket: Option<Ticket>,
}

impl Statement {
    /// States nothing but the request's id.
    #[must_use]
    pub const fn anonymous(request_id: String) -> Self {
        Self { client: None, request_id, key: None, webhook: None, ticket: None }
    }
}

/// The request's idempotency key, as the edge read and claimed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttestedKey {
    pub scope: Scope,
    pub fingerprint: Fingerprint,
    /// The fence that the edge cache granted. `None`: unchecked, because the cache gave no usable verdict.
    pub fence: Option<Fence>,
}

impl AttestedKey {
    fn write(&self) -> String {
        let fence = self.fence.map_or_else(|| "unchecked".to_owned(), |fence| fence.get().to_string());
        format!("{}.{}.{fence}", self.scope, self.fingerprint)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let scope = Scope::from_hex(parts.next()?)?;
        let fingerprint = Fingerprint::from_hex(parts.next()?)?;
        let fence = match parts.next()? {
            "unchecked" => None,
            number => Some(Fence::new(canonical::number(number)?)?),
        };
        Some(Self { scope, fingerprint, fence })
    }
}

/// Why an attestation is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    #[error("the request carries no attestation from the edge")]
    Missing,
    #[error("the attestation is malformed")]
    Malformed,
    #[error("the attestation is signed with an unknown key")]
    UnknownKey,
    #[error("the attestation is for another service")]
    Audience,
    #[error("the attestation is not fresh; check both clocks")]
    Stale,
    #[error("the attestation does not match the request")]
    Mismatch,
    /// Found only for requests that change something without an idempotency key.
    #[error("the attestation was used for another request; each is valid for one")]
    Repeated,
}

impl AttestationError {
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Malformed,
        Self::UnknownKey,
        Self::Audience,
        Self::Stale,
        Self::Mismatch,
        Self::Repeated,
    ];

    /// The name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::Audience => "audience",
            Self::Stale => "stale",
            Self::Mismatch => "mismatch",
            Self::Repeated => "repeated",
        }
    }
}

impl Keys {
    /// The header's value for a request that is forwarded at `now_s` (Unix seconds).
    #[must_use]
    pub fn sign(&self, request: &Request<'_>, statement: &Statement, now_s: u64) -> String {
        // A list of keys is never empty, and no list without a subkey for the edge's statements is read for the edge.
        let audience = request.audience;
        let Some((key, subkey)) = self.first().and_then(|key| Some((key, key.subkey(audience.purpose())?)))
        else {
            return String::new();
        };
        let client = statement.client.as_ref().map_or("", ClientId::as_str);
        let idem = statement.key.as_ref().map_or_else(String::new, AttestedKey::write);
        let hook = statement.webhook.map_or("", Provider::name);
        let mut fields = format!(
            "v=2;aud={};kid={};t={now_s};rid={};client={client};idem={idem};hook={hook}",
            audience.name(),
            key.id,
            statement.request_id
        );
        if let Some(Ticket { payment, expires_s, .. }) = &statement.ticket {
            fields += &format!(";tick={payment}.{expires_s}");
        }
        let mac = hex::encode(mac(subkey, &fields, request).finalize().into_bytes());
        format!("{fields};mac={mac}")
    }

    /// Verifies `header` against the request it came with, at `now_s` (Unix seconds).
    pub fn verify(
        &self,
        header: &[u8],
        request: &Request<'_>,
        now_s: u64,
    ) -> Result<Statement, AttestationError> {
        self.authenticate(header, request)?.at(now_s)
    }

    /// Verifies that the edge signed `header` for the request it came with, however long ago.
    pub fn authenticate(&self, header: &[u8], request: &Request<'_>) -> Result<Signed, AttestationError> {
        let header = std::str::from_utf8(header).map_err(|_| AttestationError::Malformed)?;
        let read = Read::parse(header).ok_or(AttestationError::Malformed)?;
        let key = self.with_id(read.key_id).ok_or(AttestationError::UnknownKey)?;
        let key = match read.audience {
            Some(audience) if audience != request.audience => return Err(AttestationError::Audience),
            Some(audience) => key.subkey(audience.purpose()),
            None => key.secret(),
        };
        mac(key.ok_or(AttestationError::UnknownKey)?, read.signed, request)
            .verify_slice(&read.mac)
            .map_err(|_| AttestationError::Mismatch)?;
        Ok(Signed { statement: read.statement, time_s: read.time_s, mac: read.mac })
    }
}

/// A statement that the edge signed. It must not be trusted before [`Self::at`] has found it fresh.
#[derive(Clone, Debug)]
pub struct Signed {
    statement: Statement,
    time_s: u64,
    mac: [u8; 32],
}

impl Signed {
    /// How many seconds the edge's clock was ahead of `now_s` (Unix seconds); negative if it was behind, or if the
    /// request took that long.
    #[must_use]
    pub fn ahead_of(&self, now_s: u64) -> i64 {
        let apart = i64::try_from(now_s.abs_diff(self.time_s)).unwrap_or(i64::MAX);
        if self.time_s >= now_s { apart } else { -apart }
    }

    /// The same for copies of a request only: requests that are forwarded differ in their ids, which are signed.
    #[must_use]
    pub const fn mac(&self) -> [u8; 32] {
        self.mac
    }

    /// The statement, if it is fresh at `now_s` (Unix seconds).
    pub fn at(self, now_s: u64) -> Result<Statement, AttestationError> {
        if now_s.abs_diff(self.time_s) > TOLERANCE_S {
            Err(AttestationError::Stale)
        } else {
            Ok(self.statement)
        }
    }
}

struct Read<'a> {
    signed: &'a str,
    /// `None` in the header of an earlier release.
    audience: Option<Audience>,
    key_id: &'a str,
    time_s: u64,
    statement: Statement,
    mac: [u8; 32],
}

impl<'a> Read<'a> {
    /// Reads the fields in the one order in which they are written; anything else is malformed.
    fn parse(header: &'a str) -> Option<Self> {
        let (signed, mac) = header.rsplit_once(";mac=")?;
        let mut fields = signed.split(';');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let audience = match field("v")? {
            "1" => None,
            "2" => Some(Audience::from_name(field("aud")?)?),
            _ => return None,
        };
        let key_id = field("kid")?;
        let time_s = canonical::number(field("t")?)?;
        let request_id = field("rid").filter(|id| is_request_id(id))?.to_owned();
        let client = match field("client")? {
            "" => None,
            name => Some(ClientId::parse(name)?),
        };
        let key = match field("idem")? {
            "" => None,
            text => Some(AttestedKey::read(text)?),
        };
        let webhook = match field("hook")? {
            "" => None,
            name => Some(Provider::from_name(name)?),
        };
        let ticket = match fields.next() {
            None => None,
            Some(field) => Some(read_ticket(field.strip_prefix("tick=")?, client.clone()?)?),
        };
        if fields.next().is_some() {
            return None;
        }
        let mac = canonical::hex(mac)?;
        let statement = Statement { client, request_id, key, webhook, ticket };
        Some(Self { signed, audience, key_id, time_s, statement, mac })
    }
}

fn read_ticket(text: &str, client: ClientId) -> Option<Ticket> {
    let (payment, expires_s) = text.split_once('.')?;
    let payment = Some(payment).filter(|payment| id::is_transaction(payment))?.to_owned();
    Some(Ticket { client, payment, expires_s: canonical::number(expires_s)? })
}

/// Whether a request id is safe in a header, a log and an attestation as it is.
#[must_use]
pub fn is_request_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn mac(key: &Hmac<Sha256>, fields: &str, request: &Request<'_>) -> Hmac<Sha256> {
    let mut mac = key.clone();
    // No part can hold a line feed (Envoy refuses it in paths and header values), so joining is unambiguous.
    for part in [fields, request.method, request.path] {
        mac.update(part.as_bytes());
        mac.update(b"\n");
    }
    mac.update(&request.body_sha256);
    mac
}

#[cfg(test)]
mod tests;
