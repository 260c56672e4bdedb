//! The edge's signed word about a request it lets through, and how the control plane checks it.
//!
//! The header reads `v=1;kid=k1;t=1764000000;rid=…;client=demo;idem=…;hook=…;mac=<64 hex>`. The MAC is HMAC-SHA256
//! (RFC 2104) over the header's own fields and over what the header speaks of: method, path with query,
//! and the SHA-256 of the raw body. A request that was altered, or that never passed the edge, has no
//! valid one.

mod keys;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::client::ClientId;
use crate::idempotency::{Fence, Fingerprint, Scope};
use crate::provider::Provider;
use keys::Key;

pub use keys::{Keys, KeysError};

/// The header that carries the attestation, in lower case.
pub const HEADER: &str = "x-edge-attestation";

/// How far, in seconds, the edge's clock and the control plane's may stand apart. For as long can a request be sent again
/// by a reader between the two, and only this very request: method, path, body and client are signed, and so is the
/// idempotency key, under which nothing is executed twice however often it comes.
pub const TOLERANCE_S: u64 = 60;

/// The request as both halves see it, byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    /// Path and query as they stand on the request line.
    pub path: &'a str,
    pub body_sha256: [u8; 32],
}

impl<'a> Request<'a> {
    #[must_use]
    pub fn new(method: &'a str, path: &'a str, body: &[u8]) -> Self {
        Self { method, path, body_sha256: Sha256::digest(body).into() }
    }
}

/// What the edge found out and vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `None` on routes that need no client key.
    pub client: Option<ClientId>,
    /// Envoy's `x-request-id`, for logs and answers: 1 to 64 of `A-Z a-z 0-9 -`.
    pub request_id: String,
    /// On routes that take an idempotency key.
    pub claim: Option<Claim>,
    /// The provider whose signature the request bears: it is a webhook, and genuine.
    pub webhook: Option<Provider>,
}

impl Claims {
    /// Of a request of which nothing is known but its id.
    #[must_use]
    pub const fn anonymous(request_id: String) -> Self {
        Self { client: None, request_id, claim: None, webhook: None }
    }
}

/// The request's idempotency key, as the edge found and claimed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub scope: Scope,
    pub fingerprint: Fingerprint,
    /// The turn that the shared cache gave. `None`: unchecked, since the cache could not be asked.
    pub fence: Option<Fence>,
}

impl Claim {
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
            number => Some(Fence::new(number.parse().ok()?)?),
        };
        Some(Self { scope, fingerprint, fence })
    }
}

/// Why an attestation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the request carries no attestation of the edge")]
    Missing,
    #[error("the attestation cannot be read")]
    Malformed,
    #[error("the attestation is signed with a key that is not known here")]
    UnknownKey,
    #[error("the attestation is not fresh; check both clocks")]
    Stale,
    #[error("the attestation does not fit the request")]
    Mismatch,
}

impl Refusal {
    pub const ALL: [Self; 5] =
        [Self::Missing, Self::Malformed, Self::UnknownKey, Self::Stale, Self::Mismatch];

    /// The name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::Stale => "stale",
            Self::Mismatch => "mismatch",
        }
    }
}

impl Keys {
    /// The header's value for a request seen at `now_s` (Unix seconds).
    #[must_use]
    pub fn sign(&self, request: &Request<'_>, claims: &Claims, now_s: u64) -> String {
        let Some(key) = self.first() else { return String::new() };
        let client = claims.client.as_ref().map_or("", ClientId::as_str);
        let idem = claims.claim.as_ref().map_or_else(String::new, Claim::write);
        let hook = claims.webhook.map_or("", Provider::name);
        let fields = format!(
            "v=1;kid={};t={now_s};rid={};client={client};idem={idem};hook={hook}",
            key.id, claims.request_id
        );
        let mac = hex::encode(mac(key, &fields, request).finalize().into_bytes());
        format!("{fields};mac={mac}")
    }

    /// Checks `header` against the request it came with, at `now_s` (Unix seconds).
    pub fn verify(&self, header: &[u8], request: &Request<'_>, now_s: u64) -> Result<Claims, Refusal> {
        self.authenticate(header, request)?.at(now_s)
    }

    /// Checks that the edge has signed `header` for the request it came with, however long ago.
    pub fn authenticate(&self, header: &[u8], request: &Request<'_>) -> Result<Signed, Refusal> {
        let header = std::str::from_utf8(header).map_err(|_| Refusal::Malformed)?;
        let read = Read::parse(header).ok_or(Refusal::Malformed)?;
        let key = self.with_id(read.key_id).ok_or(Refusal::UnknownKey)?;
        mac(key, read.signed, request).verify_slice(&read.mac).map_err(|_| Refusal::Mismatch)?;
        Ok(Signed { claims: read.claims, time_s: read.time_s })
    }
}

/// What the edge has signed. Nothing may be believed of it before it is known to be fresh.
#[derive(Clone, Debug)]
pub struct Signed {
    claims: Claims,
    time_s: u64,
}

impl Signed {
    /// How many seconds the edge's clock was ahead of `now_s` (Unix seconds); negative: behind it, or the request has
    /// taken so long.
    #[must_use]
    pub fn ahead_of(&self, now_s: u64) -> i64 {
        let apart = i64::try_from(now_s.abs_diff(self.time_s)).unwrap_or(i64::MAX);
        if self.time_s >= now_s { apart } else { -apart }
    }

    /// What is claimed, if it is fresh at `now_s` (Unix seconds).
    pub fn at(self, now_s: u64) -> Result<Claims, Refusal> {
        if now_s.abs_diff(self.time_s) > TOLERANCE_S { Err(Refusal::Stale) } else { Ok(self.claims) }
    }
}

struct Read<'a> {
    signed: &'a str,
    key_id: &'a str,
    time_s: u64,
    claims: Claims,
    mac: Vec<u8>,
}

impl<'a> Read<'a> {
    /// Takes the fields in the one order they are written in; anything else is malformed.
    fn parse(header: &'a str) -> Option<Self> {
        let (signed, mac) = header.rsplit_once(";mac=")?;
        let mut fields = signed.split(';');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let version = field("v")?;
        let key_id = field("kid")?;
        let time_s = field("t")?.parse().ok()?;
        let request_id = field("rid").filter(|id| is_request_id(id))?.to_owned();
        let client = match field("client")? {
            "" => None,
            name => Some(ClientId::parse(name)?),
        };
        let claim = match field("idem")? {
            "" => None,
            text => Some(Claim::read(text)?),
        };
        let webhook = match field("hook")? {
            "" => None,
            name => Some(Provider::from_name(name)?),
        };
        if version != "1" || fields.next().is_some() {
            return None;
        }
        let mac = hex::decode(mac).ok()?;
        Some(Self { signed, key_id, time_s, claims: Claims { client, request_id, claim, webhook }, mac })
    }
}

/// Whether a request id can stand in a header, a log and an attestation as it is.
#[must_use]
pub fn is_request_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn mac(key: &Key, fields: &str, request: &Request<'_>) -> Hmac<Sha256> {
    let mut mac = key.attesting.clone();
    // No part can hold a line feed (Envoy refuses it in paths and header values), so joining is unambiguous.
    for part in [fields, request.method, request.path] {
        mac.update(part.as_bytes());
        mac.update(b"\n");
    }
    mac.update(&request.body_sha256);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const NOW: u64 = 1_764_000_000;
    const OLD: &str = "old:0101010101010101010101010101010101010101010101010101010101010101";
    const NEW: &str = "new:0202020202020202020202020202020202020202020202020202020202020202";

    fn keys(list: &str) -> Keys {
        Keys::parse(list).unwrap()
    }

    fn claims() -> Claims {
        Claims { client: ClientId::parse("demo"), ..Claims::anonymous("7d1b-1".to_owned()) }
    }

    fn charge() -> Request<'static> {
        Request::new("POST", "/payments/charge?x=1", b"{\"amount\":1}")
    }

    #[test]
    fn what_the_edge_signs_the_control_plane_believes() {
        let header = keys(OLD).sign(&charge(), &claims(), NOW);
        assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW + 60), Ok(claims()));
    }

    #[test]
    fn a_request_without_a_client_can_be_attested() {
        let anonymous = Claims { client: None, ..claims() };
        let header = keys(OLD).sign(&charge(), &anonymous, NOW);
        assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW), Ok(anonymous));
    }

    #[test]
    fn a_claim_and_a_webhook_are_attested_as_they_are() {
        let scope = Scope::from_hex(&"ab".repeat(32)).unwrap();
        let fingerprint = Fingerprint::from_hex(&"cd".repeat(32)).unwrap();
        for fence in [None, Fence::new(7)] {
            let claims = Claims { claim: Some(Claim { scope, fingerprint, fence }), ..claims() };
            let header = keys(OLD).sign(&charge(), &claims, NOW);
            assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW), Ok(claims));
        }
        for provider in Provider::ALL {
            let claims = Claims { webhook: Some(provider), ..Claims::anonymous("7d1b".to_owned()) };
            let header = keys(OLD).sign(&charge(), &claims, NOW);
            assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW), Ok(claims));
        }
    }

    #[test]
    fn any_altered_part_of_the_request_is_noticed() {
        let header = keys(OLD).sign(&charge(), &claims(), NOW);
        let altered = [
            Request { method: "PUT", ..charge() },
            Request { path: "/payments/refund?x=1", ..charge() },
            Request { path: "/payments/charge", ..charge() },
            Request::new("POST", "/payments/charge?x=1", b"{\"amount\":2}"),
        ];
        for request in altered {
            assert_eq!(
                keys(OLD).verify(header.as_bytes(), &request, NOW),
                Err(Refusal::Mismatch),
                "{request:?}"
            );
        }
    }

    #[test]
    fn an_altered_claim_is_noticed() {
        let header = keys(OLD).sign(&charge(), &claims(), NOW).replace("client=demo", "client=demo-2");
        assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW), Err(Refusal::Mismatch));
    }

    #[test]
    fn an_attestation_is_good_for_a_minute_in_either_direction_and_then_stale() {
        let header = keys(OLD).sign(&charge(), &claims(), NOW);
        for now in [NOW + 60, NOW - 60] {
            assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), now), Ok(claims()));
        }
        for now in [NOW + 61, NOW - 61] {
            assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), now), Err(Refusal::Stale));
        }
    }

    #[test]
    fn a_signature_tells_how_far_the_clocks_are_apart_fresh_or_not() {
        let header = keys(OLD).sign(&charge(), &claims(), NOW);
        let signed = keys(OLD).authenticate(header.as_bytes(), &charge()).unwrap();
        for (now, ahead) in
            [(NOW, 0), (NOW + 45, -45), (NOW - 45, 45), (NOW + 86_400, -86_400), (0, 1_764_000_000)]
        {
            assert_eq!(signed.ahead_of(now), ahead);
        }
    }

    #[test]
    fn a_key_is_rotated_without_refusing_a_request() {
        let both = keys(&format!("{NEW},{OLD}"));
        let by_old = keys(OLD).sign(&charge(), &claims(), NOW);
        let by_new = both.sign(&charge(), &claims(), NOW);
        assert!(both.verify(by_old.as_bytes(), &charge(), NOW).is_ok());
        assert!(keys(NEW).verify(by_new.as_bytes(), &charge(), NOW).is_ok());
        assert_eq!(keys(NEW).verify(by_old.as_bytes(), &charge(), NOW), Err(Refusal::UnknownKey));
    }

    #[test]
    fn nonsense_is_malformed_and_never_a_panic() {
        let good = keys(OLD).sign(&charge(), &claims(), NOW);
        let nonsense =
            ["", ";mac=", "v=1", "v=2;kid=old;t=1;rid=a;client=;mac=00", &good[..40], "v=1;kid=old;t=x"];
        for header in nonsense {
            assert_eq!(
                keys(OLD).verify(header.as_bytes(), &charge(), NOW),
                Err(Refusal::Malformed),
                "{header}"
            );
        }
        assert_eq!(keys(OLD).verify(&[0xff, 0xfe], &charge(), NOW), Err(Refusal::Malformed));
    }
}
