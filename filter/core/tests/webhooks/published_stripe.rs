//! Every published Stripe signature gets the answer that the official libraries give, save two.

use edge_core::head::Head;
use edge_core::webhook::stripe::{HEADER, Secrets, Signed, TOLERANCE_S};
use edge_core::webhook::{Forged, Verified};
use serde_json::Value;

use crate::lines;
use crate::shared::{text, vectors};

const FILE: &str = "stripe_signatures.json";

fn verify(header: &str, secret: &str, body: &str, now_s: u64) -> Result<Verified, Forged> {
    let lines = lines(&[(HEADER, header)]);
    let signed = Signed::read(Head::new(&lines), now_s, TOLERANCE_S)?;
    signed.verify(&Secrets::new([secret]).unwrap(), body.as_bytes())
}

#[test]
fn published_signatures_are_verified() {
    let Some(file) = vectors(FILE) else { return };
    for vector in file["vectors"].as_array().unwrap() {
        let now_s = vector["timestamp"].as_u64().unwrap();
        let (header, secret, body) =
            (text(vector, "/header"), text(vector, "/secret"), text(vector, "/payload"));
        let verified = verify(header, secret, body, now_s);
        assert_eq!(verified.is_ok(), vector["valid"].as_bool().unwrap(), "{verified:?}: {vector}");
        let altered = format!("{body} ");
        assert_eq!(verify(header, secret, &altered, now_s), Err(Forged::SignatureMismatch), "{vector}");
        let late = verify(header, secret, body, now_s + 301);
        assert_eq!(late, Err(Forged::TooOld { age_s: 301 }), "{vector}");
    }
}

#[test]
fn the_official_libraries_and_we_differ_about_repeated_and_future_times_only() {
    let Some(file) = vectors(FILE) else { return };
    let behaviour = &file["sdk_behaviour"];
    let (body, secret) = (text(behaviour, "/payload"), text(behaviour, "/secret"));
    let now_s = behaviour["now"].as_u64().unwrap();
    let mut differ = Vec::new();
    for case in behaviour["cases"].as_array().unwrap() {
        let ours = verify(text(case, "/header"), secret, body, now_s).is_ok();
        let theirs = ["python_accepts", "node_accepts"].map(|library| case[library].as_bool().unwrap());
        if theirs != [ours, ours] {
            assert!(!ours, "{case}");
            differ.push(case["case"].as_str().unwrap());
        }
    }
    assert_eq!(differ, ["future 1h", "two t", "two t reversed"]);
    assert!(behaviour["cases"].as_array().is_some_and(|cases: &Vec<Value>| cases.len() >= 14));
}
