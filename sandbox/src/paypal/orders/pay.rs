//! Pays an order: creates its captures or authorizations.

use jiff::Timestamp;

use crate::{
    ids,
    paypal::{
        authorization::{Authorization, AuthorizationStatus, VALIDITY},
        capture::{Capture, CaptureStatus, REFUSED},
        context::RequestContext,
        digital_wallet::{CardOutcome, WalletCard},
        errors::{PaypalError, Result},
        order::{Funding, Intent, Order, OrderStatus, Unit},
        source::{Source, Vaulted},
    },
};

const DECLINED: &str = "INSTRUMENT_DECLINED";

/// How a payment source responds to its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Paid,
    Pending,
    /// The order completes with a declined payment, for which the processor has this code.
    Declined(&'static str),
    /// The call itself is rejected with this issue.
    Refused(&'static str),
}

fn verdict(order: &Order) -> Verdict {
    match order.funding {
        Funding::Good => {}
        Funding::Declined => return Verdict::Refused(DECLINED),
        Funding::Pending => return Verdict::Pending,
    }
    match order.source {
        Some(Source::VaultedWallet(Vaulted::Declined) | Source::BillingAgreement { declined: true }) => {
            Verdict::Refused(DECLINED)
        }
        Some(Source::VaultedWallet(Vaulted::Locked) | Source::VaultedCard(Vaulted::Locked)) => {
            Verdict::Refused("PAYER_ACCOUNT_LOCKED_OR_CLOSED")
        }
        Some(Source::VaultedCard(Vaulted::Declined)) => Verdict::Declined(REFUSED),
        Some(Source::InWallet(WalletCard { outcome: CardOutcome::Declined(code), .. })) => {
            Verdict::Declined(code)
        }
        Some(Source::VaultedWallet(Vaulted::Pending) | Source::VaultedCard(Vaulted::Pending)) => {
            Verdict::Pending
        }
        None
        | Some(
            Source::Wallet
            | Source::ToBeConfirmed { .. }
            | Source::InWallet(_)
            | Source::BillingAgreement { declined: false }
            | Source::VaultedWallet(Vaulted::Good | Vaulted::NeedsAction | Vaulted::NoFundsForRefunds)
            | Source::VaultedCard(Vaulted::Good | Vaulted::NeedsAction | Vaulted::NoFundsForRefunds),
        ) => Verdict::Paid,
    }
}

/// Uses the order's source for every purchase unit and completes the order.
pub(super) fn pay(context: &mut RequestContext<'_>, id: &str) -> Result<()> {
    let now = context.now;
    let order = context.order(id)?;
    let verdict = verdict(order);
    if let Verdict::Refused(issue) = verdict {
        return PaypalError::unprocessable(issue).refuse();
    }
    let (intent, units) = (order.intent, order.units.clone());
    // PayPal rejects a second payment of an invoice; a decline leaves it unpaid.
    for invoice in units.iter().filter_map(|unit| unit.invoice_id.as_ref()) {
        if context.objects.paid_invoices.contains(invoice) {
            return PaypalError::unprocessable("DUPLICATE_INVOICE_ID")
                .at("/purchase_units/0/invoice_id")
                .refuse();
        }
    }
    let mut payments = Vec::with_capacity(units.len());
    for unit in &units {
        if let (Some(invoice), true) = (&unit.invoice_id, !matches!(verdict, Verdict::Declined(_))) {
            context.objects.paid_invoices.insert(invoice.clone());
        }
        payments.push(match intent {
            Intent::Capture => capture(context, id, unit, verdict),
            Intent::Authorize => authorize(context, id, unit, verdict),
        });
    }
    let order = context.order(id)?;
    for (unit, payment) in order.units.iter_mut().zip(payments) {
        match intent {
            Intent::Capture => unit.captures.push(payment),
            Intent::Authorize => unit.authorizations.push(payment),
        }
    }
    order.status = OrderStatus::Completed;
    order.reopened = false;
    order.updated = now;
    context.announce_order("CHECKOUT.ORDER.COMPLETED", id);
    Ok(())
}

fn capture(context: &mut RequestContext<'_>, order: &str, unit: &Unit, verdict: Verdict) -> String {
    let id = ids::paypal();
    context.add_capture(Capture {
        id: id.clone(),
        order: order.to_owned(),
        authorization: None,
        money: unit.money,
        status: match verdict {
            Verdict::Paid => CaptureStatus::Completed { refunded: 0 },
            Verdict::Pending => CaptureStatus::Pending,
            Verdict::Declined(_) | Verdict::Refused(_) => CaptureStatus::Declined,
        },
        decline_code: match verdict {
            Verdict::Declined(code) => code,
            Verdict::Paid | Verdict::Pending | Verdict::Refused(_) => REFUSED,
        },
        final_capture: true,
        custom_id: unit.custom_id.clone(),
        invoice_id: unit.invoice_id.clone(),
        request_id: context.request_id.map(str::to_owned),
        refunds: Vec::new(),
        dispute: None,
        created: context.now,
        updated: context.now,
    });
    id
}

fn authorize(context: &mut RequestContext<'_>, order: &str, unit: &Unit, verdict: Verdict) -> String {
    let id = ids::paypal();
    let authorization = Authorization {
        id: id.clone(),
        order: order.to_owned(),
        money: unit.money,
        status: match verdict {
            Verdict::Paid => AuthorizationStatus::Created,
            Verdict::Pending => AuthorizationStatus::Pending,
            Verdict::Declined(_) | Verdict::Refused(_) => AuthorizationStatus::Denied,
        },
        captured: 0,
        captures: Vec::new(),
        custom_id: unit.custom_id.clone(),
        invoice_id: unit.invoice_id.clone(),
        request_id: context.request_id.map(str::to_owned),
        created: context.now,
        updated: context.now,
        expires: context.now.saturating_add(VALIDITY).unwrap_or(Timestamp::MAX),
        reauthorizes: None,
        reauthorized_by: None,
    };
    context.add_authorization(authorization);
    id
}

/// Pays an order that the payer approved, or whose source needs no approval.
pub(super) fn pay_approved(
    context: &mut RequestContext<'_>,
    id: &str,
    intent: Intent,
    source: Option<Source>,
    already_done: &'static str,
) -> Result<()> {
    let base = context.base;
    let order = context.order(id)?;
    if order.intent != intent {
        return PaypalError::unprocessable("ACTION_DOES_NOT_MATCH_INTENT").refuse();
    }
    if order.status == OrderStatus::Completed {
        return PaypalError::unprocessable(already_done).refuse();
    }
    if let Some(source) = source {
        order.source = Some(source);
        order.funding = Funding::default();
        order.status = Order::status_with(Some(source));
    }
    match order.status {
        OrderStatus::PayerActionRequired if source.is_some() => {
            PaypalError::unprocessable("PAYER_ACTION_REQUIRED").refuse()
        }
        // PayPal announces the approval before its own capture knows of it.
        OrderStatus::Approved if order.refusals > 0 => {
            order.refusals -= 1;
            PaypalError::unprocessable("ORDER_NOT_APPROVED").refuse()
        }
        _ if order.is_payable() && verdict(order) == Verdict::Refused(DECLINED) => {
            order.reopened = true;
            PaypalError::unprocessable(DECLINED).redirect_to(order.approval_url(base)).refuse()
        }
        _ if order.is_payable() => pay(context, id),
        _ => PaypalError::unprocessable("ORDER_NOT_APPROVED").refuse(),
    }
}
