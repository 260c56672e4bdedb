//! A sandbox with both adapters pointed at it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use control_plane_tests::TestClock;
use edge_core::client::ClientId;
use edge_core::money::{Amount, Currency, Money};
use edge_core::provider::Provider;
use edge_core::request::CaptureMode;
use jiff::Timestamp;
use payments::model::id::{AttemptId, PaymentId, RefundId};
use payments::model::payer_action::PayerAction;
use payments::model::provider::{
    CancelOrder, CancelTarget, CaptureOrder, ChargeOrder, Charged, Outcome, ProviderRef, RefundOrder,
    Refusal, RefusalKind, ResumeOrder,
};
use payments::ports::provider::PaymentProvider;
use payments_providers::{Outgoing, PaypalSettings, Providers, Settings, StripeSettings, Timeouts};
use provider_sandbox::{Config, ManualClock, Sandbox};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) struct SandboxFixture {
    sandbox: Sandbox,
    pub(crate) providers: Providers,
    pub(crate) http: reqwest::Client,
    /// The gateway's.
    pub(crate) clock: Arc<TestClock>,
    pub(crate) sandbox_clock: Arc<ManualClock>,
    ids: AtomicU64,
}

/// Where a payer was sent, by what is recorded.
pub(crate) const PAGE: &str = "https://pay.example/before";

/// What the ledger says of one thing that happened.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Effect {
    pub(crate) kind: String,
    pub(crate) amount: u64,
    pub(crate) currency: String,
}

pub(crate) fn effect(kind: &str, amount: u64, currency: &str) -> Effect {
    Effect { kind: kind.to_owned(), amount, currency: currency.to_owned() }
}

impl SandboxFixture {
    pub(crate) async fn open() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let sandbox_clock = Arc::new(ManualClock::at(Timestamp::from_second(TestClock::START_S).unwrap()));
        let config = Config {
            contracts: contracts(),
            stripe_secret_key: Some("sk_test_right".to_owned()),
            paypal_credentials: Some(("client".to_owned(), "secret".to_owned())),
            clock: sandbox_clock.clone(),
            ..Config::default()
        };
        let sandbox = provider_sandbox::start(config).await.unwrap();
        let mut settings = settings(&sandbox.url());
        change(&mut settings);
        let clock = TestClock::start();
        Self {
            sandbox,
            providers: Providers::new(settings, clock.clone()).unwrap(),
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            clock,
            sandbox_clock,
            ids: AtomicU64::new(0),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.url())
    }

    pub(crate) fn stripe(&self) -> Arc<dyn PaymentProvider> {
        self.providers.get(Provider::Stripe).unwrap()
    }

    pub(crate) fn paypal(&self) -> Arc<dyn PaymentProvider> {
        self.providers.get(Provider::Paypal).unwrap()
    }

    fn next(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.ids.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        bytes
    }

    pub(crate) fn attempt(&self) -> AttemptId {
        AttemptId::new(Timestamp::UNIX_EPOCH, self.next())
    }

    /// An order to charge `minor` units in full at once.
    pub(crate) fn charge(&self, minor: u64, currency: &str, method: Option<&str>) -> ChargeOrder {
        ChargeOrder {
            payment: PaymentId::new(Timestamp::UNIX_EPOCH, self.next()),
            client: ClientId::parse("demo").unwrap(),
            attempt: self.attempt(),
            money: money(minor, currency),
            method: method.map(str::to_owned),
            wallet: None,
            verification: None,
            is_judged: false,
            capture: CaptureMode::Automatic,
            description: None,
            customer_reference: None,
            metadata: edge_core::request::Metadata::default(),
            return_url: None,
        }
    }

    /// An order to hold `minor` units.
    pub(crate) fn authorize(&self, minor: u64, currency: &str, method: Option<&str>) -> ChargeOrder {
        ChargeOrder { capture: CaptureMode::Manual, ..self.charge(minor, currency, method) }
    }

    pub(crate) fn resume(&self, charged: &ChargeOrder, session: &ProviderRef) -> ResumeOrder {
        ResumeOrder {
            payment: charged.payment,
            client: charged.client.clone(),
            attempt: self.attempt(),
            money: charged.money,
            capture: charged.capture,
            session: session.clone(),
            page: Some(PAGE.to_owned()),
            wallet: charged.wallet,
            is_judged: false,
        }
    }

    pub(crate) fn capture(
        &self,
        charged: &ChargeOrder,
        authorization: &ProviderRef,
        minor: u64,
    ) -> CaptureOrder {
        CaptureOrder {
            payment: charged.payment,
            attempt: self.attempt(),
            authorization: authorization.clone(),
            money: Money { amount: Amount::new(minor).unwrap(), ..charged.money },
        }
    }

    pub(crate) fn cancel(&self, charged: &ChargeOrder, target: CancelTarget) -> CancelOrder {
        CancelOrder { payment: charged.payment, attempt: self.attempt(), target }
    }

    pub(crate) fn refund(&self, charged: &ChargeOrder, charge: &ProviderRef, minor: u64) -> RefundOrder {
        RefundOrder {
            payment: charged.payment,
            refund: RefundId::new(Timestamp::UNIX_EPOCH, self.next()),
            attempt: self.attempt(),
            charge: charge.clone(),
            money: Money { amount: Amount::new(minor).unwrap(), ..charged.money },
        }
    }

    /// Everything that happened for one payment, in order.
    pub(crate) async fn effects(&self, payment: PaymentId) -> Vec<Effect> {
        self.ledger(&format!("?transactionId={payment}")).await
    }

    pub(crate) async fn ledger(&self, query: &str) -> Vec<Effect> {
        #[derive(Deserialize)]
        struct Ledger {
            effects: Vec<Effect>,
        }
        let answer = self.http.get(self.url(&format!("/_sandbox/ledger{query}"))).send().await.unwrap();
        answer.json::<Ledger>().await.unwrap().effects
    }

    /// Requests received for an operation.
    pub(crate) async fn received(&self, provider: &str, operation: &str) -> u64 {
        let answer = self.http.get(self.url("/_sandbox/requests?summary=1")).send().await.unwrap();
        let summary: Value = answer.json().await.unwrap();
        summary["counts"][provider][operation].as_u64().unwrap_or(0)
    }

    pub(crate) async fn fault(&self, provider: &str, operation: &str, fault: &str) {
        self.set_fault(&json!({ "provider": provider, "operation": operation, "fault": fault })).await;
    }

    pub(crate) async fn set_fault(&self, rule: &Value) {
        let answer = self.http.post(self.url("/_sandbox/faults")).json(rule).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    /// The next call for the operation is refused so.
    pub(crate) async fn refuse(&self, provider: &str, operation: &str, status: u16, body: &Value) {
        let refusal = json!({ "status": status, "body": body });
        let rule = json!({
            "provider": provider, "operation": operation, "fault": "refuse", "times": 1, "refusal": refusal,
        });
        self.set_fault(&rule).await;
    }

    pub(crate) async fn heal(&self) {
        self.http.delete(self.url("/_sandbox/faults")).send().await.unwrap();
    }

    /// Makes something happen at a provider.
    pub(crate) async fn happens(&self, script: &Value) {
        let answer = self.http.post(self.url("/_sandbox/happen")).json(script).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    /// A call to PayPal past the gateway: by the shop's own page, or by a person.
    pub(crate) async fn past_the_gateway(&self, path: &str, body: &Value) -> Value {
        let token = self.http.post(self.url("/v1/oauth2/token")).basic_auth("client", Some("secret"));
        let token = token.form(&[("grant_type", "client_credentials")]).send().await.unwrap();
        let token: Value = token.json().await.unwrap();
        let call = self.http.post(self.url(path)).bearer_auth(token["access_token"].as_str().unwrap());
        // PayPal demands it where there is a payment source.
        let call = call.header("PayPal-Request-Id", self.attempt().to_string());
        let answer = call.json(body).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{path}");
        answer.json().await.unwrap()
    }

    /// The payer opens a page and decides.
    pub(crate) async fn visit(&self, page: &str, outcome: &str) {
        let mut url = reqwest::Url::parse(page).unwrap();
        url.query_pairs_mut().append_pair("outcome", outcome);
        let answer = self.http.get(url).send().await.unwrap();
        assert!(answer.status().is_redirection() || answer.status().is_success(), "{}", answer.status());
    }
}

pub(crate) fn settings(base: &str) -> Settings {
    Settings {
        stripe: Some(StripeSettings {
            api_base: base.parse().unwrap(),
            secret_key: "sk_test_right".to_owned().into(),
            outgoing: Outgoing::default(),
        }),
        paypal: Some(PaypalSettings {
            api_base: base.parse().unwrap(),
            client_id: "client".to_owned(),
            client_secret: "secret".to_owned().into(),
            outgoing: Outgoing::default(),
        }),
        default_return_url: None,
        wallet_liability_shift: payments_providers::LiabilityPolicy::default(),
        timeouts: Timeouts { call: Duration::from_secs(5), ..Timeouts::default() },
        circuit_breakers: false,
    }
}

pub(crate) fn paypal_issue(issue: &str) -> Value {
    paypal_issue_at(issue, None)
}

/// `field`: the place in the request that PayPal names.
pub(crate) fn paypal_issue_at(issue: &str, field: Option<&str>) -> Value {
    let details = json!([{ "issue": issue, "field": field, "description": "Because." }]);
    json!({ "name": "UNPROCESSABLE_ENTITY", "message": "Refused.", "debug_id": "d", "details": details })
}

pub(crate) fn money(minor: u64, currency: &str) -> Money {
    Money { amount: Amount::new(minor).unwrap(), currency: Currency::from_code(currency).unwrap() }
}

/// The providers' published contracts, where they are at hand: the sandbox then holds our requests against
/// them too.
fn contracts() -> Option<PathBuf> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared = std::env::var_os("GATEWAY_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let folder = root.join(shared).join("contracts");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("not checked against the published contracts: {} does not exist", folder.display());
    None
}

/// Takes the answer apart, or says what it was instead.
pub(crate) trait Expect<T> {
    fn done(self) -> T;
    fn refused(self) -> Refusal;
}

impl<T: std::fmt::Debug> Expect<T> for Outcome<T> {
    #[track_caller]
    fn done(self) -> T {
        match self {
            Self::Done(done) => done,
            other => panic!("not done: {other:?}"),
        }
    }

    #[track_caller]
    fn refused(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }
}

#[track_caller]
pub(crate) fn completed(charged: Charged) -> ProviderRef {
    match charged {
        Charged::Completed { charge, .. } => charge,
        other => panic!("not completed: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn authorized(charged: Charged) -> ProviderRef {
    match charged {
        Charged::Authorized { authorization, .. } => authorization,
        other => panic!("not authorized: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn to_be_acted_on(charged: Charged) -> (ProviderRef, String) {
    match charged {
        Charged::RequiresAction { payment, action: PayerAction::Page(url), .. } => (payment, url),
        other => panic!("requires no action: {other:?}"),
    }
}

pub(crate) fn invalid(param: &str) -> RefusalKind {
    RefusalKind::Invalid { param: Some(param.to_owned()) }
}
