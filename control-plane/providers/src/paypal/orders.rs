//! Charges by orders: creates one and pays it, or pays one that the payer has approved.

mod reads;

use edge_core::client::ClientId;
use edge_core::request::Wallet;
use payments::model::payer_action::PayerAction;
use payments::model::provider::{ChargeOrder, Charged, ProviderRef, Refusal, ResumeOrder, Uncertainty};

pub(super) use self::reads::look_if_there;
use self::reads::{look, look_afterwards, look_at_named, look_first, look_for_own, the_one};
use super::answers::{self, Expected, Order, Owner, not_as_asked, unexpected};
use super::client::Talk;
use super::currency::sum;
use super::errors::{DECLINED_FOR_NOW, DUPLICATE_INVOICE_ID, MISSING, Problem, RequestKind};
use super::methods::PaymentMethod;
use super::{Paypal, requests};
use crate::provider_result::{NotDone, ProviderResult};

/// Nothing in the order shows that it belongs to this payment, and the money may be for something else, so it is not
/// recorded here.
const DECLINED_BEFORE: &str = "names an order whose payment was declined; make a new order";
const PAID_ELSEWHERE: &str = "names an order that was paid already, and not by this gateway: it is no payment here, and \
    is refunded at PayPal only";
/// The order says something else than the payment.
const ORDER_MISMATCH: &str = "order_mismatch";
/// What was judged is not what the order shows now.
const CONFIRMED_ANEW: &str = "the order is not captured as it stands";
/// The payer has to authenticate or confirm.
const PAYER_ACTION_REQUIRED: &str = "PAYER_ACTION_REQUIRED";

/// Whether the payer is present to choose another way to pay.
#[derive(Clone, Copy)]
enum Payer<'a> {
    /// The payer agreed beforehand.
    Absent,
    /// `page`: where the payer was sent before.
    AtHand { page: Option<&'a str> },
    /// The payer confirms the order with a wallet, which has no page. After a decline, the payer needs a new order: this
    /// one is confirmed already.
    InWallet,
}

impl<'a> Payer<'a> {
    fn of_order(wallet: Option<Wallet>, page: Option<&'a str>) -> Self {
        if wallet.is_some() { Self::InWallet } else { Self::AtHand { page } }
    }

    fn may_go_on_after(self, issue: &str) -> bool {
        let is_at_hand = matches!(self, Self::AtHand { .. });
        issue == PAYER_ACTION_REQUIRED || (is_at_hand && DECLINED_FOR_NOW.contains(&issue))
    }
}

impl Paypal {
    pub(super) async fn run_charge(&self, order: &ChargeOrder) -> ProviderResult<Charged> {
        let expected = Expected { payment: order.payment, money: order.money, mode: order.capture };
        let talk = self.client.converse(order.attempt);
        match PaymentMethod::of(order) {
            PaymentMethod::ApprovedOrder(id) => self.charge_approved(&talk, &id, &expected, order).await,
            method => self.charge_new_order(&talk, order, &method, &expected).await,
        }
    }

    async fn charge_new_order(
        &self,
        talk: &Talk<'_>,
        order: &ChargeOrder,
        method: &PaymentMethod<'_>,
        expected: &Expected,
    ) -> ProviderResult<Charged> {
        let return_url = order.return_url.as_deref().or(self.default_return_url.as_deref());
        let request = requests::create_order(order, method, sum(order.money)?, return_url);
        let asked = RequestKind::MakeOrder { names_method: method.is_agreed() };
        let (id, order) = answers::order(&talk.send(&request).await?, asked)?;
        if order.contradicts(expected).is_some() || order.owner(expected.payment) != Owner::ThisPayment {
            return Err(NotDone::unknown("PayPal answered with another order than was asked for").about(&id));
        }
        let payer = match method {
            PaymentMethod::ToBeConfirmed(..) => Payer::InWallet,
            method if method.is_agreed() => Payer::Absent,
            _ => Payer::AtHand { page: None },
        };
        let result = match order.paid(&id, expected) {
            Some(paid) => paid,
            None if order.status == "CREATED" && method.is_agreed() => {
                complete(talk, &id, expected, payer).await
            }
            None => unpaid(talk, &id, &order, expected, payer).await,
        };
        result.map_err(|not_done| not_done.about(&id))
    }

    pub(super) async fn run_resume(&self, order: &ResumeOrder) -> ProviderResult<Charged> {
        let expected = Expected { payment: order.payment, money: order.money, mode: order.capture };
        let talk = self.client.converse(order.attempt);
        let id = &order.session;
        let gone = || NotDone::expired("order_expired", "the payer did not approve the order in time");
        let (_, seen) = look_first(&talk, id, gone).await?;
        still_fits(&seen, &expected, order.wallet).map_err(|not_done| not_done.about(id))?;
        let result = match seen.paid(id, &expected) {
            // A payment in the order counts only if the order belongs to this payment.
            Some(Ok(paid)) if seen.owner(order.payment) == Owner::ThisPayment => Ok(paid),
            _ => match self.check_wallet(&seen, order.wallet, &order.client, order.is_judged) {
                Ok(()) => {
                    let payer = Payer::of_order(order.wallet, order.page.as_deref());
                    unpaid(&talk, id, &seen, &expected, payer).await
                }
                Err(not_done) => Err(not_done),
            },
        };
        result.map_err(|not_done| not_done.about(id))
    }

    /// What the payer confirmed, before a call to capture it is recorded.
    pub(super) async fn run_judge(
        &self,
        id: &ProviderRef,
        wallet: Wallet,
        client: &ClientId,
    ) -> ProviderResult<Option<Result<(), Refusal>>> {
        let found = look_if_there(&self.client.look(), id).await?;
        let Some(order) = found.filter(|order| order.status == "APPROVED" && !order.is_paid_or_held()) else {
            return Ok(None);
        };
        let confirmed = order.is_confirmed_with(Some(wallet), self.wallet_liability_shift.of(client));
        match confirmed.map_err(|not_done| not_done.about(id)) {
            Ok(()) => Ok(Some(Ok(()))),
            Err(NotDone::Refused(refusal)) => Ok(Some(Err(*refusal))),
            Err(not_done) => Err(not_done),
        }
    }

    /// Before an order that a wallet may have confirmed is captured. What is captured already is only looked at. If the call
    /// was judged before, an earlier try of it may have been executed, and a refusal would say nothing of that one: nothing
    /// is captured, and the outcome stays open until the order shows it.
    fn check_wallet(
        &self,
        order: &Order,
        wallet: Option<Wallet>,
        client: &ClientId,
        is_judged: bool,
    ) -> ProviderResult<()> {
        if order.status != "APPROVED" {
            return Ok(());
        }
        let confirmed = order.is_confirmed_with(wallet, self.wallet_liability_shift.of(client));
        if !is_judged {
            return confirmed;
        }
        confirmed.map_err(|not_done| {
            let reason = format!("{CONFIRMED_ANEW}: {}", not_done.uncertainty().reason);
            // PayPal works: this is no failure of its.
            NotDone::Unknown(Uncertainty::conflict(reason))
        })
    }

    /// Charges an order that the client names, most likely one made and approved in the payer's browser.
    async fn charge_approved(
        &self,
        talk: &Talk<'_>,
        id: &ProviderRef,
        expected: &Expected,
        asked: &ChargeOrder,
    ) -> ProviderResult<Charged> {
        let wallet = asked.wallet;
        let (_, order) = look_at_named(talk, id).await.map_err(|not_done| not_done.about(id))?;
        fits(&order, expected).map_err(|not_done| not_done.about(id))?;
        self.check_wallet(&order, wallet, &asked.client, asked.is_judged)
            .map_err(|not_done| not_done.about(id))?;
        match order.status.as_str() {
            // If an earlier try of this attempt completed the order, PayPal repeats that answer; otherwise it refuses.
            "APPROVED" | "COMPLETED" => {
                let payer = Payer::of_order(wallet, None);
                complete(talk, id, expected, payer).await.map_err(|not_done| not_done.about(id))
            }
            "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED" => {
                Err(unusable("names an order that the payer has not approved yet").about(id))
            }
            "VOIDED" => Err(unusable("names an order that was voided").about(id)),
            // Only a look-up was sent to PayPal.
            status => Err(unexpected(status).after_reading_only()),
        }
    }
}

/// Checks that the order matches the client's request and belongs to no other payment.
fn fits(order: &Order, expected: &Expected) -> ProviderResult<()> {
    if order.owner(expected.payment) == Owner::AnotherPayment {
        return Err(unusable("names an order that belongs to another payment"));
    }
    match order.contradicts(expected) {
        None => Ok(()),
        Some("paymentMethodId") => Err(unusable("names an order of several purchase units; one is taken")),
        Some(field) => {
            let problem = format!("`{field}` must be as in the order that `paymentMethodId` names");
            Err(NotDone::invalid(field, problem).coded(ORDER_MISMATCH))
        }
    }
}

/// The same for an order that fitted when its payment began, and that a wallet confirms. If it says something else now, it
/// was changed at PayPal, which is not a mistake in the request of the client that resubmits it.
fn still_fits(order: &Order, expected: &Expected, wallet: Option<Wallet>) -> ProviderResult<()> {
    let is_ours = wallet.is_some() && order.owner(expected.payment) != Owner::AnotherPayment;
    match order.contradicts(expected).filter(|field| is_ours && *field != "paymentMethodId") {
        Some(field) => {
            let problem = format!("the `{field}` of the order was changed at PayPal; begin a new payment");
            Err(not_as_asked(field, problem).coded(ORDER_MISMATCH))
        }
        None => fits(order, expected),
    }
}

/// The order cannot be charged, because of what `problem` says of `paymentMethodId`.
fn unusable(problem: &str) -> NotDone {
    NotDone::invalid("paymentMethodId", format!("`paymentMethodId` {problem}"))
}

fn acts_on(order: &ProviderRef, url: String, declined: bool) -> Charged {
    Charged::RequiresAction { payment: order.clone(), action: PayerAction::Page(url), declined }
}

/// The payer's browser has to confirm the order with its wallet.
fn confirm(order: &ProviderRef) -> Charged {
    Charged::RequiresAction { payment: order.clone(), action: PayerAction::ConfirmOrder, declined: false }
}

/// Takes the next step, by its status, for an order without a successful payment.
async fn unpaid(
    talk: &Talk<'_>,
    id: &ProviderRef,
    order: &Order,
    expected: &Expected,
    payer: Payer<'_>,
) -> ProviderResult<Charged> {
    match order.status.as_str() {
        "APPROVED" | "COMPLETED" => complete(talk, id, expected, payer).await,
        "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED" if matches!(payer, Payer::InWallet) => Ok(confirm(id)),
        "CREATED" | "PAYER_ACTION_REQUIRED" => order
            .payers_page()
            .map(|url| acts_on(id, url, false))
            // The payer cannot approve the order, and without approval no money moves.
            .ok_or_else(|| NotDone::NotSent(Uncertainty::new("PayPal names no page for the payer"))),
        "VOIDED" => Err(NotDone::state("order_voided", "the order was voided at PayPal")),
        status => Err(unexpected(status)),
    }
}

/// Captures or authorizes the money of an order.
async fn complete(
    talk: &Talk<'_>,
    id: &ProviderRef,
    expected: &Expected,
    payer: Payer<'_>,
) -> ProviderResult<Charged> {
    let answer = talk.send(&requests::complete_order(id, talk.attempt(), expected.mode)).await?;
    if !answer.succeeded() {
        let problem = Problem::read(&answer);
        let refused = || problem.not_done(RequestKind::CompleteOrder);
        return match (problem.issue().as_deref(), problem.page()) {
            (Some("ORDER_ALREADY_CAPTURED" | "ORDER_ALREADY_AUTHORIZED"), _) => {
                apply(talk, id, expected).await
            }
            // An earlier capture of this order used its invoice id, or another order did.
            (Some(DUPLICATE_INVOICE_ID), _) => {
                let own = look_for_own(talk, id, expected).await?;
                match own.and_then(|order| order.paid(id, expected)) {
                    None | Some(Err(NotDone::Refused(_))) => Err(refused()),
                    Some(paid) => paid,
                }
            }
            (Some(PAYER_ACTION_REQUIRED), _) if matches!(payer, Payer::InWallet) => Ok(confirm(id)),
            (Some(issue), page) if payer.may_go_on_after(issue) => {
                match way_back(talk, id, page, payer).await {
                    Some(url) => {
                        let declined = issue != PAYER_ACTION_REQUIRED;
                        Ok(acts_on(id, url, declined))
                    }
                    None => Err(refused()),
                }
            }
            (Some("ORDER_NOT_APPROVED"), _) => not_approved(talk, id, payer).await,
            (Some(issue), _) if MISSING.contains(&issue) => Err(vanished(talk, id).await),
            _ => Err(refused()),
        };
    }
    let (_, order) = the_one(answers::order(&answer, RequestKind::CompleteOrder)?, id)?;
    order.paid(id, expected).unwrap_or_else(|| Err(unexpected(&order.status)))
}

/// The page where the payer can continue. PayPal does not always name one in its refusal: then it is the order's own
/// page, or the one that the payer was sent to before, unless the order is no longer open.
async fn way_back(
    talk: &Talk<'_>,
    id: &ProviderRef,
    named: Option<String>,
    payer: Payer<'_>,
) -> Option<String> {
    if named.is_some() {
        return named;
    }
    let known = match payer {
        Payer::AtHand { page } => page.map(str::to_owned),
        Payer::Absent | Payer::InWallet => None,
    };
    match look(talk, id).await {
        Ok((_, order)) => order.is_open().then(|| order.payers_page().or(known)).flatten(),
        Err(_) => known,
    }
}

/// PayPal shows an approval before it accepts captures: an order that reads as approved is retried later, and any other
/// still waits for the payer.
async fn not_approved(talk: &Talk<'_>, id: &ProviderRef, payer: Payer<'_>) -> ProviderResult<Charged> {
    let (_, order) = look(talk, id).await.map_err(NotDone::after_reading_only)?;
    match (order.status.as_str(), order.payers_page()) {
        ("CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED", _) if matches!(payer, Payer::InWallet) => {
            Ok(confirm(id))
        }
        ("APPROVED" | "COMPLETED", _) | (_, None) => {
            Err(NotDone::NotSent(Uncertainty::new("PayPal does not take the payer's approval yet")))
        }
        (_, Some(url)) => Ok(acts_on(id, url, false)),
    }
}

/// The order existed a moment ago. If PayPal still shows it, its payment is retried later.
async fn vanished(talk: &Talk<'_>, id: &ProviderRef) -> NotDone {
    match look_if_there(talk, id).await {
        Ok(None) => NotDone::expired("order_gone", "PayPal does not have the order any more"),
        Ok(Some(_)) => NotDone::NotSent(Uncertainty::new("PayPal does not find the order that it shows")),
        Err(not_done) => not_done.after_reading_only(),
    }
}

/// The order is paid, but not by this request: by an earlier one of ours if it names this payment.
async fn apply(talk: &Talk<'_>, id: &ProviderRef, expected: &Expected) -> ProviderResult<Charged> {
    let order = look_afterwards(talk, id).await?;
    if order.owner(expected.payment) == Owner::ThisPayment {
        return order.paid(id, expected).unwrap_or_else(|| Err(unexpected(&order.status)));
    }
    let problem = if order.is_declined() { DECLINED_BEFORE } else { PAID_ELSEWHERE };
    Err(unusable(problem))
}
