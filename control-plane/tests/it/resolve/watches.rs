//! A payment that waits for its payer or its capture is looked at again, event or no event.

use edge_core::provider::Provider;
use payments::model::payer_action::PayerAction;
use payments::model::payment::ChargeTerms;
use payments::ports::clock::Clock as _;

use super::*;

impl TestGateway {
    async fn waits_for_its_payer(&self) -> Payment {
        self.waits_for_its_payer_at(Provider::Stripe).await
    }

    async fn waits_for_its_payer_at(&self, provider: Provider) -> Payment {
        let payment = ProviderRef::new("pi_1");
        let url = "https://bank.example/3ds".to_owned();
        self.answers([Outcome::Done(Charged::RequiresAction {
            payment,
            action: PayerAction::Page(url),
            declined: false,
        })]);
        let terms = ChargeTerms { provider, ..charge_request(100, "") };
        usecases::charge(self.gateway.clone(), terms, None, call()).await.unwrap()
    }

    /// Lets hours pass, and everything due be worked off.
    async fn later(&self, hours: i64) {
        for _ in 0..hours * 12 {
            self.clock.advance(300);
            while run_next_due(&self.gateway).await.unwrap().is_some() {}
        }
    }
}

#[tokio::test]
async fn money_that_was_taken_is_found_without_an_event() {
    let test = TestGateway::start().await;
    let payment = test.waits_for_its_payer().await;
    test.shows(&payment, captured(100));
    test.later(1).await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn an_approval_is_found_without_an_event_and_taken() {
    let test = TestGateway::start().await;
    let payment = test.waits_for_its_payer().await;
    test.shows(&payment, ProviderStatus::Approved { declined: None, page: None });
    test.later(1).await;
    assert_eq!((test.now(&payment).await.state.status(), test.calls("resume")), (Status::Completed, 1));
}

#[tokio::test]
async fn an_order_that_the_provider_forgot_has_expired() {
    let test = TestGateway::start().await;
    let payment = test.waits_for_its_payer_at(Provider::Paypal).await;
    test.later(4).await;
    let reason = Some(payments::model::payment::CancelReason::Expired);
    assert_eq!(test.now(&payment).await.state, State::Canceled { reason, resumed_by: None });
}

/// The credentials of another account show nothing, too.
#[tokio::test]
async fn an_offer_that_is_missing_before_its_time_is_over_still_waits() {
    for (provider, hours) in [(Provider::Paypal, 2), (Provider::Stripe, 30)] {
        let test = TestGateway::start().await;
        let payment = test.waits_for_its_payer_at(provider).await;
        test.later(hours).await;
        assert!(matches!(test.now(&payment).await.state, State::RequiresAction(_)), "{provider}");
        test.shows(&payment, captured(100));
        test.later(24).await;
        assert_eq!(test.now(&payment).await.state.status(), Status::Completed, "{provider}");
    }
}

#[tokio::test]
async fn an_authorization_that_ran_out_ends_canceled() {
    let test = TestGateway::start().await;
    let payment = test.authorized().await;
    test.shows(
        &payment,
        ProviderStatus::Authorized { authorization: ProviderRef::new("pi_1"), expires: None },
    );
    test.later(24).await;
    assert!(matches!(test.now(&payment).await.state, State::Authorized(_)));
    test.shows(&payment, ProviderStatus::Canceled { is_expired: true });
    test.later(12).await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Canceled);
}

#[tokio::test]
async fn a_hold_past_its_expiry_ends_though_the_provider_shows_it_as_it_was() {
    let test = TestGateway::start().await;
    let payment = test.authorized().await;
    let expires = test.clock.now().checked_add(jiff::SignedDuration::from_hours(48)).unwrap();
    let authorization = ProviderRef::new("pi_1");
    test.shows(&payment, ProviderStatus::Authorized { authorization, expires: Some(expires) });
    test.later(47).await;
    assert!(matches!(test.now(&payment).await.state, State::Authorized(_)));
    test.later(12).await;
    let reason = Some(payments::model::payment::CancelReason::Expired);
    assert_eq!(test.now(&payment).await.state, State::Canceled { reason, resumed_by: None });
}

#[tokio::test]
async fn the_looks_become_rare_and_end_with_the_wait() {
    let test = TestGateway::start().await;
    let payment = test.waits_for_its_payer().await;
    test.shows(&payment, ProviderStatus::Open);
    let work = Work::Watch(payment.id);
    let mut looks = 0;
    for _ in 0..12 * 24 {
        test.clock.advance(300);
        looks += u32::from(work_off(&test.gateway, &work).await.unwrap() == Claimed::Taken);
    }
    assert!((8..=20).contains(&looks), "{looks} looks in a day");
    test.shows(&payment, captured(100));
    test.later(7).await;
    test.clock.advance(86_400);
    assert_eq!(work_off(&test.gateway, &work).await.unwrap(), Claimed::Resolved);
}

#[tokio::test]
async fn what_was_declined_is_tried_again_only_when_the_payer_comes_back() {
    let test = TestGateway::start().await;
    let (payment, url) = (ProviderRef::new("ORDER1"), "https://pay.example".to_owned());
    test.answers([Outcome::Done(Charged::RequiresAction {
        payment,
        action: PayerAction::Page(url),
        declined: true,
    })]);
    let payment = test.charge(call()).await.unwrap();
    test.shows(&payment, ProviderStatus::Approved { declined: None, page: None });
    test.later(24).await;
    assert_eq!((test.now(&payment).await.state.name(), test.calls("resume")), ("requires_action", 0));
}
