//! A secret is rotated without rejecting a genuine webhook.

use gateway_tests::OwnGateway;
use serde_json::json;

#[tokio::test]
async fn a_signing_secret_is_rolled_without_refusing_a_genuine_webhook() {
    let (old, new) = ("whsec_old0123456789abcdef", "whsec_new0123456789abcdef");
    let charge =
        json!({ "provider": "stripe", "amount": 830, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    let mut run_dir = None;
    // At the edge: first the new secret beside the old one, and alone once Stripe signs only with it. At Stripe
    // meanwhile: the old one, both for a while, the new one.
    for (edge, stripe) in [
        (vec![old], vec![old]),
        (vec![new, old], vec![old]),
        (vec![new, old], vec![old, new]),
        (vec![new, old], vec![new]),
        (vec![new], vec![new]),
    ] {
        let settings = [("STRIPE_WEBHOOK_SECRETS", edge.join(","))];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let own = match run_dir.take() {
            None => OwnGateway::start(&settings).await,
            Some(own) => OwnGateway::restarted(own, &settings).await,
        };
        let gateway = own.gateway();
        gateway.sandbox.signs_with(&stripe).await;
        gateway.charge(&charge).await.succeeds(200, &json!({ "status": "completed" }));
        let deliveries = gateway.sandbox.deliveries("stripe", 2).await;
        assert!(
            deliveries.iter().all(|delivery| delivery == "delivered"),
            "{edge:?} {stripe:?}: {deliveries:?}"
        );
        assert_eq!(gateway.edge_count("signature_invalid").await, 0, "{edge:?} {stripe:?}");
        run_dir = Some(own);
    }
}
