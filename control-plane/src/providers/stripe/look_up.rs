//! Looking at Stripe, without any effect.

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::answers::evidence::{List, object};
use super::answers::{Intent, RefundObject};
use super::{Stripe, requests};
use crate::domain::evidence::{Evidence, Listed, LookUp, RefundEvidence, RefundLookUp};
use crate::domain::id::PaymentId;
use crate::domain::provider::ProviderRef;
use crate::providers::step::{NotDone, Step};
use crate::providers::transport::{Conversation, ProviderRequest};

/// A hundred objects each. A list that is longer is not searched to its end, and says so.
const PAGES_MAX: usize = 50;

impl Stripe {
    /// Whether Stripe answers: nothing was made in 1970, so the list is empty.
    pub(super) async fn is_there(&self) -> bool {
        let nothing = requests::list(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, None);
        self.send(&self.transport.look(), &nothing)
            .await
            .is_ok_and(|answer| answer.is_of_a_working_provider())
    }

    pub(super) async fn run_look_up(&self, what: &LookUp) -> Step<Option<Evidence>> {
        let talk = self.transport.look();
        match what {
            // A refund of ours refers to the PaymentIntent.
            LookUp::Payment(intent) | LookUp::Charge(intent) => {
                let found: Option<Intent> = self.object(&talk, &requests::retrieve(intent)).await?;
                found.map(|found| the_one(found.evidence()?, intent)).transpose()
            }
            LookUp::Ours { payment, from, to } => self.search(&talk, *payment, *from, *to).await,
        }
    }

    /// Goes through the list rather than through Stripe's search, which lags behind.
    async fn search(
        &self,
        talk: &Conversation<'_>,
        payment: PaymentId,
        from: Timestamp,
        to: Timestamp,
    ) -> Step<Option<Evidence>> {
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let request = requests::list(from, to, after.as_ref());
            let Some(page) = self.object::<List<Intent>>(talk, &request).await? else { return Ok(None) };
            let seen: Vec<Evidence> = page.data.iter().map(Intent::evidence).collect::<Step<_>>()?;
            after = seen.last().map(|evidence| evidence.reference.clone());
            if let Some(found) = seen.into_iter().find(|evidence| evidence.payment == Some(payment)) {
                return Ok(Some(found));
            }
            if !page.has_more || after.is_none() {
                return Ok(None);
            }
        }
        Err(too_long())
    }

    pub(super) async fn run_list(&self, from: Timestamp, to: Timestamp) -> Step<Vec<Listed>> {
        let talk = self.transport.look();
        let (mut all, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = requests::list(from, to, after.as_ref());
            let Some(page) = self.object::<List<Intent>>(&talk, &request).await? else { return Ok(all) };
            let listed: Vec<Listed> = page.data.iter().map(Intent::listed).collect::<Step<_>>()?;
            after = listed.last().map(|last| last.seen.reference.clone());
            all.extend(listed);
            if !page.has_more || after.is_none() {
                return Ok(all);
            }
        }
        Err(too_long())
    }

    pub(super) async fn run_look_up_refunds(
        &self,
        which: &RefundLookUp,
    ) -> Step<Option<Vec<RefundEvidence>>> {
        let talk = self.transport.look();
        match which {
            RefundLookUp::One(refund) => {
                let found: Option<RefundObject> =
                    self.object(&talk, &requests::retrieve_refund(refund)).await?;
                let found = found.map(|found| found.evidence()).transpose()?;
                match found {
                    Some(found) if found.reference != *refund => Err(another()),
                    found => Ok(found.map(|found| vec![found])),
                }
            }
            RefundLookUp::Of { payment, .. } => self.refunds_of(&talk, payment).await,
        }
    }

    async fn refunds_of(
        &self,
        talk: &Conversation<'_>,
        intent: &ProviderRef,
    ) -> Step<Option<Vec<RefundEvidence>>> {
        let (mut all, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = requests::list_refunds(intent, after.as_ref());
            let Some(page) = self.object::<List<RefundObject>>(talk, &request).await? else {
                return Ok(None);
            };
            let seen: Vec<RefundEvidence> =
                page.data.iter().map(RefundObject::evidence).collect::<Step<_>>()?;
            after = seen.last().map(|evidence| evidence.reference.clone());
            all.extend(seen);
            if !page.has_more || after.is_none() {
                return Ok(Some(all));
            }
        }
        Err(too_long())
    }

    async fn object<T: DeserializeOwned>(
        &self,
        talk: &Conversation<'_>,
        request: &ProviderRequest,
    ) -> Step<Option<T>> {
        object(&self.send(talk, request).await?)
    }
}

fn the_one(seen: Evidence, asked: &ProviderRef) -> Step<Evidence> {
    if seen.reference == *asked { Ok(seen) } else { Err(another()) }
}

fn another() -> NotDone {
    NotDone::unknown("Stripe answered with another object than was asked for")
}

fn too_long() -> NotDone {
    NotDone::unknown("Stripe's list is too long to be searched to its end")
}
