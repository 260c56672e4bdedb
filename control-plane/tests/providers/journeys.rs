//! Whole payments with the sandbox's own events: whatever order they come in, the gateway ends where the
//! provider is, and asks for nothing twice.

use std::sync::Arc;

use control_plane::http::charge_terms;
use control_plane::jobs::poll::LocalWakeup;
use edge_core::client::ClientId;
use edge_core::provider::Provider;
use edge_core::request::ChargeRequest;
use payments::model::event::Cause;
use payments::model::idempotency::StoredAnswer;
use payments::model::payment::{CancelReason, Payment, State, Status};
use payments::model::provider::OperationKind;
use payments::model::refund::RefundStatus;
use payments::model::webhook::{DisputeOutcome, DisputeVerdict, EventBody, EventState};
use payments::ports::clock::SystemEntropy;
use payments::ports::store::WebhookFilter;
use payments::usecases::call::{Call, Renders};
use payments::usecases::gateway::Gateway;
use payments::usecases::resolve::run_next_due;
use payments::usecases::retries::{Retries, RetryPolicy};
use payments::usecases::webhook::receive;
use payments::usecases::{self, OperationError};
use payments_stores::DatabaseSettings;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::sandbox_fixture::{SandboxFixture, effect};

struct Journey {
    fixture: SandboxFixture,
    gateway: Arc<Gateway>,
    _folder: tempfile::TempDir,
}

fn client() -> ClientId {
    ClientId::parse("demo").unwrap()
}

fn call<T>() -> Call<T> {
    let cause = Cause::request(client(), "req-1".to_owned());
    let render = |_: &Result<T, OperationError>, _: &str| StoredAnswer { status: 200, body: String::new() };
    Call { cause, key: None, render, asked: OperationKind::Charge.into() }
}

fn cancel() -> Call<Payment> {
    Call { asked: OperationKind::Cancel.into(), ..call() }
}

impl Journey {
    async fn begin() -> Self {
        let fixture = SandboxFixture::open().await;
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
        let gateway = Arc::new(Gateway {
            store: payments_stores::open(DatabaseSettings::new(uri)).await.unwrap(),
            providers: [(Provider::Stripe, fixture.stripe()), (Provider::Paypal, fixture.paypal())].into(),
            started_at: payments::ports::clock::Clock::now(&*fixture.clock),
            clock: fixture.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            tasks: TaskTracker::new(),
            queue: Arc::new(LocalWakeup::default()),
            retries: Retries::new(RetryPolicy { inline_within: None, ..RetryPolicy::default() }),
            renders: Renders::NONE,
        });
        Self { fixture, gateway, _folder: folder }
    }

    async fn charge(&self, provider: &str, method: Option<&str>) -> Payment {
        let body = json!({ "provider": provider, "amount": 4_999, "currency": "USD" });
        self.charged(body, method).await
    }

    async fn authorize(&self, provider: &str, method: &str) -> Payment {
        let body = json!({ "provider": provider, "amount": 4_999, "currency": "USD", "capture": "manual" });
        self.charged(body, Some(method)).await
    }

    async fn charged(&self, mut body: Value, method: Option<&str>) -> Payment {
        if let Some(method) = method {
            body["paymentMethodId"] = method.into();
        }
        let request = charge_terms(ChargeRequest::parse(body.to_string().as_bytes()).unwrap());
        usecases::charge(self.gateway.clone(), request, None, call()).await.unwrap()
    }

    async fn control(&self, path: &str) -> Value {
        let answer =
            self.fixture.http.get(self.fixture.url(&format!("/_sandbox/{path}"))).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Makes something happen at the provider.
    async fn happens(&self, script: &Value) {
        let url = self.fixture.url("/_sandbox/webhooks/send");
        let answer = self.fixture.http.post(url).json(script).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    /// Hands over every event so far, newest first, each of them twice, and works them off.
    async fn told(&self) {
        let events = self.control("webhooks").await;
        for event in events["events"].as_array().unwrap().iter().rev() {
            let id = event["id"].as_str().unwrap();
            let body = self.control(&format!("webhooks/{id}")).await["event"].to_string();
            let provider = Provider::from_name(event["provider"].as_str().unwrap()).unwrap();
            for _ in 0..2 {
                let notice = self.gateway.provider(provider).unwrap().read_event(body.as_bytes()).unwrap();
                assert_eq!(notice.id, id);
                receive(&self.gateway, provider, notice, EventBody::of(body.as_bytes())).await.unwrap();
            }
        }
        while run_next_due(&self.gateway).await.unwrap().is_some() {}
        let filter = WebhookFilter { limit: 1_000, ..WebhookFilter::default() };
        let kept = self.gateway.store.webhooks(&filter).await.unwrap();
        for event in &kept {
            assert!(!String::from_utf8_lossy(&event.body).contains("_secret_"), "{}", event.kind);
        }
        let failed = kept.iter().find(|event| matches!(event.state, EventState::Failed { .. }));
        assert_eq!(failed, None);
        assert_eq!(kept.len(), events["events"].as_array().unwrap().len());
    }

    async fn now(&self, payment: &Payment) -> Payment {
        self.gateway.store.payment(&client(), payment.id).await.unwrap().unwrap()
    }

    async fn is_clean(&self, payment: &Payment) {
        let trail = self.gateway.store.events(&client(), payment.id).await.unwrap();
        assert!(trail.iter().all(|event| event.kind() != "payment.evidence_refused"), "{trail:?}");
    }
}

#[tokio::test]
async fn a_stripe_charge_whose_answer_was_lost_is_completed_by_its_events() {
    let journey = Journey::begin().await;
    journey.fixture.fault("stripe", "charge", "drop_after").await;
    let payment = journey.charge("stripe", Some("pm_card_visa")).await;
    journey.fixture.heal().await;
    assert_eq!(payment.state.status(), Status::Pending);
    journey.told().await;
    assert_eq!(journey.now(&payment).await.state.status(), Status::Completed);
    assert_eq!(journey.fixture.effects(payment.id).await, [effect("charge", 4_999, "USD")]);
    journey.is_clean(&payment).await;
}

#[tokio::test]
async fn stripe_refunds_fail_later_come_from_the_dashboard_and_charges_are_disputed() {
    let journey = Journey::begin().await;
    let payment = journey.charge("stripe", Some("pm_card_visa")).await;
    let amount = edge_core::money::Amount::new(1_000);
    let refund = usecases::refund(journey.gateway.clone(), payment.id, amount, call()).await.unwrap();
    let reference = refund.state.reference().unwrap().to_string();
    journey.told().await;
    assert_eq!(journey.now(&payment).await.refunded, 1_000);
    journey.happens(&json!({ "provider": "stripe", "type": "refund.failed", "id": reference })).await;
    journey.told().await;
    let failed = journey.gateway.store.refund(&client(), refund.id).await.unwrap().unwrap();
    assert_eq!((failed.state.status(), journey.now(&payment).await.refunded), (RefundStatus::Failed, 0));

    let intent = payment.reference.clone().unwrap().to_string();
    let dashboard =
        journey.fixture.http.post(journey.fixture.url("/v1/refunds")).bearer_auth("sk_test_right");
    let form = [("payment_intent", intent.as_str()), ("amount", "500")];
    assert_eq!(dashboard.form(&form).send().await.unwrap().status(), 200);
    journey.told().await;
    assert_eq!(journey.now(&payment).await.refunded, 500);

    let txn = payment.id.to_string();
    let open = json!({ "provider": "stripe", "type": "charge.dispute.created", "transactionId": txn });
    journey.happens(&open).await;
    journey.told().await;
    let [dispute] = journey.gateway.store.disputes(&client(), payment.id).await.unwrap().try_into().unwrap();
    // What was not refunded is disputed.
    assert_eq!((dispute.amount.unwrap().minor(), dispute.closed_at), (4_499, None));
    let close = json!({
        "provider": "stripe", "type": "charge.dispute.closed", "id": dispute.id.as_str(), "outcome": "lost",
    });
    journey.happens(&close).await;
    journey.told().await;
    let [dispute] = journey.gateway.store.disputes(&client(), payment.id).await.unwrap().try_into().unwrap();
    assert_eq!(dispute.status.as_deref(), Some("lost"));
    assert_eq!(dispute.outcome, Some(DisputeOutcome::new(DisputeVerdict::Lost, "lost")));
    journey.is_clean(&payment).await;
}

#[tokio::test]
async fn a_paypal_order_is_captured_when_its_payer_approves_and_never_comes_back() {
    let journey = Journey::begin().await;
    let payment = journey.charge("paypal", None).await;
    assert_eq!(payment.state.status(), Status::RequiresAction);
    let order = payment.reference.clone().unwrap();
    journey.fixture.visit(&journey.fixture.url(&format!("/checkoutnow?token={order}")), "approve").await;
    journey.told().await;
    assert_eq!(journey.now(&payment).await.state.status(), Status::Completed);
    journey.told().await;
    assert_eq!(journey.fixture.effects(payment.id).await, [effect("charge", 4_999, "USD")]);
    journey.is_clean(&payment).await;
}

#[tokio::test]
async fn a_cancel_finds_the_money_that_moved_unheard() {
    let journey = Journey::begin().await;
    let payment = journey.charge("paypal", None).await;
    let order = payment.reference.clone().unwrap();
    journey.fixture.visit(&journey.fixture.url(&format!("/checkoutnow?token={order}")), "approve").await;
    journey.fixture.past_the_gateway(&format!("/v2/checkout/orders/{order}/capture"), &json!({})).await;
    let told = usecases::cancel(journey.gateway.clone(), payment.id, cancel()).await;
    assert!(matches!(told, Err(OperationError::Superseded { .. })), "{told:?}");
    assert_eq!(journey.now(&payment).await.state.status(), Status::Completed);

    let payment = journey.authorize("paypal", "vault-ok").await;
    let txn = payment.id.to_string();
    let part = json!({
        "provider": "paypal", "type": "PAYMENT.CAPTURE.COMPLETED", "transactionId": txn, "amount": 2_000,
    });
    journey.fixture.happens(&part).await;
    let told = usecases::cancel(journey.gateway.clone(), payment.id, cancel()).await;
    assert!(matches!(told, Err(OperationError::Superseded { .. })), "{told:?}");
    let now = journey.now(&payment).await;
    assert_eq!(now.captured().map(|(_, taken)| taken.minor()), Some(2_000));
}

#[tokio::test]
async fn a_voided_order_that_is_resubmitted_ends_canceled() {
    let journey = Journey::begin().await;
    let payment = journey.charge("paypal", None).await;
    let order = payment.reference.clone().unwrap();
    let voided = json!({ "provider": "paypal", "type": "order.voided", "id": order.as_str() });
    journey.fixture.happens(&voided).await;
    let request = json!({
        "provider": "paypal", "amount": 4_999, "currency": "USD", "paymentMethodId": order.as_str(),
    });
    let request = charge_terms(ChargeRequest::parse(request.to_string().as_bytes()).unwrap());
    let told = usecases::charge(journey.gateway.clone(), request, None, call()).await;
    assert!(matches!(told, Err(OperationError::Refused { .. })), "{told:?}");
    let state = journey.now(&payment).await.state;
    assert!(matches!(state, State::Canceled { reason: Some(CancelReason::AtProvider), .. }), "{state:?}");
}

#[tokio::test]
async fn a_pending_paypal_capture_ends_as_its_review_ends() {
    for (outcome, status) in [("accept", Status::Completed), ("deny", Status::Failed)] {
        let journey = Journey::begin().await;
        let payment = journey.charge("paypal", Some("vault-pending")).await;
        assert_eq!(payment.state.status(), Status::Pending);
        journey.told().await;
        assert_eq!(journey.now(&payment).await.state.status(), Status::Pending);
        let events = journey.control("webhooks?type=PAYMENT.CAPTURE.PENDING").await;
        let capture = events["events"][0]["object"].as_str().unwrap().to_owned();
        let review = format!("/_sandbox/paypal/payments/{capture}/review?outcome={outcome}");
        let answer = journey.fixture.http.post(journey.fixture.url(&review)).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        journey.told().await;
        assert_eq!(journey.now(&payment).await.state.status(), status, "{outcome}");
        journey.is_clean(&payment).await;
    }
}

#[tokio::test]
async fn a_paypal_refund_that_fails_later_gives_its_amount_back() {
    let journey = Journey::begin().await;
    let payment = journey.charge("paypal", Some("vault-ok")).await;
    let refund = usecases::refund(journey.gateway.clone(), payment.id, None, call()).await.unwrap();
    let reference = refund.state.reference().unwrap().to_string();
    journey.told().await;
    assert_eq!(journey.now(&payment).await.refunded, 4_999);
    journey.happens(&json!({ "provider": "paypal", "type": "PAYMENT.REFUND.FAILED", "id": reference })).await;
    journey.told().await;
    assert_eq!(journey.now(&payment).await.refunded, 0);
    let txn = payment.id.to_string();
    let open = json!({ "provider": "paypal", "type": "CUSTOMER.DISPUTE.CREATED", "transactionId": txn });
    journey.happens(&open).await;
    journey.told().await;
    let disputes = async || journey.gateway.store.disputes(&client(), payment.id).await.unwrap();
    assert_eq!(disputes().await.len(), 1);
    let close = json!({
        "provider": "paypal", "type": "CUSTOMER.DISPUTE.RESOLVED", "transactionId": txn, "outcome": "won",
    });
    journey.happens(&close).await;
    journey.told().await;
    let won = DisputeOutcome::new(DisputeVerdict::Won, "RESOLVED_SELLER_FAVOUR");
    assert_eq!(disputes().await[0].outcome, Some(won));
    journey.is_clean(&payment).await;
}
