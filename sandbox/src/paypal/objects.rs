//! PayPal's stored objects, by id.

use std::collections::{HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::{
    authorization::Authorization,
    capture::Capture,
    dispute::Dispute,
    order::{Order, OrderStatus},
    refund::Refund,
    request_ids::RequestIds,
    tokens::Tokens,
};
use crate::past::{Table, dated};

#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) tokens: Tokens,
    pub(crate) orders: Table<Order>,
    pub(crate) authorizations: Table<Authorization>,
    pub(crate) captures: Table<Capture>,
    pub(crate) refunds: Table<Refund>,
    pub(crate) disputes: Table<Dispute>,
    /// Captures and authorizations under review, oldest first.
    pub(crate) reviews: VecDeque<String>,
    pub(crate) request_ids: RequestIds,
    /// Paid invoice ids; PayPal rejects a second payment of an invoice.
    pub(crate) paid_invoices: HashSet<String>,
    pub(crate) refunded_invoices: HashSet<String>,
}

/// How long PayPal keeps an order that no payer approves.
const UNAPPROVED_KEPT: SignedDuration = SignedDuration::from_hours(6);

impl Objects {
    /// Forgets the order if no payer has approved it in time.
    pub(crate) fn forget_unapproved(&mut self, id: &str, now: Timestamp) {
        let is_over = |order: &Order| {
            let unapproved = matches!(order.status, OrderStatus::Created | OrderStatus::PayerActionRequired);
            unapproved && now.duration_since(order.created) >= UNAPPROVED_KEPT
        };
        if self.orders.get(id).is_some_and(is_over) {
            self.orders.remove(id);
        }
    }

    /// The authorization that holds the money of this one: its reauthorization, if there is one, or itself.
    pub(crate) fn holder(&self, id: &str) -> Option<&Authorization> {
        let authorization = self.authorizations.get(id)?;
        let later = authorization.reauthorized_by.as_deref().and_then(|id| self.authorizations.get(id));
        Some(later.unwrap_or(authorization))
    }

    pub(crate) fn keep_past(&mut self, now: Option<Timestamp>) {
        self.orders.past().keep(now);
        self.authorizations.past().keep(now);
        self.captures.past().keep(now);
        self.refunds.past().keep(now);
        self.disputes.past().keep(now);
    }

    pub(crate) fn show(&mut self, at: Option<Timestamp>) {
        self.orders.past().show(at);
        self.authorizations.past().show(at);
        self.captures.past().show(at);
        self.refunds.past().show(at);
        self.disputes.past().show(at);
    }
}

dated!(Order, Authorization, Capture, Refund, Dispute);
