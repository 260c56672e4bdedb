//! What must hold for every Stripe webhook.

use edge_core::head::Head;
use edge_core::webhook::stripe::{HEADER, Secrets, Signed, TOLERANCE_S};
use hmac::{Hmac, KeyInit, Mac};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sha2::Sha256;

use crate::lines;

const NOW: u64 = 1_795_397_596;
const SECRET: &str = "whsec_first";

fn v1(secret: &str, time_s: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time_s}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn header(time_s: u64, body: &[u8]) -> String {
    format!("t={time_s},v1={}", v1(SECRET, time_s, body))
}

fn is_verified(header: &str, body: &[u8]) -> bool {
    let lines = lines(&[(HEADER, header)]);
    let secrets = Secrets::new(["whsec_second", SECRET]).unwrap();
    Signed::read(Head::new(&lines), NOW, TOLERANCE_S).and_then(|signed| signed.verify(&secrets, body)).is_ok()
}

proptest! {
    #[test]
    fn any_body_is_verified_within_five_minutes_of_its_signature(
        body in vec(any::<u8>(), 0..3000), off in -600_i64..600,
    ) {
        let time_s = NOW.checked_add_signed(off).unwrap();
        prop_assert_eq!(is_verified(&header(time_s, &body), &body), off.abs() <= 300);
    }

    #[test]
    fn one_changed_byte_of_body_or_header_is_noticed(
        body in vec(any::<u8>(), 1..200), place in any::<Index>(), by in 1_u8..128,
    ) {
        let good = header(NOW, &body);
        let mut altered = body.clone();
        altered[place.index(body.len())] ^= by;
        prop_assert!(!is_verified(&good, &altered));
        let mut bytes = good.clone().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = (bytes[place] ^ by) & 0x7f;
        let altered = String::from_utf8(bytes).unwrap();
        prop_assert!(altered == good || !is_verified(&altered, &body), "{altered}");
    }

    #[test]
    fn the_right_signature_is_found_among_others(others in vec("v1=[0-9a-f]{0,70}|v0=[0-9a-f]{64}|v2=x|x|", 0..5), at in any::<Index>()) {
        let mut parts = others;
        let right = format!("v1={}", v1(SECRET, NOW, b"{}"));
        parts.insert(at.index(parts.len() + 1), right);
        let header = format!("t={NOW},{}", parts.join(","));
        prop_assert!(is_verified(&header, b"{}"), "{header}");
    }

    #[test]
    fn no_header_makes_it_panic(value in vec(any::<u8>(), 0..300), text in "[tv01=,0-9a-f ]{0,90}") {
        for value in [value, text.into_bytes()] {
            let lines = [(HEADER.to_owned(), value)];
            let _ = Signed::read(Head::new(&lines), NOW, TOLERANCE_S);
        }
    }
}
