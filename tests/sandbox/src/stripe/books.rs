//! Stripe's memory: objects by id, in order of creation.

use std::collections::HashMap;

use super::{
    charge::Charge, dispute::Dispute, idempotency::Keys, payment_intent::PaymentIntent, refunds::Refund,
};

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) intents: Shelf<PaymentIntent>,
    pub(crate) charges: Shelf<Charge>,
    pub(crate) refunds: Shelf<Refund>,
    pub(crate) disputes: Shelf<Dispute>,
    pub(crate) keys: Keys,
}

/// Objects of one kind: found by id, listed by age. Boxed, so that growing by one does not move the others: after a
/// hundred thousand charges all clients would wait for it.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    items: Vec<Box<T>>,
    places: HashMap<String, usize>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Shelf<T> {
    pub(crate) fn insert(&mut self, id: &str, item: T) {
        self.places.insert(id.to_owned(), self.items.len());
        self.items.push(Box::new(item));
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.items.get(*self.places.get(id)?).map(|item| &**item)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.items.get_mut(*self.places.get(id)?).map(|item| &mut **item)
    }

    /// Where the object stands in order of creation.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// All objects, oldest first.
    pub(crate) fn by_age(&self) -> &[Box<T>] {
        &self.items
    }
}
