//! The rate limit headers of responses (draft-ietf-httpapi-ratelimit-headers).

use gateway_tests::{HttpResponse, OwnGateway, fresh_key};
use serde_json::json;

use super::{charge, url};

/// The remaining quota of the client's limit, from the response.
#[track_caller]
fn left(response: &HttpResponse, rate: u64) -> u64 {
    assert_eq!(response.header("ratelimit-policy"), Some(&*format!("\"client\";q={rate};w=1")));
    let limit = response.header("ratelimit").unwrap();
    let left = limit.strip_prefix("\"client\";r=").and_then(|rest| rest.strip_suffix(";t=1"));
    left.unwrap_or_else(|| panic!("{limit}")).parse().unwrap()
}

#[track_caller]
fn says_nothing_else(response: &HttpResponse) {
    let odd = response.headers.keys().find(|name| name.as_str().starts_with("x-ratelimit"));
    assert_eq!(odd, None);
}

#[tokio::test]
async fn every_answer_to_a_client_says_what_is_left_of_its_limit() {
    let own = OwnGateway::start(&[("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "300,demo-2=7")]).await;
    let gateway = own.gateway();
    let key = fresh_key();
    let first = gateway.charge_under(&key, &charge(900)).await;
    first.succeeds(200, &json!({ "status": "completed" }));
    let replay = gateway.charge_under(&key, &charge(900)).await;
    assert_eq!(replay.header("idempotency-replayed"), Some("true"));
    let mismatch = gateway.charge_under(&key, &charge(901)).await;
    mismatch.refuses(422, "IDEMPOTENCY_KEY_REUSED");
    let invalid = gateway.charge(&json!({})).await;
    invalid.refuses(400, "INVALID_REQUEST");
    let nowhere = gateway.get("/nowhere").await;
    nowhere.refuses(404, "NOT_FOUND");
    let declined = json!({ "provider": "stripe", "amount": 1, "currency": "USD",
        "paymentMethodId": "pm_card_chargeDeclined" });
    let declined = gateway.charge(&declined).await;
    for response in [first, replay, mismatch, invalid, nowhere, declined] {
        assert!(left(&response, 300) <= 300);
        says_nothing_else(&response);
    }

    let responses = futures_util::future::join_all((0..40).map(|_| async {
        let request = gateway.http.get(url(&gateway, "/payments?limit=1"));
        HttpResponse::of(request.bearer_auth("demo-key-2")).await
    }));
    let responses = responses.await;
    let refused: Vec<_> = responses.iter().filter(|response| response.status == 429).collect();
    assert!(!refused.is_empty(), "nothing is turned away");
    for response in refused {
        assert_eq!(left(response, 7), 0);
        says_nothing_else(response);
    }
}

#[tokio::test]
async fn what_another_limit_refuses_names_that_one() {
    let address = [("GATEWAY_ADDRESS_REQUESTS_PER_SECOND", "3")];
    let everybody = [("GATEWAY_REQUESTS_PER_SECOND", "3")];
    let webhooks = [("GATEWAY_WEBHOOKS_PER_SECOND", "3")];
    let tickets = [("GATEWAY_TICKET_STREAMS_PER_SECOND", "3")];
    for (settings, path, name) in [
        (address, "/payments", "address"),
        (everybody, "/payments", "gateway"),
        (webhooks, "/webhooks/stripe", "webhooks"),
        (tickets, "/events?ticket=evtk_a", "tickets"),
    ] {
        let own = OwnGateway::start(&settings).await;
        let gateway = own.gateway();
        let send = async || match path {
            "/webhooks/stripe" => gateway.post(path, "{}").await,
            _ => gateway.get(path).await,
        };
        let refused = gateway_tests::until("a refusal", async || {
            let responses = futures_util::future::join_all((0..20).map(|_| send())).await;
            responses.into_iter().find(|response| response.status == 429)
        })
        .await;
        assert_eq!(refused.refuses(429, "RATE_LIMITED")["retryable"], true);
        assert_eq!(refused.header("retry-after"), Some("1"));
        let values =
            |name| refused.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned());
        let (policies, limits): (Vec<_>, Vec<_>) =
            (values("ratelimit-policy").collect(), values("ratelimit").collect());
        assert!(policies.contains(&format!("\"{name}\";q=3;w=1")), "{policies:?}");
        assert!(limits.contains(&format!("\"{name}\";r=0;t=1")), "{limits:?}");
        says_nothing_else(&refused);
    }
}
