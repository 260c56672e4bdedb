//! Reconciles our records with the provider's: every payment that changed recently or is undecided, and everything that
//! the provider lists. Applies the provider's changes; reports those that cannot be applied and everything that could
//! not be read.

mod compare;
mod cursor;
mod pace;
mod unrecorded;

use edge_core::money::Money;
use edge_core::provider::Provider;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

pub use self::cursor::ReconcileCursor;
pub use self::pace::Pace;

use self::compare::compare;
use self::unrecorded::missing_here;
use crate::model::id::PaymentId;
use crate::model::provider::ProviderRef;
use crate::model::snapshot::{Found, ListCursor};
use crate::ports::store::{StoreError, Unreadable};
use crate::usecases::gateway::Gateway;

/// How many records are read at a time.
const PAGE: u32 = 200;
/// How many payments are compared concurrently: a comparison takes one or two round trips to the provider.
const AT_ONCE: usize = 16;

/// The comparison of one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    pub provider: Provider,
    pub payment: Option<PaymentId>,
    pub reference: Option<ProviderRef>,
    pub money: Option<Money>,
    /// The recorded state before the comparison; `None`: not recorded.
    pub recorded: Option<&'static str>,
    pub finding: Finding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Same,
    /// One of our calls is in flight; there is nothing to compare yet.
    InFlight,
    /// The provider was ahead and our records were updated; the text lists the changes.
    Applied(String),
    /// The records contradict each other; the text says how. An operator has to investigate.
    Differs(String),
    /// The provider's state could not be determined; the text says why.
    NotSeen(String),
}

impl Finding {
    /// Whether the records differed, as far as known.
    #[must_use]
    pub const fn is_difference(&self) -> bool {
        matches!(self, Self::Applied(_) | Self::Differs(_) | Self::NotSeen(_))
    }
}

/// Something that a reconciliation could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// This provider offers no list, so payments missing from our records are never found. This is permanent.
    NotListed(Provider),
    /// The provider's list could not be read to the end.
    List { provider: Provider, reason: String },
    /// This number of objects in the provider's list could not be read.
    Objects { provider: Provider, number: u32 },
    /// One of our records cannot be read.
    Record(Unreadable),
}

impl Unseen {
    /// Whether a later run may be able to read it, possibly after an operator's repair.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        !matches!(self, Self::NotListed(_))
    }
}

/// Compares everything since a given time, part by part.
pub struct Reconciliation<'a> {
    gateway: &'a Gateway,
    since: Timestamp,
    until: Timestamp,
    pace: &'a Pace,
    cursor: ReconcileCursor,
    /// Everything that could not be read so far.
    pub unseen: Vec<Unseen>,
}

impl<'a> Reconciliation<'a> {
    /// Starts at `cursor`: where an earlier run was interrupted, or the beginning.
    #[must_use]
    pub fn new(gateway: &'a Gateway, since: Timestamp, cursor: ReconcileCursor, pace: &'a Pace) -> Self {
        Self { gateway, since, until: gateway.now(), pace, cursor, unseen: Vec::new() }
    }

    /// The current position: everything before it has been compared.
    #[must_use]
    pub const fn cursor(&self) -> &ReconcileCursor {
        &self.cursor
    }

    /// Compares the next part. `None`: the end is reached.
    ///
    /// # Errors
    /// If the database cannot be read. The same part can be compared again.
    pub fn compare_next(&mut self) -> BoxFuture<'_, Result<Option<Vec<Compared>>, StoreError>> {
        Box::pin(async move {
            match self.cursor.clone() {
                ReconcileCursor::Records { after } => self.records(after).await.map(Some),
                ReconcileCursor::List { provider, at } => self.list(provider, at).await.map(Some),
                ReconcileCursor::End => Ok(None),
            }
        })
    }

    async fn records(&mut self, after: Option<PaymentId>) -> Result<Vec<Compared>, StoreError> {
        let page = self.gateway.store.payments_since(self.since, after, PAGE).await?;
        let last = page.items.last().map(|payment| payment.id);
        // Unreadable rows after the last readable one also appear in the next page.
        page.unreadable.into_iter().for_each(|row| self.not_seen(Unseen::Record(row)));
        let (gateway, pace) = (self.gateway, self.pace);
        let comparing = page.items.into_iter().map(|payment| async move {
            pace.turn().await;
            compare(gateway, payment).await
        });
        let results: Vec<_> = stream::iter(comparing).buffered(AT_ONCE).collect().await;
        let mut compared = Vec::with_capacity(results.len());
        for result in results {
            compared.extend(self.readable(result)?);
        }
        self.cursor = match last {
            Some(_) => ReconcileCursor::Records { after: last },
            None => self.list_behind(None),
        };
        Ok(compared)
    }

    async fn list(
        &mut self,
        provider: Provider,
        at: Option<ListCursor>,
    ) -> Result<Vec<Compared>, StoreError> {
        let Some(port) = self.gateway.providers.get(&provider) else {
            self.cursor = self.list_behind(Some(provider));
            return Ok(Vec::new());
        };
        self.pace.turn().await;
        let part = match port.list(self.since, self.until, at.as_ref()).await {
            Found::Found(part) => part,
            Found::Missing | Found::CannotAsk => {
                return Ok(self.unlisted(Unseen::NotListed(provider), provider));
            }
            Found::Unavailable(uncertainty) => {
                let unseen = Unseen::List { provider, reason: uncertainty.reason };
                return Ok(self.unlisted(unseen, provider));
            }
        };
        let mut compared = Vec::new();
        for one in part.items {
            let missing = missing_here(self.gateway, port.name(), one).await;
            compared.extend(self.readable(missing)?.flatten());
        }
        if part.unreadable > 0 {
            self.not_seen(Unseen::Objects { provider, number: part.unreadable });
        }
        self.cursor = match part.next {
            Some(next) => ReconcileCursor::List { provider, at: Some(next) },
            None => self.list_behind(Some(provider)),
        };
        Ok(compared)
    }

    /// Reports each unreadable thing only once.
    fn not_seen(&mut self, unseen: Unseen) {
        if !self.unseen.contains(&unseen) {
            self.unseen.push(unseen);
        }
    }

    fn unlisted(&mut self, unseen: Unseen, provider: Provider) -> Vec<Compared> {
        self.not_seen(unseen);
        self.cursor = self.list_behind(Some(provider));
        Vec::new()
    }

    /// The next provider's list.
    fn list_behind(&self, provider: Option<Provider>) -> ReconcileCursor {
        let mut configured = Provider::ALL.into_iter().filter(|one| self.gateway.providers.contains_key(one));
        let next = match provider {
            None => configured.next(),
            Some(provider) => configured.skip_while(|one| *one != provider).nth(1),
        };
        next.map_or(ReconcileCursor::End, |provider| ReconcileCursor::List { provider, at: None })
    }

    /// Reports an unreadable record and continues with the rest.
    fn readable<T>(&mut self, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Inconsistent(row)) => {
                self.not_seen(Unseen::Record(row));
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }
}
