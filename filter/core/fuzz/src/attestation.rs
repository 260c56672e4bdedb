//! The edge's signed statement. The input is the header's value.

use edge_core::attestation::{AttestationError, Audience, Keys, Request, Statement, TOLERANCE_S};

use crate::fixture::{NOW, SECRET, TRANSACTION, hmac, keys};

const METHOD: &str = "POST";
const PATH: &str = "/payments/charge?a=b";
const BODY: &[u8] = b"{}";
/// How a statement to the control plane begins.
const START: &str = "v=2;aud=control-plane;";
const LABEL: &[u8] = b"payment gateway: attestations to the control plane, version 2";

pub fn check(data: &[u8]) {
    judge(data);
    // With the edge's own signature, so that the fields are read as well.
    if let Ok(fields) = std::str::from_utf8(data) {
        let fields = fields.rsplit_once(";mac=").map_or(fields, |(fields, _)| fields);
        judge(signed(fields).as_bytes());
    }
}

/// What is accepted is written in one way only, and is about this request alone.
fn judge(header: &[u8]) {
    let request = Request::new(METHOD, PATH, BODY);
    let signed = match keys().authenticate(header, &request) {
        Ok(signed) => signed,
        Err(error) => {
            assert!(AttestationError::ALL.contains(&error) && error != AttestationError::Missing);
            assert!(keys().verify(header, &request, NOW).is_err());
            return;
        }
    };
    let ahead = signed.ahead_of(NOW);
    if ahead == i64::MAX {
        // At least so far ahead; how far is unknown.
        assert_eq!(signed.at(NOW), Err(AttestationError::Stale));
        return;
    }
    let time = NOW.saturating_add_signed(ahead);
    let statement = signed.at(time).unwrap();
    let text = std::str::from_utf8(header).unwrap();
    let earlier = text.strip_prefix("v=1;");
    let rest = earlier.or_else(|| text.strip_prefix(START)).unwrap();
    let key_id = rest.strip_prefix("kid=").unwrap().get(..2).unwrap();
    let written = signer(key_id).sign(&request, &statement, time);
    match earlier {
        None => assert_eq!(written, text, "{statement:?}"),
        // The same fields; the MAC is made with another key.
        Some(_) => {
            let fields = |text: &str| text.rsplit_once(";mac=").unwrap().0.to_owned();
            assert_eq!(fields(written.strip_prefix(START).unwrap()), fields(rest), "{statement:?}");
        }
    }
    assert_eq!(keys().verify(header, &request, time), Ok(statement));
    assert_eq!(keys().verify(header, &request, time + TOLERANCE_S + 1), Err(AttestationError::Stale));
    for other in [
        Request::new("GET", PATH, BODY),
        Request::new(METHOD, "/payments/charge", BODY),
        Request::new(METHOD, PATH, b"{} "),
    ] {
        assert_eq!(keys().verify(header, &other, time), Err(AttestationError::Mismatch));
    }
    if earlier.is_none() {
        let elsewhere = request.to(Audience::EdgeCache);
        assert_eq!(keys().verify(header, &elsewhere, time), Err(AttestationError::Audience));
    }
}

fn signer(id: &str) -> Keys {
    let digit = id.strip_prefix('k').unwrap();
    Keys::parse(&format!("{id}:{}", format!("0{digit}").repeat(32))).unwrap()
}

fn signed(fields: &str) -> String {
    let body = Request::new(METHOD, PATH, BODY).body_sha256;
    let parts = [fields, "\n", METHOD, "\n", PATH, "\n"].map(str::as_bytes);
    // Earlier releases used the secret itself.
    let key = if fields.starts_with("v=1;") { SECRET } else { hmac(&SECRET, &[LABEL]) };
    let mac = hmac(&key, &[&parts.concat(), &body]);
    format!("{fields};mac={}", hex::encode(mac))
}

pub fn seeds() -> Vec<Vec<u8>> {
    let request = Request::new(METHOD, PATH, BODY);
    let anonymous = Statement::anonymous("7d1b-1".to_owned());
    let hash = "ab".repeat(32);
    let start = format!("{START}kid=k1;t={NOW};rid=7d1b-1;client=demo;");
    let mut seeds = vec![
        keys().sign(&request, &anonymous, NOW).into_bytes(),
        signer("k2").sign(&request, &anonymous, NOW).into_bytes(),
        keys().sign(&request.to(Audience::EdgeCache), &anonymous, NOW).into_bytes(),
        signed(&format!("v=1;kid=k1;t={NOW};rid=7d1b-1;client=demo;idem=;hook=")).into_bytes(),
    ];
    for rest in [
        format!("idem={hash}.{hash}.7;hook="),
        format!("idem={hash}.{hash}.unchecked;hook="),
        "idem=;hook=stripe".to_owned(),
        format!("idem=;hook=;tick={TRANSACTION}.{NOW}"),
        format!("idem={}.{hash}.07;hook=", hash.to_uppercase()),
    ] {
        seeds.push(signed(&format!("{start}{rest}")).into_bytes());
    }
    seeds
}
