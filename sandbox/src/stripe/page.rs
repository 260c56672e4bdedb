//! The page for a customer's 3-D Secure authentication.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    context::RequestContext,
    payment_intent::PaymentIntent,
    payment_intents::authenticate::{finish, waiting},
};
use crate::{
    pages::{Button, Page},
    state::Shared,
    webhooks::Announcer,
};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Succeed,
    Fail,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    outcome: Option<Outcome>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Visit {
    outcome: Option<Outcome>,
    /// As in the URL of `next_action`. It may be left out: a payment for Stripe's script has no such URL.
    payment_intent_client_secret: Option<String>,
}

impl Visit {
    fn is_to(&self, intent: &PaymentIntent) -> bool {
        self.payment_intent_client_secret.as_ref().is_none_or(|secret| *secret == intent.client_secret)
    }
}

/// `GET`: the page, or with `?outcome=` the decision itself, for scripts.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(intent): Path<String>,
    Query(visit): Query<Visit>,
) -> Response {
    if !shared.state().stripe.intents.get(&intent).is_some_and(|found| visit.is_to(found)) {
        return no_such_payment();
    }
    if let Some(outcome) = visit.outcome {
        return decide(&shared, &intent, outcome);
    }
    let state = shared.state();
    match state.stripe.intents.get(&intent) {
        None => no_such_payment(),
        Some(found) if waiting(found).is_none() => nothing_to_do(),
        Some(found) => Page {
            title: "Stripe sandbox: authenticate the payment",
            text: &format!("{intent}: {}", found.currency.to_money(found.amount)),
            buttons: &[
                Button { value: "succeed", label: "Complete authentication" },
                Button { value: "fail", label: "Fail authentication" },
            ],
        }
        .response(StatusCode::OK)
        .into_response(),
    }
}

/// `POST` with `outcome=succeed` or `outcome=fail`: a pressed button.
pub(crate) async fn submit(
    State(shared): State<Arc<Shared>>,
    Path(intent): Path<String>,
    Form(choice): Form<Choice>,
) -> Response {
    match choice.outcome {
        Some(outcome) => decide(&shared, &intent, outcome),
        None => Page::notice("Send outcome=succeed or outcome=fail.")
            .response(StatusCode::BAD_REQUEST)
            .into_response(),
    }
}

fn decide(shared: &Shared, intent: &str, outcome: Outcome) -> Response {
    let mut state = shared.state();
    let state = &mut *state;
    if state.stripe.intents.get(intent).is_none() {
        return no_such_payment();
    }
    // The effect is attributed to the request that created the payment.
    let key = state.stripe.intents.get(intent).and_then(|it| it.status.idempotency_key().map(str::to_owned));
    let now = shared.now();
    let mut context = RequestContext {
        objects: &mut state.stripe,
        ledger: &mut state.ledger,
        now,
        idempotency_key: key.as_deref(),
        request_id: None,
        announcer: Announcer { outbox: &mut state.webhooks, faults: &mut state.faults, now },
        pages: &shared.public_url,
    };
    match finish(&mut context, intent, matches!(outcome, Outcome::Succeed)) {
        None => nothing_to_do(),
        Some(finished) => match finished.return_url {
            Some(url) => {
                Redirect::to(&with_result(&url, intent, &finished.client_secret, outcome)).into_response()
            }
            None => Page::notice("Done. You can close this page.").response(StatusCode::OK).into_response(),
        },
    }
}

/// Stripe tells the merchant's page which payment returns and how: a hint, which the payer can alter.
fn with_result(return_url: &str, intent: &str, client_secret: &str, outcome: Outcome) -> String {
    let status = match outcome {
        Outcome::Succeed => "succeeded",
        Outcome::Fail => "failed",
    };
    match url::Url::parse(return_url) {
        Ok(mut url) => {
            url.query_pairs_mut()
                .append_pair("payment_intent", intent)
                .append_pair("payment_intent_client_secret", client_secret)
                .append_pair("redirect_status", status);
            url.into()
        }
        Err(_) => return_url.to_owned(),
    }
}

fn no_such_payment() -> Response {
    Page::notice("There is no such payment.").response(StatusCode::NOT_FOUND).into_response()
}

fn nothing_to_do() -> Response {
    Page::notice("This payment does not wait for authentication.")
        .response(StatusCode::CONFLICT)
        .into_response()
}
