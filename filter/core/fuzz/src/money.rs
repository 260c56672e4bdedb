//! Amounts and currencies. The input is what follows `"amount":`, or a currency's code.

use edge_core::money::{Amount, Currency};
use edge_core::request::CaptureRequest;

use crate::fixture::texts;

pub fn check(data: &[u8]) {
    let body = [b"{\"amount\":", data, b"}"].concat();
    let accepted = CaptureRequest::parse(&body).ok().map(|capture| capture.amount.unwrap());
    assert_eq!(accepted.map(Amount::minor), plain_integer(data));
    if let Some(currency) = std::str::from_utf8(data).ok().and_then(Currency::from_code) {
        assert_eq!(currency.code().as_bytes(), data);
        assert!(data.len() == 3 && data.iter().all(u8::is_ascii_uppercase));
        assert!(currency.exponent() <= 4);
        let written = serde_json::to_string(&currency).unwrap();
        assert_eq!(serde_json::from_str::<Currency>(&written).ok(), Some(currency));
    }
}

/// Digits without a leading zero, sign, fraction or exponent, in white space as JSON knows it (RFC 8259, section 2).
fn plain_integer(data: &[u8]) -> Option<u64> {
    let is_space = |character: char| matches!(character, ' ' | '\t' | '\n' | '\r');
    let digits = std::str::from_utf8(data).ok()?.trim_matches(is_space);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|amount| is_plain && (1..=Amount::MAX).contains(amount))
}

pub fn seeds() -> Vec<Vec<u8>> {
    texts([
        "4999",
        "1",
        "0",
        "-1",
        "+1",
        "01",
        "1.0",
        "1e2",
        "-0",
        " 12\n",
        "999999999999",
        "1000000000000",
        "18446744073709551616",
        "\"1\"",
        "null",
        "1,\"amount\":2",
        "1}",
        "USD",
        "JPY",
        "usd",
        "XAU",
        "KWD",
    ])
}
