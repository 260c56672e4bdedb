//! What the edge cache answers, and what it keeps. An attacker may have written all of it.

use std::sync::LazyLock;

use edge_core::idempotency::{
    Answer, BODY_BYTES_MAX, CLAIMS_MAX, CheckedVerdict, ClaimRequest, Fence, Fingerprint, Lease, MARKER,
    RETRY_AFTER_MS_MAX, Scope, SealedAnswer, Verdict,
};

use crate::fixture::{keys, texts};

pub fn check(data: &[u8]) {
    verdicts(data);
    claims(data);
    if let Ok(stored) = serde_json::from_slice::<SealedAnswer>(data) {
        let written = serde_json::to_vec(&stored).unwrap();
        assert_eq!(serde_json::from_slice::<SealedAnswer>(&written).ok().as_ref(), Some(&stored));
        if let Ok(answer) = stored.open(&claim(1), keys()) {
            is_definite(&answer);
            assert_eq!(answer, GENUINE.0);
        }
    }
}

/// Only what the control plane sealed is replayed, or refuses a request for good.
fn verdicts(data: &[u8]) {
    assert_eq!(Verdict::read_all(503, Some(MARKER.as_bytes()), data, 1), None);
    assert_eq!(Verdict::read_all(200, None, data, 1), None);
    let Some(read) = Verdict::read_all(200, Some(MARKER.as_bytes()), data, 1) else { return };
    let written = Verdict::encode_all(&read);
    assert_eq!(Verdict::read_all(200, Some(MARKER.as_bytes()), &written, 1).as_ref(), Some(&read));
    for verdict in read {
        match CheckedVerdict::new(verdict.clone(), &claim(1), keys()) {
            CheckedVerdict::Replay(answer) => {
                is_definite(&answer);
                assert_eq!(answer, GENUINE.0);
            }
            CheckedVerdict::InFlight { retry_after_ms } => {
                assert!((1..=RETRY_AFTER_MS_MAX).contains(&retry_after_ms));
            }
            // The genuine answer is to this very request.
            CheckedVerdict::Mismatch => panic!("{verdict:?} proves no other request"),
            _ => {}
        }
        // To another request under the key, the genuine answer is the proof, and the only one.
        if CheckedVerdict::new(verdict.clone(), &claim(2), keys()) == CheckedVerdict::Mismatch {
            let held = GENUINE.1.held(claim(1).fingerprint);
            assert_eq!(verdict, Some(Verdict::Mismatch { held: Some(held) }));
        }
    }
}

fn claims(data: &[u8]) {
    match ClaimRequest::read_all(data) {
        Ok(claims) => {
            assert!((1..=CLAIMS_MAX).contains(&claims.len()));
            let written = serde_json::to_vec(&claims).unwrap();
            assert_eq!(ClaimRequest::read_all(&written).ok(), Some(claims));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn is_definite(answer: &Answer) {
    assert!(matches!(answer.status(), 200..=299 | 402 | 404 | 409 | 422));
    assert!(answer.body().len() <= BODY_BYTES_MAX);
    assert!(answer.content_type().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
}

/// The one answer that the control plane gave, to `claim(1)`.
static GENUINE: LazyLock<(Answer, SealedAnswer)> = LazyLock::new(|| {
    let body = r#"{"success":true,"status":"completed"}"#.to_owned();
    let answer = Answer::new(200, "application/json".to_owned(), body).unwrap();
    let ClaimRequest { scope, fingerprint, .. } = claim(1);
    (answer.clone(), SealedAnswer::new(answer, &scope, &fingerprint, keys()))
});

fn claim(request: u8) -> ClaimRequest {
    ClaimRequest {
        scope: Scope::from_hex(&"ab".repeat(32)).unwrap(),
        fingerprint: Fingerprint::from_hex(&hex::encode([request; 32])).unwrap(),
        lease: Lease::from_ms(15_000).unwrap(),
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let sealed = &GENUINE.1;
    let held = sealed.held(claim(1).fingerprint);
    let mut seeds: Vec<_> = [
        Verdict::Start { fence: Fence::new(7).unwrap() },
        Verdict::Replay(sealed.clone()),
        Verdict::in_flight(250_000),
        Verdict::Mismatch { held: None },
        Verdict::Mismatch { held: Some(held) },
    ]
    .map(|verdict| Verdict::encode_all(&[Some(verdict)]))
    .into();
    seeds.push(serde_json::to_vec(&[claim(1), claim(2)]).unwrap());
    seeds.push(serde_json::to_vec(sealed).unwrap());
    seeds.extend(texts(["[null]", "[]", r#"[{"verdict":"start","fence":9007199254740992}]"#]));
    seeds
}
