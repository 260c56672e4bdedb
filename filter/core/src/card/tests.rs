//! Card data in JSON: what is refused and what is let through.

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
        "{\"note\":\"㊷㊷㊷㊷㊷㊷㊷㊷\"}",
        "{\"note\":\"㊷ ㊷ 42 42-㊷㊷4242\"}",
        "{\"note\":\"፬፪፬፪፬፪፬፪፬፪፬፪፬፪፬፪\"}",
        r#"{"note":"%34%32%34%32%34%32%34%32%34%32%34%32%34%32%34%32"}"#,
        r#"{"note":"4242%204242%204242%204242"}"#,
        r#"{"note":"4242+4242+4242+4242"}"#,
        r#"{"note":"4242&nbsp;4242&#160;4242&#xa0;4242"}"#,
        r#"{"note":"{\"n\":\"\\u0034242424242424242\"}"}"#,
        r#"{"note":"&#52&#50&#52&#50&#x34&#x32&#0052&#50;&#52&#50&#52&#50&#52&#50&#52&#50"}"#,
        r#"{"note":"\\064\\062\\064\\062\\064\\062\\064\\062\\064\\062\\064\\062\\064\\062\\064\\062"}"#,
        r#"{"note":"=34=32=34=32=34=32=34=32=34=32=34=32=34=32=34=32"}"#,
        r#"{"note":"card=3782%3822%346310005"}"#,
        r#"{"note":"card 6291\\5178\\2167\\5351\\070, %31228"}"#,
        r#"{"note":"34323432343234323432343234323432"}"#,
        r#"{"note":"card 0x34323432343234323432343234323432, thanks"}"#,
        r#"{"note":"3432343220343234322D34323432203432343220"}"#,
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

/// The number is published nowhere, so only its form identifies it.
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
        r#"{"hex":"34323432343234323432343234323433"}"#,
        r#"{"hex":"3432343234323432343234323432343"}"#,
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
        (r#"{"metadata":{"note":"{\"cvv\":\"123\"}"}}"#, "metadata.note"),
        (r#"{"description":"%7B%22pin%22%3A1234%7D"}"#, "description"),
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

/// base64 of `{"pan":…}`, of `visa:…` and of `ephemeralPublicKey=…`, and hexadecimal of `n=…`.
const ENCODED: [(&str, ErrorCode); 4] = [
    ("eyJwYW4iOiI0MTExMTExMTExMTExMTExIn0", ErrorCode::CardDataNotAccepted),
    ("dmlzYTo0MTExMTExMTExMTExMTEx", ErrorCode::CardDataNotAccepted),
    ("ZXBoZW1lcmFsUHVibGljS2V5PU1Ga3dFd1lI", ErrorCode::WalletPayloadNotAccepted),
    ("6e3d34313131313131313131313131313131", ErrorCode::CardDataNotAccepted),
];

#[test]
fn what_is_encoded_in_a_name_is_found_and_never_shown() {
    for (name, code) in ENCODED {
        let found = found(&format!(r#"{{"metadata":{{"{name}":"x"}}}}"#)).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((found.code(), found.param.as_deref()), (code, Some("metadata")), "{name}");
        let redacted = redacted(format!(r#"{{"{name}":1}}"#).as_bytes()).into_owned();
        assert_eq!(String::from_utf8_lossy(&redacted), r#"{"[redacted]":1}"#);
    }
    for name in [
        "shop_order_reference_of_the_customer_no1",
        "01890000-0000-7000-8000-000000000000",
        "publicKeyOfTheMerchant",
        "a public key, hashed, and a signed message",
    ] {
        assert_eq!(found(&format!(r#"{{"metadata":{{"{name}":"x"}}}}"#)), None, "{name}");
    }
}

#[test]
fn a_header_is_searched_like_a_text() {
    for (value, code) in ENCODED {
        assert_eq!(find_in_text(value.as_bytes()).map(|found| found.code()), Some(code), "{value}");
    }
    assert!(find_in_text(b"ephemeralPublicKey").is_some());
    assert!(find_in_text(b"4242 4242 4242 4242").is_some());
    for value in [
        "order-1",
        "01890000-0000-7000-8000-000000000000",
        "42424242-4242-4242-4242-424242424242",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ] {
        assert_eq!(find_in_text(value.as_bytes()), None, "{value}");
    }
}

#[test]
fn a_header_is_named_unless_the_number_is_in_its_name() {
    for (name, value, param) in [
        ("x-note", "4242 4242 4242 4242", Some("x-note")),
        ("cookie", "a=1; card=%34242424242424242", Some("cookie")),
        ("user-agent", "NDI0MjQyNDI0MjQyNDI0Mg==", Some("user-agent")),
        ("x-4242-4242-4242-4242", "", None),
    ] {
        let found = number_in_header(name, value.as_bytes()).unwrap_or_else(|| panic!("{name}: {value}"));
        assert_eq!((found.code(), found.param.as_deref()), (ErrorCode::CardDataNotAccepted, param), "{name}");
    }
    for (name, value) in [
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0",
        ),
        ("cookie", "_ga=GA1.1.1234567890.1700000000; _fbp=fb.1.1700000000000.1234567890; s=eyJhIjoiYiJ9"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
        ("if-modified-since", "Tue, 01 Dec 2026 00:00:00 GMT"),
        ("x-correlation-id", "01890000-0000-7000-8000-000000000000"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("ephemeralpublickey", "x"),
    ] {
        assert_eq!(number_in_header(name, value.as_bytes()), None, "{name}: {value}");
    }
}

#[test]
fn a_header_for_card_data_is_known_by_its_name() {
    for name in ["cvv", "x-cvv", "card-number", "x-card-number", "x-c-v-c", "pin", "track2"] {
        let found = field_in_header(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((found.code(), found.param.as_deref()), (ErrorCode::CardDataNotAccepted, Some(name)));
    }
    for name in ["accept", "x-note", "user-agent", "x-tracking-id", "x-card-brand", "sec-fetch-mode"] {
        assert_eq!(field_in_header(name), None, "{name}");
    }
}

#[test]
fn a_payload_in_the_pieces_of_a_list_is_found() {
    let payload = r#"{"signedMessage":"x","protocolVersion":"ECv2"}"#;
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, payload);
    let chunks = |text: &str, len| {
        let chunks = text.as_bytes().chunks(len);
        serde_json::json!(chunks.map(|chunk| String::from_utf8_lossy(chunk).into_owned()).collect::<Vec<_>>())
    };
    let bytes = serde_json::json!(payload.as_bytes());
    let by_name: serde_json::Map<_, _> =
        payload.bytes().enumerate().map(|(i, byte)| (format!("{i:03}"), byte.into())).collect();
    for pieces in [
        bytes.clone(),
        serde_json::json!(payload.as_bytes().chunks(8).collect::<Vec<_>>()),
        serde_json::json!({ "type": "Buffer", "data": bytes }),
        by_name.into(),
        chunks(payload, 1),
        chunks(&hex::encode(payload), 2),
        chunks(&base64, 20),
        serde_json::json!(payload.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>()),
    ] {
        let body = serde_json::json!({ "variables": { "a": pieces } }).to_string();
        let found = found(&body).unwrap_or_else(|| panic!("{body}"));
        assert_eq!(found.code(), ErrorCode::WalletPayloadNotAccepted, "{body}");
        let redacted = redacted(body.as_bytes()).into_owned();
        assert!(serde_json::from_slice::<serde_json::Value>(&redacted).is_ok(), "{body}");
        assert_eq!(find_in_json(&redacted), None, "{body}");
    }
    let number = r#"{"pan":"4111111111111111"}"#;
    for pieces in [serde_json::json!(number.as_bytes()), chunks(number, 1)] {
        let found = found(&serde_json::json!({ "a": pieces }).to_string()).map(|found| found.code());
        assert_eq!(found, Some(ErrorCode::CardDataNotAccepted), "{pieces}");
    }
}

#[test]
fn a_number_in_the_groups_of_a_list_is_found_and_taken_out() {
    for list in [
        "[4242,4242,4242,4242]",
        "[4242, 4242, 4242, 4242, 12, 28]",
        "[42424242,42424242]",
        "[[4242,4242],[4242,4242]]",
        "[4,2,4,2,4,2,4,2,4,2,4,2,4,2,4,2]",
        "[3782,822463,10005]",
        r#"["4242","4242","4242","4242"]"#,
        r#"["4242","4242","4242","4242","12/28"]"#,
        r#"["4","2","4","2","4","2","4","2","4","2","4","2","4","2","4","2"]"#,
        r#"["\u0034242","4242","4242","４２４２"]"#,
        r#"{"0":"4242","1":"4242","2":"4242","3":"4242"}"#,
        r#"{"0":4242,"1":4242,"2":4242,"3":4242}"#,
        // Published nowhere.
        r#"["4539","5787","6362","1486"]"#,
        r#"{"0":"4539","1":"5787","2":"6362","3":"1486"}"#,
    ] {
        let body = format!(r#"{{"metadata":{{"a":{list}}}}}"#);
        let found = found(&body).unwrap_or_else(|| panic!("{body}"));
        assert_eq!(found.code(), ErrorCode::CardDataNotAccepted, "{body}");
        let redacted = redacted(body.as_bytes()).into_owned();
        assert!(serde_json::from_slice::<serde_json::Value>(&redacted).is_ok(), "{body}");
        assert_eq!(find_in_json(&redacted), None, "{body}");
    }
}

#[test]
fn lists_of_honest_values_pass() {
    for text in [
        "[1,2,3,5,8,13,21,34,55,89,144,233,377,610,987,1597]",
        "[72,65,70,66,81,90,77,68,69,70,71,72,73,74,75,76,77]",
        r#"{"0":12,"1":19,"2":[22,18,17,17,16,15,14,13,12,11,10,9,8,7,6]}"#,
        "[[1,2,3,5,8],[13,21,34,55,89],[144,233,377,610,987]]",
        "[[40.712776,-74.005974],[40.706192,-74.009160],[40.712776,-74.005974]]",
        r#"["red","green","blue","signed","message","yellow","black"]"#,
        r#"["01890000-0000-7000-8000-000000000000","01890000-0000-7000-8000-000000000001"]"#,
        r#"["4","5","3","9","5","7","8","7","6","3","6","2","1","4","8","6"]"#,
        "[4539, 5787, 6362, 1486]",
        r#"["4539","5787","6362","1487"]"#,
        r#"["4539","5787","6362","1486","1","2"]"#,
        r#"["2023","2024","2025","2026"]"#,
        r#"["42424242-4242-4242-4242-424242424242","1"]"#,
        r#"{"a":["4242","4242"],"b":["4242","4242"]}"#,
    ] {
        assert_eq!(found(text), None, "{text}");
    }
}
