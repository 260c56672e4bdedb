//! Stripe's stored objects: by id, in order of creation.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    account::Account, charge::Charge, confirmation_tokens::ConfirmationToken, dispute::Dispute,
    domains::Domain, idempotency::Keys, payment_intent::PaymentIntent, refunds::Refund, tokens::Token,
};
use crate::past::{Dated, Past, dated};

#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) intents: OrderedTable<PaymentIntent>,
    pub(crate) charges: OrderedTable<Charge>,
    pub(crate) refunds: OrderedTable<Refund>,
    pub(crate) disputes: OrderedTable<Dispute>,
    pub(crate) confirmation_tokens: HashMap<String, ConfirmationToken>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) domains: Vec<Domain>,
    pub(crate) keys: Keys,
    pub(crate) account: Account,
}

impl Objects {
    pub(crate) fn keep_past(&mut self, now: Option<Timestamp>) {
        self.intents.past.keep(now);
        self.charges.past.keep(now);
        self.refunds.past.keep(now);
        self.disputes.past.keep(now);
    }

    pub(crate) fn show(&mut self, at: Option<Timestamp>) {
        self.intents.past.show(at);
        self.charges.past.show(at);
        self.refunds.past.show(at);
        self.disputes.past.show(at);
    }
}

dated!(PaymentIntent, Charge, Refund, Dispute);

/// Objects of one kind: found by id, listed by age. Boxed, so that growth does not move the objects: with a hundred
/// thousand charges, all clients would wait for that.
#[derive(Debug)]
pub(crate) struct OrderedTable<T> {
    items: Vec<Box<T>>,
    places: HashMap<String, usize>,
    past: Past<T>,
}

impl<T> Default for OrderedTable<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new(), past: Past::default() }
    }
}

impl<T: Dated> OrderedTable<T> {
    pub(crate) fn insert(&mut self, id: &str, item: T) {
        self.places.insert(id.to_owned(), self.items.len());
        self.items.push(Box::new(item));
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        let current = self.places.get(id).and_then(|place| self.items.get(*place));
        self.past.see(id, current.map(|item| &**item))
    }

    /// The object, to be changed.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let item = self.items.get_mut(*self.places.get(id)?)?;
        self.past.remember(id, item);
        Some(item)
    }

    /// The object's position in order of creation.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// All objects, oldest first. [`Self::get`] returns the version that reads see.
    pub(crate) fn by_age(&self) -> &[Box<T>] {
        match self.past.shown() {
            None => &self.items,
            Some(at) => {
                let end = self.items.partition_point(|item| item.created() <= at);
                self.items.get(..end).unwrap_or_default()
            }
        }
    }
}
