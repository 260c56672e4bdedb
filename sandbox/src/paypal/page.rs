//! The page where a payer approves an order.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use url::Url;

use super::{
    events::EventContent,
    order::{Funding, OrderStatus},
    source::Source,
};
use crate::{
    pages::{Button, Page},
    state::Shared,
    webhooks::{Announcer, Content},
};

const PAYER_ID: &str = "QYR5Z8XDVJNXQ";

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Approve,
    Cancel,
    /// The bank of a card in a wallet is not convinced that this is its customer.
    Fail,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Visit {
    /// The order.
    token: String,
    outcome: Option<Outcome>,
    /// How the funding source that the payer chooses responds to a charge.
    #[serde(default)]
    funding: Funding,
    /// This many captures are rejected at first although the payer has approved.
    #[serde(default)]
    refusals: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    outcome: Outcome,
}

/// `GET`: the page, or with `?outcome=` the decision itself, for scripts.
pub(crate) async fn show(State(shared): State<Arc<Shared>>, Query(visit): Query<Visit>) -> Response {
    if let Some(outcome) = visit.outcome {
        return decide(&shared, &visit, outcome);
    }
    let state = shared.state();
    match state.paypal.orders.get(&visit.token) {
        None => no_such_order(),
        Some(order) if !order.takes_payer() => nothing_to_do(),
        Some(order) => {
            let amounts: Vec<String> = order.units.iter().map(|unit| unit.money.to_string()).collect();
            let mut buttons = vec![
                Button { value: "approve", label: "Approve" },
                Button { value: "cancel", label: "Cancel" },
            ];
            if order.is_in_wallet() {
                buttons.push(Button { value: "fail", label: "Fail authentication" });
            }
            Page {
                title: "PayPal sandbox: approve the payment",
                text: &format!("{}: {}", order.id, amounts.join(", ")),
                buttons: &buttons,
            }
            .response(StatusCode::OK)
            .into_response()
        }
    }
}

/// `POST` with `outcome=approve`, `outcome=cancel` or `outcome=fail`: a pressed button.
pub(crate) async fn submit(
    State(shared): State<Arc<Shared>>,
    Query(visit): Query<Visit>,
    Form(choice): Form<Choice>,
) -> Response {
    decide(&shared, &visit, choice.outcome)
}

/// Cancelling leaves the order unchanged: the payer may return.
fn decide(shared: &Shared, visit: &Visit, outcome: Outcome) -> Response {
    let (id, now) = (visit.token.as_str(), shared.now());
    let mut state = shared.state();
    let state = &mut *state;
    state.paypal.forget_unapproved(id, now);
    let Some(order) = state.paypal.orders.get_mut(id) else { return no_such_order() };
    let is_askable = order.takes_payer() && (order.is_in_wallet() || !matches!(outcome, Outcome::Fail));
    if !is_askable {
        return nothing_to_do();
    }
    let back = match outcome {
        Outcome::Approve | Outcome::Fail => {
            // Another funding source than the one that failed.
            if order.reopened {
                order.source = Some(Source::Wallet);
            }
            match order.source {
                Some(Source::InWallet(card)) if matches!(outcome, Outcome::Fail) => {
                    order.source = Some(Source::InWallet(card.unauthenticated()));
                }
                Some(Source::InWallet(card)) => order.source = Some(Source::InWallet(card.authenticated())),
                // Instead of confirming with the wallet, the payer paid by a PayPal account.
                Some(Source::ToBeConfirmed { .. }) => order.source = Some(Source::Wallet),
                _ => {}
            }
            order.status = OrderStatus::Approved;
            (order.funding, order.refusals, order.reopened) = (visit.funding, visit.refusals, false);
            order.updated = now;
            &order.return_url
        }
        Outcome::Cancel => &order.cancel_url,
    };
    let back = back.clone();
    if !matches!(outcome, Outcome::Cancel)
        && let Some(order) = EventContent::of_order(&state.paypal, id)
    {
        Announcer { outbox: &mut state.webhooks, faults: &mut state.faults, now }
            .announce("CHECKOUT.ORDER.APPROVED", Content::Paypal(order));
    }
    match back.as_deref().map(Url::parse) {
        Some(Ok(mut url)) => {
            url.query_pairs_mut().append_pair("token", id);
            if !matches!(outcome, Outcome::Cancel) {
                url.query_pairs_mut().append_pair("PayerID", PAYER_ID);
            }
            Redirect::to(url.as_str()).into_response()
        }
        _ => Page::notice("Done. You can close this page.").response(StatusCode::OK).into_response(),
    }
}

fn no_such_order() -> Response {
    Page::notice("There is no such order.").response(StatusCode::NOT_FOUND).into_response()
}

fn nothing_to_do() -> Response {
    Page::notice("This order does not wait for approval.").response(StatusCode::CONFLICT).into_response()
}
