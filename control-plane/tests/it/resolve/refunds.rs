//! Refunds that are not decided.

use super::*;

#[tokio::test]
async fn refunds_are_brought_to_an_end_too() {
    for answer in [cut(), unreached()] {
        let test = TestGateway::start().await;
        let payment = test.charge(call()).await.unwrap();
        test.provider.refunds.lock().unwrap().push(answer);
        let refund =
            usecases::refund(test.gateway.clone(), payment.id, Amount::new(60), call()).await.unwrap();
        assert_eq!(refund.state.status(), payments::model::refund::RefundStatus::Pending);
        assert_eq!(test.now(&payment).await.refunded, 60, "reserved meanwhile");
        test.resolve().await;
        assert_eq!(test.refund_now(&refund).await.state.name(), "processed");
        assert_eq!((test.calls("refund"), test.one_key("refund")), (2, true));
    }
}

#[tokio::test]
async fn a_refund_past_the_horizon_is_found_in_the_providers_records() {
    let test = TestGateway::start().await;
    let payment = test.charge(call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(cut());
    let refund = usecases::refund(test.gateway.clone(), payment.id, Amount::new(60), call()).await.unwrap();
    test.clock.advance(HORIZON_S);
    test.resolve().await;
    assert_eq!((test.refund_now(&refund).await.state.name(), test.calls("refund")), ("unknown", 1));
    test.provider.seen_refunds.lock().unwrap().push(RefundSnapshot {
        reference: ProviderRef::new("re_1"),
        refund: Some(refund.id),
        payment: Some(payment.id),
        charge: None,
        money: Some(refund.money()),
        is_without_funds: false,
        created: None,
        provider_status: RefundProviderStatus::Processed,
    });
    test.resolve().await;
    assert_eq!(test.refund_now(&refund).await.state.name(), "processed");
}
