//! Look-ups at Stripe, without any effect.

use jiff::Timestamp;
use payments::model::id::PaymentId;
use payments::model::provider::ProviderRef;
use payments::model::snapshot::{
    ListCursor, ListPart, LookUp, ProviderSnapshot, RefundLookUp, RefundSnapshot,
};
use serde::de::DeserializeOwned;

use super::answers::snapshot::{List, object};
use super::answers::{Intent, RefundObject};
use super::search::{Search, SearchPage};
use super::{Stripe, requests};
use crate::provider_result::{NotDone, ProviderResult};
use crate::transport::{Conversation, ProviderRequest};

/// Maximum pages, of a hundred objects each, that one look-up reads from the list of PaymentIntents.
const PAGES_OF_A_LOOK: usize = 10;
/// Maximum pages of one payment's refunds. No payment is refunded in more than 5,000 parts.
const REFUND_PAGES_MAX: usize = 50;

impl Stripe {
    /// Whether Stripe answers: nothing was made in 1970, so the list is empty.
    pub(super) async fn is_there(&self) -> bool {
        let nothing = requests::list(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, None);
        self.send(&self.transport.look(), &nothing)
            .await
            .is_ok_and(|answer| answer.is_of_a_working_provider())
    }

    pub(super) async fn run_look_up(&self, what: &LookUp) -> ProviderResult<Option<ProviderSnapshot>> {
        let talk = self.transport.look();
        match what {
            // Our captures and refunds refer to the PaymentIntent.
            LookUp::Payment(intent) | LookUp::Charge(intent) | LookUp::Authorization(intent) => {
                let found: Option<Intent> = self.object(&talk, &requests::retrieve(intent)).await?;
                found.map(|found| the_one(found.snapshot()?, intent)).transpose()
            }
            LookUp::Ours { payment, from, to } => self.search(&talk, *payment, *from, *to).await,
        }
    }

    /// Reads the list rather than Stripe's search, which lags behind. If one look-up does not reach the end, the next
    /// one continues from there.
    async fn search(
        &self,
        talk: &Conversation<'_>,
        payment: PaymentId,
        from: Timestamp,
        to: Timestamp,
    ) -> ProviderResult<Option<ProviderSnapshot>> {
        let mut search = self.searches.take(payment, from);
        let found = self.go_on(talk, payment, &mut search, to.min(self.clock.now())).await;
        if found.is_err() {
            self.searches.keep(payment, search);
        }
        found
    }

    async fn go_on(
        &self,
        talk: &Conversation<'_>,
        payment: PaymentId,
        search: &mut Search,
        to: Timestamp,
    ) -> ProviderResult<Option<ProviderSnapshot>> {
        for _ in 0..PAGES_OF_A_LOOK {
            let Some(SearchPage { from, to, after }) = search.place(to) else { return Ok(None) };
            let request = requests::list(from, to, after.as_ref());
            let Some(page) = self.object::<List<Intent>>(talk, &request).await? else {
                return Err(NotDone::unknown("Stripe does not know its own list"));
            };
            let seen: Vec<ProviderSnapshot> =
                page.data.iter().map(Intent::snapshot).collect::<ProviderResult<_>>()?;
            let last = seen.last().map(|snapshot| snapshot.reference.clone());
            if let Some(found) = seen.into_iter().find(|snapshot| snapshot.payment == Some(payment)) {
                return Ok(Some(found));
            }
            search.read(last.filter(|_| page.has_more));
        }
        if search.place(to).is_none() {
            return Ok(None);
        }
        Err(NotDone::unknown("Stripe's list is long; the next look-up continues it"))
    }

    /// Reads at most [`PAGES_OF_A_LOOK`] pages.
    pub(super) async fn run_list(
        &self,
        from: Timestamp,
        to: Timestamp,
        at: Option<&ListCursor>,
    ) -> ProviderResult<ListPart> {
        let talk = self.transport.look();
        let mut part = ListPart { next: at.cloned(), ..ListPart::default() };
        for _ in 0..PAGES_OF_A_LOOK {
            let after = part.next.as_ref().map(|at| ProviderRef::new(at.as_str()));
            let request = requests::list(from, to, after.as_ref());
            let Some(page) = self.object::<List<Intent>>(&talk, &request).await? else {
                return Err(NotDone::unknown("Stripe does not know its own list"));
            };
            let before = part.items.len();
            part.items.extend(page.data.iter().filter_map(|intent| intent.listed().ok()));
            let read = part.items.len() - before;
            part.unreadable += u32::try_from(page.data.len() - read).unwrap_or(u32::MAX);
            if read == 0 && page.has_more {
                return Err(NotDone::unknown("Stripe's list continues after objects that cannot be read"));
            }
            // The list continues after the last object with a usable id.
            let last = part.items.last().filter(|_| read > 0).map(|last| &last.seen.reference);
            part.next = last.filter(|_| page.has_more).map(|last| ListCursor::new(last.as_str()));
            if part.next.is_none() {
                break;
            }
        }
        Ok(part)
    }

    pub(super) async fn run_look_up_refunds(
        &self,
        which: &RefundLookUp,
    ) -> ProviderResult<Option<Vec<RefundSnapshot>>> {
        let talk = self.transport.look();
        match which {
            RefundLookUp::One(refund) => {
                let found: Option<RefundObject> =
                    self.object(&talk, &requests::retrieve_refund(refund)).await?;
                let found = found.map(|found| found.snapshot()).transpose()?;
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
    ) -> ProviderResult<Option<Vec<RefundSnapshot>>> {
        let (mut all, mut after) = (Vec::new(), None);
        for _ in 0..REFUND_PAGES_MAX {
            let request = requests::list_refunds(intent, after.as_ref());
            let Some(page) = self.object::<List<RefundObject>>(talk, &request).await? else {
                return Ok(None);
            };
            let seen: Vec<RefundSnapshot> =
                page.data.iter().map(RefundObject::snapshot).collect::<ProviderResult<_>>()?;
            after = seen.last().map(|snapshot| snapshot.reference.clone());
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
    ) -> ProviderResult<Option<T>> {
        object(&self.send(talk, request).await?)
    }
}

fn the_one(seen: ProviderSnapshot, asked: &ProviderRef) -> ProviderResult<ProviderSnapshot> {
    if seen.reference == *asked { Ok(seen) } else { Err(another()) }
}

fn another() -> NotDone {
    NotDone::unknown("Stripe answered with another object than was asked for")
}

fn too_long() -> NotDone {
    NotDone::unknown("Stripe lists more refunds of the payment than are read")
}
