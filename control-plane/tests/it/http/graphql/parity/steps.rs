//! What becomes of a payment: what its client asks for, and what the provider says.

use edge_core::provider::Provider;
use payments::model::paid_with::PaidWith;
use payments::model::payer_action::{ClientSecret, PayerAction};
use payments::model::provider::{
    Captured, Charged, Outcome, ProviderRef, Refunded, Refusal, RefusalKind, Uncertainty,
};
use payments::model::webhook::EventBody;
use payments::ports::provider::PaymentProvider as _;
use payments::usecases::webhook::receive;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::next_event;
use crate::http::Api;

/// What the provider says to one call.
#[derive(Clone, Debug)]
pub(super) enum ScriptedAnswer {
    Done(Option<PaidWith>),
    /// To a charge; otherwise as `Pending`.
    Action(PayerAction),
    Pending,
    Refused(Refusal),
    NotSent,
    Unknown,
}

pub(super) fn said() -> impl Strategy<Value = ScriptedAnswer> {
    let word = || prop::option::of("[a-z_]{1,12}");
    let last4 = prop::option::of("[0-9]{4}");
    let paid_with = ("card|paypal|link", prop::option::of("apple_pay|google_pay|new_pay"), word(), last4)
        .prop_map(|(kind, wallet, brand, last4)| PaidWith { kind, wallet, brand, last4 });
    let kind = prop::sample::select(vec![
        RefusalKind::Declined,
        RefusalKind::Invalid { param: None },
        RefusalKind::Configuration,
    ]);
    let refusal = (kind, word(), word(), "[a-z]{1,20}").prop_map(|(kind, code, decline_code, message)| {
        Refusal { kind, code, decline_code, message, reference: None }
    });
    let action = prop::sample::select(vec![
        PayerAction::Page("https://provider.example/approve".to_owned()),
        PayerAction::Script(ClientSecret::new("pi_1_secret_2")),
        PayerAction::ConfirmOrder,
    ]);
    prop_oneof![
        4 => prop::option::of(paid_with).prop_map(ScriptedAnswer::Done),
        1 => action.prop_map(ScriptedAnswer::Action),
        1 => Just(ScriptedAnswer::Pending),
        1 => refusal.prop_map(ScriptedAnswer::Refused),
        1 => Just(ScriptedAnswer::NotSent),
        1 => Just(ScriptedAnswer::Unknown),
    ]
}

impl ScriptedAnswer {
    pub(super) fn of_charge(&self, is_manual: bool) -> Outcome<Charged> {
        let payment = ProviderRef::new("pi_1");
        let done = match self {
            Self::Action(action) => {
                Charged::RequiresAction { payment: payment.clone(), action: action.clone(), declined: false }
            }
            Self::Done(paid_with) if is_manual => Charged::Authorized {
                payment: payment.clone(),
                authorization: payment.clone(),
                paid_with: paid_with.clone(),
            },
            Self::Done(paid_with) => Charged::Completed {
                payment: payment.clone(),
                charge: ProviderRef::new("ch_1"),
                paid_with: paid_with.clone(),
            },
            _ => Charged::Pending { payment: payment.clone() },
        };
        self.of(done, Charged::Pending { payment })
    }

    fn of<T>(&self, done: T, pending: T) -> Outcome<T> {
        match self {
            Self::Done(_) | Self::Action(_) => Outcome::Done(done),
            Self::Pending => Outcome::Done(pending),
            Self::Refused(refusal) => Outcome::Refused(refusal.clone()),
            Self::NotSent => Outcome::NotSent(Uncertainty::new("it was away")),
            Self::Unknown => Outcome::Unknown(Uncertainty::new("its answer was lost")),
        }
    }
}

/// Many are refused.
#[derive(Clone, Debug)]
pub(super) enum ParityStep {
    Capture(Option<u64>, ScriptedAnswer),
    Refund(Option<u64>, ScriptedAnswer),
    Cancel(ScriptedAnswer),
    /// An event about a dispute with this status, which could be read at the provider or not.
    Dispute(&'static str, bool),
}

pub(super) fn steps() -> impl Strategy<Value = Vec<ParityStep>> {
    let amount = || prop::option::of(1_u64..200);
    let status = prop::sample::select(vec!["needs_response", "under_review", "won", "lost", "withdrawn"]);
    let step = prop_oneof![
        (amount(), said()).prop_map(|(amount, said)| ParityStep::Capture(amount, said)),
        (amount(), said()).prop_map(|(amount, said)| ParityStep::Refund(amount, said)),
        said().prop_map(ParityStep::Cancel),
        (status, any::<bool>()).prop_map(|(status, is_read)| ParityStep::Dispute(status, is_read)),
    ];
    prop::collection::vec(step, 0..5)
}

fn body(amount: Option<u64>) -> Value {
    amount.map_or_else(|| json!({}), |amount| json!({ "amount": amount }))
}

impl ParityStep {
    /// What the provider says to the charge, whether it is captured later, and the steps after it.
    pub(super) fn to_every_status() -> Vec<(ScriptedAnswer, bool, Vec<Self>)> {
        let declined = ScriptedAnswer::Refused(Refusal {
            kind: RefusalKind::Declined,
            code: Some("card_declined".to_owned()),
            decline_code: None,
            message: "no".to_owned(),
            reference: None,
        });
        let (capture, cancel) =
            (Self::Capture(Some(60), ScriptedAnswer::Done(None)), Self::Cancel(ScriptedAnswer::Done(None)));
        let refunds = [ScriptedAnswer::Done(None), declined.clone(), ScriptedAnswer::Pending];
        let refunds = refunds.into_iter().map(|said| Self::Refund(Some(30), said));
        vec![
            (ScriptedAnswer::Action(PayerAction::ConfirmOrder), false, Vec::new()),
            (ScriptedAnswer::Unknown, false, Vec::new()),
            (declined, false, Vec::new()),
            (ScriptedAnswer::Done(None), true, vec![capture]),
            (ScriptedAnswer::Done(None), true, vec![cancel]),
            (ScriptedAnswer::Done(None), false, refunds.chain([Self::Dispute("lost", true)]).collect()),
        ]
    }

    pub(super) async fn take(&self, api: &Api, id: &str, number: usize) {
        let provider = &api.test.provider;
        let (path, body) = match self {
            Self::Capture(amount, said) => {
                let done = Captured::Completed { charge: ProviderRef::new("ch_2") };
                provider.captures.lock().unwrap().push(said.of(done, Captured::Pending));
                (format!("/payments/{id}/capture"), body(*amount))
            }
            Self::Cancel(said) => {
                provider.cancels.lock().unwrap().push(said.of((), ()));
                (format!("/payments/{id}/cancel"), json!({}))
            }
            Self::Refund(amount, said) => {
                let refund = ProviderRef::new(format!("re_{number}"));
                let (done, pending) =
                    (Refunded::Processed { refund: refund.clone() }, Refunded::Pending { refund });
                provider.refunds.lock().unwrap().push(said.of(done, pending));
                let mut body = body(*amount);
                body["transactionId"] = id.into();
                ("/payments/refund".to_owned(), body)
            }
            Self::Dispute(status, is_read) => return dispute(api, id, number, status, *is_read).await,
        };
        api.demo("POST", &path, &body.to_string()).await;
        // What was refused before the provider was asked leaves its word for the next call.
        provider.captures.lock().unwrap().clear();
        provider.cancels.lock().unwrap().clear();
        provider.refunds.lock().unwrap().clear();
    }
}

async fn dispute(api: &Api, id: &str, number: usize, status: &str, is_read: bool) {
    let about = if is_read { "dispute" } else { "claimed_dispute" };
    let event = json!({
        "id": format!("evt_{number}"), "about": about, "payment": id, "second": number, "status": status,
    })
    .to_string();
    let parsed = api.test.provider.read_event(event.as_bytes()).unwrap();
    let body = EventBody::of(event.as_bytes());
    receive(&api.test.gateway, Provider::Stripe, parsed, body).await.unwrap();
    next_event(&api.test.gateway).await;
}
