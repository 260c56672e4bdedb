//! 3-D Secure: payments that wait for the customer.

use reqwest::Method;

use crate::support::TestSandbox;

const BACK: &str = "&return_url=https://shop.example/back";

#[tokio::test]
async fn the_customer_authenticates_at_the_page_and_the_money_is_taken_once() {
    let sandbox = TestSandbox::new().await;
    for method in ["pm_card_threeDSecure2Required", "pm_card_authenticationRequired"] {
        let waiting = sandbox.stripe_pay(method, 4999, BACK).await;
        assert_eq!(waiting.body["status"], "requires_action");
        assert_eq!(waiting.body["next_action"]["type"], "redirect_to_url");
        let capture = sandbox.stripe_post(&format!("payment_intents/{}/capture", waiting.id()), "").await;
        assert_eq!(capture.error(), (400, "payment_intent_unexpected_state", ""));

        let page = waiting.body["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
        let secret = waiting.body["client_secret"].as_str().unwrap();
        assert!(page.ends_with(&format!("?payment_intent_client_secret={secret}")), "{page}");
        assert_eq!(sandbox.visit(Method::GET, &format!("{page}x&outcome=succeed")).await.status, 404);
        let shown = sandbox.visit(Method::GET, page).await;
        assert_eq!(shown.status, 200);
        assert!(
            shown.text.contains("value=\"succeed\"") && shown.text.contains("value=\"fail\""),
            "{}",
            shown.text
        );
        let done = sandbox.visit(Method::GET, &format!("{page}&outcome=succeed")).await;
        assert_eq!(done.status, 303);
        assert_eq!(
            done.header("location"),
            format!(
                "https://shop.example/back?payment_intent={}&payment_intent_client_secret={}&redirect_status=succeeded",
                waiting.id(),
                secret
            )
        );
        assert_eq!(sandbox.visit(Method::GET, &format!("{page}&outcome=succeed")).await.status, 409);
        let paid = sandbox.stripe_get(&format!("payment_intents/{}", waiting.id())).await;
        assert_eq!(paid.body["status"], "succeeded");
    }
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "charge 4999 USD"]);
}

#[tokio::test]
async fn the_effect_carries_the_key_of_the_request_that_asked_for_it() {
    let sandbox = TestSandbox::new().await;
    let form = format!(
        "amount=500&currency=usd&payment_method=pm_card_threeDSecure2Required&confirm=true&capture_method=manual\
         &payment_method_types[]=card{BACK}"
    );
    let waiting = sandbox.stripe_post_with_key("asked-with", "payment_intents", &form).await;
    let page = waiting.body["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
    let pressed = sandbox.http.post(page).form(&[("outcome", "succeed")]).send().await.unwrap();
    assert_eq!(pressed.status(), 303);
    let ledger = sandbox.ledger().await;
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0]["kind"], "authorize");
    assert_eq!(ledger[0]["idempotencyKey"], "asked-with");
}

#[tokio::test]
async fn a_failed_authentication_leaves_the_payment_open_and_unpaid() {
    let sandbox = TestSandbox::new().await;
    let waiting = sandbox.stripe_pay("pm_card_threeDSecure2Required", 4999, BACK).await;
    let page = waiting.body["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
    assert_eq!(sandbox.visit(Method::GET, &format!("{page}&outcome=fail")).await.status, 303);
    let failed = sandbox.stripe_get(&format!("payment_intents/{}", waiting.id())).await;
    assert_eq!(failed.body["status"], "requires_payment_method");
    assert_eq!(failed.body["last_payment_error"]["code"], "payment_intent_authentication_failure");
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
}

#[tokio::test]
async fn where_no_customer_can_act_the_payment_is_refused() {
    let sandbox = TestSandbox::new().await;
    for (condition, decline_code) in [
        ("&off_session=true", "authentication_required"),
        ("&error_on_requires_action=true", "authentication_not_handled"),
    ] {
        let refused = sandbox.stripe_pay("pm_card_authenticationRequired", 4999, condition).await;
        assert_eq!(refused.error(), (402, "authentication_required", ""));
        assert_eq!(refused.body["error"]["decline_code"], decline_code);
        assert_eq!(refused.body["error"]["payment_intent"]["status"], "requires_payment_method");
    }
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
}

#[tokio::test]
async fn without_a_way_back_the_step_is_left_to_stripes_own_script() {
    let sandbox = TestSandbox::new().await;
    let waiting = sandbox.stripe_pay("pm_card_threeDSecure2Required", 4999, "").await;
    assert_eq!(waiting.body["next_action"]["type"], "use_stripe_sdk");
    assert_eq!(sandbox.visit(Method::GET, "/_sandbox/stripe/authenticate/pi_none").await.status, 404);
}
