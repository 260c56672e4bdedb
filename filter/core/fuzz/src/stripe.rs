//! Stripe's signature. The input is the header's value and, after a line end, the body.

use edge_core::error::ErrorCode;
use edge_core::head::Head;
use edge_core::webhook::stripe::{HEADER, Secrets, Signed, TOLERANCE_S};
use edge_core::webhook::{Forged, VerificationError, Verified};

use crate::fixture::{NOW, hmac, split_line};

const SECRET: &str = "whsec_test";

pub fn check(data: &[u8]) {
    let (header, body) = split_line(data);
    judge(header, body);
    // With a signature by Stripe's key among the other parts, so that more than refusals is tried.
    let time = stated_time(header).unwrap_or(NOW);
    let signed = [header, format!(",v1={}", signature(time, body)).as_bytes()].concat();
    judge(&signed, body);
    let genuine = format!("t={NOW},v1={}", signature(NOW, body));
    assert_eq!(verify(genuine.as_bytes(), body), Ok(Verified::Stripe { signed_at_s: NOW }));
}

/// What is accepted is accepted by Stripe's own rule, and with no other body.
fn judge(header: &[u8], body: &[u8]) {
    match verify(header, body) {
        Ok(Verified::Stripe { signed_at_s }) => {
            assert!(signed_at_s.abs_diff(NOW) <= TOLERANCE_S);
            assert!(is_good_by_the_book(header, body));
            let other = [body, b" "].concat();
            assert_eq!(verify(header, &other), Err(Forged::SignatureMismatch));
        }
        Ok(other) => panic!("{other:?}"),
        Err(forged) => {
            let error = VerificationError::from(forged);
            assert_eq!(error.code(), ErrorCode::SignatureInvalid);
            assert!(!error.reason().is_empty());
        }
    }
}

fn verify(header: &[u8], body: &[u8]) -> Result<Verified, Forged> {
    let lines = [(HEADER.to_owned(), header.to_vec())];
    let secrets = Secrets::new(["whsec_old", SECRET]).unwrap();
    Signed::read(Head::new(&lines), NOW, TOLERANCE_S)?.verify(&secrets, body)
}

fn signature(time: u64, body: &[u8]) -> String {
    hex::encode(hmac(SECRET.as_bytes(), &[time.to_string().as_bytes(), b".", body]))
}

/// `docs.stripe.com/webhooks#verify-manually`: the time, and any `v1` that is the HMAC of time, dot and body.
fn is_good_by_the_book(header: &[u8], body: &[u8]) -> bool {
    let header = std::str::from_utf8(header).unwrap();
    let parts = || header.split(',').filter_map(|part| part.split_once('='));
    let Some(time) = stated_time(header.as_bytes()) else { return false };
    let wanted = signature(time, body);
    parts().any(|(name, value)| name == "v1" && value == wanted) && time.abs_diff(NOW) <= TOLERANCE_S
}

fn stated_time(header: &[u8]) -> Option<u64> {
    let header = std::str::from_utf8(header).ok()?;
    header.split(',').find_map(|part| part.strip_prefix("t="))?.parse().ok()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let body = "{\"id\":\"evt_1\"}";
    let v1 = signature(NOW, body.as_bytes());
    [
        format!("t={NOW},v1={v1}\n{body}"),
        format!("t={NOW},v1={},v1={v1},v0=00\n{body}", "0".repeat(64)),
        format!("v1={v1},t={NOW}\n{body}"),
        format!("t={NOW},t={NOW},v1={v1}\n{body}"),
        format!("t={},v1={v1}\n{body}", NOW - TOLERANCE_S),
        format!("t=0{NOW},v1={v1}\n{body}"),
        format!("t={NOW}, v1={v1}\n"),
        format!("t={NOW}"),
    ]
    .map(String::into_bytes)
    .into()
}
