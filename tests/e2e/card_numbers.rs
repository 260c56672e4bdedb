//! Card data is rejected at the edge, and never stored or echoed.

use gateway_tests::{HttpResponse, RejectingGateway, rejecting, shared};
use reqwest::Method;
use serde_json::{Value, json};

/// The numbers in providers' documentation of test cards, of 13 to 19 digits. Nothing else in these tests has them.
const NUMBERS: [&str; 8] = [
    "4242424242424242",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "4000056655665556",
    "30569309025904",
    "4222222222222",
    "6212345678900000003",
];

/// In groups of four, as on a card.
fn grouped(number: &str, separator: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(separator)
}

fn in_arabic_digits(number: &str) -> String {
    number.chars().map(|digit| char::from_u32(0x660 + digit.to_digit(10).unwrap()).unwrap()).collect()
}

fn charge_with(field: &str, value: Value) -> Value {
    let mut charge =
        json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    charge[field] = value;
    charge
}

/// Asserts that the response contains none of the numbers, in any notation.
fn repeats_nothing(response: &HttpResponse) {
    let digits: String = response.text().chars().filter(char::is_ascii_digit).collect();
    for number in NUMBERS {
        assert!(!digits.contains(number), "{}", response.text());
    }
}

async fn is_refused(gateway: &RejectingGateway, param: Option<&str>, body: String) {
    let response = gateway.post("/payments/charge", body.clone()).await;
    assert_eq!(response.status, 400, "{body}");
    let error = response.refuses(400, "CARD_DATA_NOT_ACCEPTED");
    assert_eq!(error["param"].as_str(), param, "{body}");
    repeats_nothing(&response);
}

/// Log lines are written in order within this stack's flush interval: the last request's line implies all others.
async fn nothing_was_kept(gateway: &RejectingGateway, last: &HttpResponse) {
    gateway.nothing_reached_the_control_plane().await;
    gateway.access_log_line(last).await;
    let files = gateway.files();
    for needed in ["access.log", "envoy.log", "control-plane.log", "sandbox.log", "gateway.db"] {
        assert!(files.iter().any(|(path, _)| path.ends_with(needed)), "{needed} was not looked at");
    }
    for number in NUMBERS {
        for spelling in
            [number.to_owned(), grouped(number, " "), grouped(number, "-"), grouped(number, "%20")]
        {
            for (path, contents) in &files {
                let found = contents.windows(spelling.len()).any(|part| part == spelling.as_bytes());
                assert!(!found, "{spelling} is in {}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_card_number_in_any_field_is_refused_and_kept_nowhere() {
    let gateway = rejecting().await;
    for number in NUMBERS {
        for text in [
            number.to_owned(),
            grouped(number, " "),
            grouped(number, "-"),
            grouped(number, "\u{a0}"),
            grouped(number, "\u{2013}"),
            grouped(number, "."),
            grouped(number, "_"),
            grouped(number, "\u{200b}"),
            grouped(number, "%20"),
            in_arabic_digits(number),
            format!("{number}1228"),
            grouped(number, " - "),
            format!("my card is {number}, thanks"),
            format!("x{number}y"),
            format!("{} 12/28", grouped(number, " ")),
        ] {
            for field in ["description", "paymentMethodId", "customerReference", "currency", "unheard_of"] {
                is_refused(&gateway, Some(field), charge_with(field, json!(text)).to_string()).await;
            }
            let as_value = charge_with("metadata", json!({ "note": text })).to_string();
            is_refused(&gateway, Some("metadata.note"), as_value).await;
            let as_key = charge_with("metadata", json!({ text: "note" })).to_string();
            is_refused(&gateway, Some("metadata"), as_key).await;
        }
        let as_number: u64 = number.parse().unwrap();
        is_refused(&gateway, Some("amount"), charge_with("amount", json!(as_number)).to_string()).await;
        let escaped: String = number.bytes().map(|digit| format!("\\u{digit:04x}")).collect();
        let body = charge_with("description", json!("MARK")).to_string().replace("MARK", &escaped);
        is_refused(&gateway, Some("description"), body).await;
    }
    let last = gateway.get("/payments?limit=0").await;
    nothing_was_kept(&gateway, &last).await;
}

#[tokio::test]
async fn a_card_number_in_a_body_that_is_no_json_is_told_for_what_it_is() {
    let gateway = rejecting().await;
    for number in NUMBERS {
        is_refused(&gateway, None, number.to_owned()).await;
        is_refused(&gateway, None, format!("card={number}&amount=1")).await;
        is_refused(&gateway, Some("card"), format!("{{\"card\":\"{number}\"")).await;
    }
    let last = gateway.get("/payments?limit=0").await;
    nothing_was_kept(&gateway, &last).await;
}

#[tokio::test]
async fn a_card_number_in_the_path_or_query_is_refused_and_kept_nowhere() {
    let gateway = rejecting().await;
    for number in NUMBERS {
        for path in [
            format!("/payments?limit={number}"),
            format!("/payments?{number}"),
            format!("/payments?startingAfter={}", grouped(number, "%20")),
            format!("/payments?startingAfter={}", grouped(number, "+")),
            format!("/payments?startingAfter={}", grouped(number, "-")),
            format!("/payments?startingAfter=%3{}", grouped(number, "%20")),
            format!("/payments/{number}"),
            format!("/payments/{number}/events"),
        ] {
            let response = gateway.get(&path).await;
            response.refuses(400, "CARD_DATA_NOT_ACCEPTED");
            repeats_nothing(&response);
        }
        // Refused before the filter sees them, and logged all the same.
        let url = format!("{}/payments?limit={number}", gateway.stack().gateway_url());
        let response = HttpResponse::of(gateway.http.get(url)).await;
        repeats_nothing(&response);
        response.refuses(401, "UNAUTHENTICATED");
        let response = HttpResponse::of(gateway.request(Method::GET, &format!("/nowhere/{number}"))).await;
        assert!((400..500).contains(&response.status), "{}", response.text());
        repeats_nothing(&response);
    }
    let last = gateway.get("/payments?limit=0").await;
    nothing_was_kept(&gateway, &last).await;
}

#[tokio::test]
async fn a_field_for_a_check_value_a_pin_or_a_track_is_refused_and_named() {
    let gateway = rejecting().await;
    for name in ["cvv", "CVC", "card-cvv2", "csc", "pin", "track1", "PAN", "cardNumber", "card_number"] {
        let metadata = charge_with("metadata", json!({ "shop": "7", name: "x" })).to_string();
        is_refused(&gateway, Some(&format!("metadata.{name}")), metadata).await;
        is_refused(&gateway, Some(name), charge_with(name, json!(null)).to_string()).await;
        let in_string = json!({ "a": { name: "x" } }).to_string();
        is_refused(&gateway, Some("description"), charge_with("description", json!(in_string)).to_string())
            .await;
    }
    let last = gateway.get("/payments?limit=0").await;
    nothing_was_kept(&gateway, &last).await;
}

#[tokio::test]
async fn a_card_number_for_an_idempotency_key_is_refused_and_kept_nowhere() {
    let gateway = rejecting().await;
    let charge = charge_with("description", json!("a book")).to_string();
    for number in NUMBERS {
        for key in [number.to_owned(), grouped(number, "-"), format!("\"{}\"", grouped(number, " "))] {
            let response = gateway.post_under(&key, "/payments/charge", charge.clone()).await;
            let error = response.refuses(400, "CARD_DATA_NOT_ACCEPTED");
            assert_eq!(error["param"], "Idempotency-Key");
            repeats_nothing(&response);
        }
    }
    let last = gateway.get("/payments?limit=0").await;
    nothing_was_kept(&gateway, &last).await;
}

#[tokio::test]
async fn a_card_number_in_a_header_is_refused_and_kept_nowhere() {
    let gateway = rejecting().await;
    for number in NUMBERS {
        for (name, value) in [
            ("x-note", number.to_owned()),
            ("user-agent", format!("shop/1 {}", grouped(number, "-"))),
            ("x-card", grouped(number, "%20")),
            ("referer", format!("https://shop.example/?card={number}")),
        ] {
            let request = gateway.raw_charge().header(name, &value).body("{}");
            let response = gateway.send_raw(&request).await;
            let error = response.refuses(400, "CARD_DATA_NOT_ACCEPTED");
            assert_eq!(error["param"], name, "{value}");
            repeats_nothing(&response);
        }
    }
    let last = gateway.get("/payments?limit=0").await;
    nothing_was_kept(&gateway, &last).await;
}

#[tokio::test]
async fn digits_that_are_no_card_number_pass() {
    let gateway = shared().await;
    for text in [
        "4242424242424241",
        "424242424242",
        "01890000-0000-7000-8000-000000000000",
        "order 20260131-000017",
        "d41d8cd98f00b204e9800998ecf8427e",
        "1795822832009",
        "2126000000000000004",
        "4006381333931",
        "+49 1512 3456789",
        "DE89 3704 0044 0532 0130 00",
        "352099001761481",
    ] {
        let charge = json!({
            "provider": "stripe", "amount": 700, "currency": "USD", "paymentMethodId": "pm_card_visa",
            "description": text, "metadata": { "note": text },
        });
        gateway.charge(&charge).await.succeeds(200, &json!({ "status": "completed" }));
    }
}
