//! PayPal's memory: objects by id.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;

use super::{
    authorization::Authorization, capture::Capture, dispute::Dispute, order::Order, refund::Refund,
    request_ids::RequestIds, tokens::Tokens,
};
use crate::past::{Table, dated};

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) tokens: Tokens,
    pub(crate) orders: Table<Order>,
    pub(crate) authorizations: Table<Authorization>,
    pub(crate) captures: Table<Capture>,
    pub(crate) refunds: Table<Refund>,
    pub(crate) disputes: Table<Dispute>,
    /// Captures and authorizations that went under review, oldest first.
    pub(crate) reviews: VecDeque<String>,
    pub(crate) request_ids: RequestIds,
    /// Invoice ids that were paid; PayPal refuses to be paid for one twice.
    pub(crate) paid_invoices: HashSet<String>,
    pub(crate) refunded_invoices: HashSet<String>,
}

impl Books {
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
