//! The way from Envoy to the control plane goes silent: something on it drops what the open connections carry, and
//! nothing closes them.

use std::time::{Duration, Instant};

use gateway_tests::{Gateway, HttpResponse, OwnGateway, until_within};
use serde_json::json;
use test_services::proxy::Mode;

/// Envoy gives a silent connection up after 8.6 s at most; the rest is for a busy machine. Without pings, it would be
/// the 35 s of the route.
const NOTICED: Duration = Duration::from_secs(20);

async fn charge(gateway: &Gateway<'_>) -> HttpResponse {
    let charge =
        json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    gateway.charge(&charge).await
}

#[tokio::test]
async fn a_way_to_the_control_plane_that_goes_silent_is_left_for_another() {
    let (own, way) = OwnGateway::by_a_way().await;
    let gateway = own.gateway();
    charge(&gateway).await.succeeds(200, &json!({ "status": "completed" }));
    let before = way.opened();
    way.set(Mode::Silence);
    let begun = Instant::now();
    let (charged, read) = tokio::join!(charge(&gateway), gateway.get("/payments?limit=1"));
    assert!(begun.elapsed() < NOTICED, "{:?}", begun.elapsed());
    for response in [charged, read] {
        assert!([200, 503, 504].contains(&response.status), "{} {}", response.status, response.text());
    }
    until_within(NOTICED.saturating_sub(begun.elapsed()), "a charge", async || {
        (charge(&gateway).await.status == 200).then_some(())
    })
    .await;
    assert!(way.opened() > before);
}
