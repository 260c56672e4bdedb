//! PayPal's memory: objects by id.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{
    authorization::Authorization, capture::Capture, dispute::Dispute, order::Order, refund::Refund,
    request_ids::RequestIds, tokens::Tokens,
};

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) tokens: Tokens,
    pub(crate) orders: HashMap<String, Order>,
    pub(crate) authorizations: HashMap<String, Authorization>,
    pub(crate) captures: HashMap<String, Capture>,
    pub(crate) refunds: HashMap<String, Refund>,
    pub(crate) disputes: HashMap<String, Dispute>,
    /// Captures and authorizations that went under review, oldest first.
    pub(crate) reviews: VecDeque<String>,
    pub(crate) request_ids: RequestIds,
    /// Invoice ids that were paid; PayPal refuses to be paid for one twice.
    pub(crate) paid_invoices: HashSet<String>,
    pub(crate) refunded_invoices: HashSet<String>,
}
