//! Splits a batch into groups of changes that one statement can write.

use std::collections::HashMap;

use edge_core::idempotency::Scope;
use edge_core::provider::Provider;
use payments::model::id::{PaymentId, RefundId};
use payments::model::idempotency::KeyChange;
use payments::model::payment::Payment;
use payments::model::provider::ProviderRef;
use payments::ports::store::{Change, Mutation};

/// An object that a change reads or writes. All changes of one statement see the database as it was before the
/// statement, so no two of them may touch the same object.
#[derive(PartialEq, Eq, Hash)]
enum Touched<'a> {
    Payment(PaymentId),
    Reference(Provider, &'a ProviderRef),
    Refund(RefundId),
    Key(Scope),
    Dispute(Provider, &'a ProviderRef),
    Webhook(Provider, &'a str),
}

/// The batch's members, by number, in groups to write one after the other: a change comes after all earlier changes
/// that touch the same objects.
pub(super) fn independent_batches(batch: &[Change]) -> Vec<Vec<usize>> {
    let mut independent_batches: Vec<Vec<usize>> = Vec::new();
    let mut next_free: HashMap<Touched<'_>, usize> = HashMap::new();
    for (index, change) in batch.iter().enumerate() {
        let touched = touched(change);
        let place = touched.iter().filter_map(|one| next_free.get(one)).copied().max().unwrap_or(0);
        next_free.extend(touched.into_iter().map(|one| (one, place + 1)));
        match independent_batches.get_mut(place) {
            Some(indexes) => indexes.push(index),
            None => independent_batches.push(vec![index]),
        }
    }
    independent_batches
}

fn touched(change: &Change) -> Vec<Touched<'_>> {
    let mut touched = match &change.mutation {
        Mutation::OpenPayment { payment, .. } | Mutation::MovePayment { payment, .. } => of_payment(payment),
        Mutation::OpenRefund { refund, .. } | Mutation::MoveRefund { refund, .. } => {
            vec![Touched::Payment(refund.payment), Touched::Refund(refund.id)]
        }
        Mutation::NotePayment { payment, dispute, .. } => {
            let provider = payment.request.provider;
            let dispute = dispute.as_ref().map(|dispute| Touched::Dispute(provider, &dispute.id));
            of_payment(payment).into_iter().chain(dispute).collect()
        }
        Mutation::Nothing | Mutation::KeyOf(_) => Vec::new(),
    };
    touched.extend(change.webhook.as_ref().map(|event| Touched::Webhook(event.provider, &event.id)));
    touched.extend(change.key.as_ref().map(|key| match key {
        KeyChange::Take { claim, .. } => Touched::Key(claim.scope),
        KeyChange::Answer { scope, .. } | KeyChange::Release { scope, .. } => Touched::Key(*scope),
    }));
    touched
}

fn of_payment(payment: &Payment) -> Vec<Touched<'_>> {
    let reference = payment.reference.as_ref().map(|name| Touched::Reference(payment.request.provider, name));
    reference.into_iter().chain([Touched::Payment(payment.id)]).collect()
}
