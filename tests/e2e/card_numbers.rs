//! Card numbers are refused at the edge, and nothing keeps or repeats them.

use gateway_tests::{Answer, Refusing, refusing, shared};
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

fn charge_with(field: &str, value: Value) -> Value {
    let mut charge =
        json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    charge[field] = value;
    charge
}

/// The answer does not show any of the numbers, in whatever spelling.
fn repeats_nothing(answer: &Answer) {
    let digits: String = answer.text().chars().filter(char::is_ascii_digit).collect();
    for number in NUMBERS {
        assert!(!digits.contains(number), "{}", answer.text());
    }
}

async fn is_refused(gateway: &Refusing, body: String) {
    let answer = gateway.post("/payments/charge", body.clone()).await;
    assert_eq!(answer.status, 400, "{body}");
    answer.refuses(400, "CARD_DATA_NOT_ACCEPTED");
    repeats_nothing(&answer);
}

/// Logs are written within this stack's flush interval: the last request's line is in, so all are.
async fn nothing_was_kept(gateway: &Refusing, last: &Answer) {
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
    let gateway = refusing().await;
    for number in NUMBERS {
        for text in [
            number.to_owned(),
            grouped(number, " "),
            grouped(number, "-"),
            grouped(number, "\u{a0}"),
            grouped(number, "\u{2013}"),
            grouped(number, " - "),
            format!("my card is {number}, thanks"),
            format!("x{number}y"),
            format!("{} 12/28", grouped(number, " ")),
        ] {
            for field in ["description", "paymentMethodId", "customerReference", "currency", "unheard_of"] {
                is_refused(&gateway, charge_with(field, json!(text)).to_string()).await;
            }
            is_refused(&gateway, charge_with("metadata", json!({ "note": text })).to_string()).await;
            is_refused(&gateway, charge_with("metadata", json!({ text: "note" })).to_string()).await;
        }
        let as_number: u64 = number.parse().unwrap();
        is_refused(&gateway, charge_with("amount", json!(as_number)).to_string()).await;
        let escaped: String = number.bytes().map(|digit| format!("\\u{digit:04x}")).collect();
        is_refused(&gateway, charge_with("description", json!("MARK")).to_string().replace("MARK", &escaped))
            .await;
    }
    let last = gateway.get("/payments?limit=0").await;
    nothing_was_kept(&gateway, &last).await;
}

#[tokio::test]
async fn a_card_number_in_a_body_that_is_no_json_is_told_for_what_it_is() {
    let gateway = refusing().await;
    for number in NUMBERS {
        for body in [number.to_owned(), format!("card={number}&amount=1"), format!("{{\"card\":\"{number}\"")]
        {
            is_refused(&gateway, body).await;
        }
    }
    let last = gateway.get("/payments?limit=0").await;
    nothing_was_kept(&gateway, &last).await;
}

#[tokio::test]
async fn a_card_number_in_the_path_or_query_is_refused_and_kept_nowhere() {
    let gateway = refusing().await;
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
            let answer = gateway.get(&path).await;
            answer.refuses(400, "CARD_DATA_NOT_ACCEPTED");
            repeats_nothing(&answer);
        }
        // Refused before the filter sees them, and logged all the same.
        let url = format!("{}/payments?limit={number}", gateway.stack().gateway_url());
        let answer = Answer::of(gateway.http.get(url)).await;
        repeats_nothing(&answer);
        answer.refuses(401, "UNAUTHENTICATED");
        let answer = Answer::of(gateway.request(Method::GET, &format!("/nowhere/{number}"))).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text());
        repeats_nothing(&answer);
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
    ] {
        let charge = json!({
            "provider": "stripe", "amount": 700, "currency": "USD", "paymentMethodId": "pm_card_visa",
            "description": text, "metadata": { "note": text },
        });
        gateway.charge(&charge).await.succeeds(200, &json!({ "status": "completed" }));
    }
}
