use super::*;
use crate::test;

fn found(text: &str) -> Option<CardData> {
    find_in_json(text.as_bytes())
}

fn param(text: &str) -> Option<String> {
    found(text).unwrap_or_else(|| panic!("{text}")).param
}

#[test]
fn numbers_are_found_in_whatever_dress() {
    let dressed = [
        r#"{"amount":4242424242424242}"#,
        r#"{"4242424242424242":1}"#,
        r#"{"note":"card 4242 4242 4242 4242, thanks"}"#,
        r#"{"note":"4242-4242-4242-4242"}"#,
        r#"{"note":"4242  -  4242 - 4242 -4242"}"#,
        r#"{"note":"42 42 42 42 42 42 42 42"}"#,
        r#"{"note":"4242 4242 4242 4242 12/28"}"#,
        r#"{"note":"2026 4242 4242 4242 4242"}"#,
        r#"{"note":"x4242424242424242y"}"#,
        r#"{"note":"424\u00324242\u002042424242"}"#,
        r#"{"note":"4242\t4242\n4242\r4242"}"#,
        "{\"note\":\"4242\u{a0}4242\u{2011}4242\u{2013}4242\"}",
        r#"{"note":"4242\u00a04242\u20134242\u20144242"}"#,
        r#"{"note":"4242.4242.4242.4242"}"#,
        r#"{"note":"4242_4242/4242|4242"}"#,
        "{\"note\":\"4242\u{200b}4242\u{ad}4242\u{2060}4242\"}",
        "{\"note\":\"４２４２４２４２４２４２４２４２\"}",
        r#"{"note":"\uff14\u0662\ud835\udfd22424242424242\u06f42"}"#,
        r#"{"note":"%34%32%34%32%34%32%34%32%34%32%34%32%34%32%34%32"}"#,
        r#"{"note":"4242%204242%204242%204242"}"#,
        r#"{"note":"4242+4242+4242+4242"}"#,
        r#"{"note":"4242&nbsp;4242&#160;4242&#xa0;4242"}"#,
        r#"{"note":"{\"n\":\"\\u0034242424242424242\"}"}"#,
        r#"{"note":"NDI0MjQyNDI0MjQyNDI0Mg=="}"#,
        r#"{"note":"\nNDI0MjQyNDI0MjQyNDI0Mg=="}"#,
        r#"{"note":"\u000aNDI0MjQyNDI0MjQyNDI0Mg=="}"#,
        r#"{"note":"%0ANDI0MjQyNDI0MjQyNDI0Mg%3D%3D"}"#,
        r#"{"note":"%250ANDI0MjQyNDI0MjQyNDI0Mg%253D"}"#,
        r#"{"note":"42424242424242421228"}"#,
        r#"{"note":"4242424242424242 1228 123"}"#,
        r#"{"note":"4242424242424242123"}"#,
        r#"{"note":"14242424242424242"}"#,
        r#"{"note":"4242a4242a4242a4242"}"#,
        r#"{"note":"4242424242424242aaaaaaaaaaaaaaaa"}"#,
        r#"{"note":"%B4242424242424242^DOE/JOHN^2812101"}"#,
        r#"{"note":";4242424242424242=28122010000012345678?"}"#,
        "4242424242424242",
        "card=4242 4242 4242 4242&amount=1",
        r#"{"card":"4242424242424242"#,
    ];
    for text in dressed {
        assert!(found(text).is_some(), "{text}");
    }
}

/// Of a number that nobody has published, so that only its form tells it.
#[test]
fn real_numbers_are_found_by_their_form_alone() {
    let number = "4539578763621486";
    let (a, b, c, d) = (&number[..4], &number[4..8], &number[8..12], &number[12..]);
    for text in [
        number.to_owned(),
        format!("{a} {b} {c} {d}"),
        format!("{a}.{b}, {c}/{d}"),
        format!("2026 {a} {b} {c} {d}"),
        format!("{a} {b} {c} {d} 12 28 123"),
        format!("{number}1228"),
        format!("{number}1228123"),
        format!("{number}122028"),
        format!("{number}1231228"),
        format!("{number} 1228 123"),
        format!("order 7 {number} 12/28"),
        format!("x{number}y"),
        format!("{a}x{b}x{c}x{d}"),
        number.chars().map(|digit| format!("{digit} ")).collect(),
        number.as_bytes().chunks(3).map(|group| format!("{}-", String::from_utf8_lossy(group))).collect(),
        number.as_bytes().chunks(5).map(|group| format!("{}.", String::from_utf8_lossy(group))).collect(),
    ] {
        assert!(found(&serde_json::json!({ "note": text }).to_string()).is_some(), "{text}");
    }
}

#[test]
fn other_numbers_pass() {
    let others = [
        r#"{"amount":4999}"#,
        "4242424242424241",
        "424242424242",
        r#"["4242","4242","4242","4242"]"#,
        "[4242, 4242, 4242, 4242]",
        "18446744073709551616",
        r#"{"at":1795822832000,"id":"1576013402161823744"}"#,
        r#"{"at":[40.712776,-74.005974],"share":0.4532187654321234}"#,
        r#"{"position":"40.712776,-74.005974"}"#,
        r#"{"phone":"+49 1512 3456789","ean":"4006381333931"}"#,
        r#"{"iban":"DE89 3704 0044 0532 0130 00"}"#,
        r#"{"account":"61 2490 0005 0000 4500 1234 5678"}"#,
        r#"{"imei":"352099001761481"}"#,
        r#"{"order":"403-1234567-1234567"}"#,
        r#"{"order":"2611271234560001"}"#,
        r#"{"siret":"36252187400036"}"#,
        "",
    ];
    for text in others {
        assert_eq!(found(text), None, "{text}");
    }
}

#[test]
fn identifiers_pass_whatever_their_digits() {
    for id in [
        "txn_00004242-4242-4242-4242-000000000000",
        "00000000-0000-0000-0000-000000000000",
        "order-42424242-4242-4242-4242-424242424242-2",
        r#"{"a":"\n42424242-4242-4242-4242-424242424242"}"#,
    ] {
        assert_eq!(found(id), None, "{id}");
    }
    for text in [
        "x42424242-4242-4242-4242-424242424242",
        "00000000-0000-0000-0000-000000000000 4242424242424242",
        "4242424242424242 00000000-0000-0000-0000-000000000000",
    ] {
        assert!(found(text).is_some(), "{text}");
    }
}

#[test]
fn numbers_are_found_in_urls_and_their_parameter_is_named() {
    for (target, param) in [
        ("/payments/4242424242424242", None),
        ("/payments?a=4242+4242+4242+4242", Some("a")),
        ("/payments?limit=1&start%69ng=%34242%20424242424242", Some("starting")),
        ("/payments?4242424242424242=1", None),
        ("/payments?4242%2d4242%2d4242%2d4242", None),
    ] {
        let data = find_in_target(target).unwrap_or_else(|| panic!("{target}"));
        assert_eq!(data.param.as_deref(), param, "{target}");
    }
    assert_eq!(find_in_target("/payments?limit=20&createdAfter=2026-01-01T00%3A00%3A00Z"), None);
    assert_eq!(find_in_target("/payments/txn_01890000-0000-7000-8000-000000000000"), None);
}

#[test]
fn fields_for_card_data_are_refused_at_any_depth_and_named() {
    for (text, wanted) in [
        (r#"{"cvv":"123"}"#, "cvv"),
        (r#"{"metadata":{"CVC":null}}"#, "metadata.CVC"),
        (r#"{"a":[{},{"b":{"track_2":{}}}]}"#, "a[1].b.track_2"),
        (r#"{"metadata":{"pin_code":"1234"}}"#, "metadata.pin_code"),
        (r#"{"pan_number":"6543"}"#, "pan_number"),
    ] {
        assert_eq!(param(text).as_deref(), Some(wanted), "{text}");
    }
    assert!(found(r#"{"c\u0076v":"123"}"#).is_some());
    for text in [
        r#"{"metadata":{"pin_code":"560001"}}"#,
        r#"{"metadata":{"pin_code": 560001 }}"#,
        r#"{"metadata":{"pan_number":"ABCPE1234F"}}"#,
        r#"{"metadata":{"cvc_check":"pass","note":"cvv"}}"#,
    ] {
        assert_eq!(found(text), None, "{text}");
    }
}

#[test]
fn the_field_is_named_and_the_number_never() {
    for (text, wanted) in [
        (r#"{"description":"4242424242424242"}"#, Some("description")),
        (r#"{"metadata":{"a":"b","note":"4242424242424242"}}"#, Some("metadata.note")),
        (r#"{"metadata":{"4242424242424242":"b"}}"#, Some("metadata")),
        (r#"{"4242424242424242":"b"}"#, None),
        (r#"{"items":[1,{"x":4242424242424242}]}"#, Some("items[1].x")),
        ("4242424242424242", None),
        (r#"{"é":{"x":"4242424242424242"}}"#, None),
    ] {
        assert_eq!(param(text).as_deref(), wanted, "{text}");
    }
}

#[test]
fn broken_escapes_are_read_as_far_as_they_go() {
    for text in
        ["\\", "\\u", "\\u12", "\\uzzzz", "\\ud800", "\\u00", "%", "%4", "&#", "&#x;", "\\u{", "\\ud835\\u"]
    {
        assert_eq!(found(text), None, "{text}");
        assert_eq!(found(&format!("{{\"a\":\"{text}\"}}")), None, "{text}");
        assert!(found(&format!("{text}\"4242424242424242")).is_some(), "{text}");
        assert!(found(&format!("{{\"a\":\"{text} 4242424242424242\"}}")).is_some(), "{text}");
    }
}
