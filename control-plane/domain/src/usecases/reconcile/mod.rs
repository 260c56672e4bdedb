//! Our records against the provider's: every payment that changed lately or is not decided, and everything that the
//! provider lists. What the provider did is applied; what cannot be is told, and so is what could not be seen.

mod compare;
mod pace;
mod place;
mod unrecorded;

use edge_core::money::Money;
use edge_core::provider::Provider;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

pub use self::pace::Pace;
pub use self::place::Place;

use self::compare::compare;
use self::unrecorded::missing_here;
use crate::model::id::PaymentId;
use crate::model::provider::ProviderRef;
use crate::model::snapshot::{Found, ListCursor};
use crate::ports::store::{StoreError, Unreadable};
use crate::usecases::gateway::Gateway;

/// Records that are read at a time.
const PAGE: u32 = 200;
/// Compared at the same time: a comparison is one or two round trips to the provider.
const AT_ONCE: usize = 16;

/// One payment, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    pub provider: Provider,
    pub payment: Option<PaymentId>,
    pub reference: Option<ProviderRef>,
    pub money: Option<Money>,
    /// The state in our records before; `None`: it is in none.
    pub recorded: Option<&'static str>,
    pub finding: Finding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Same,
    /// A call of our own is being made; there is nothing to compare yet.
    InFlight,
    /// The provider had gone further, and so have our records now: what they say.
    Applied(String),
    /// How they contradict each other. A person has to look.
    Differs(String),
    /// The provider did not say.
    NotSeen(String),
}

impl Finding {
    /// Whether the records were not the same, as far as that is known.
    #[must_use]
    pub const fn is_difference(&self) -> bool {
        matches!(self, Self::Applied(_) | Self::Differs(_) | Self::NotSeen(_))
    }
}

/// What a reconciliation could not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// This provider does not list what it did, so what is recorded nowhere here is not found. That is so every time.
    NotListed(Provider),
    /// Its list could not be read to the end.
    List { provider: Provider, reason: String },
    /// So many objects of its list could not be read.
    Objects { provider: Provider, number: u32 },
    /// A record of ours that cannot be read.
    Record(Unreadable),
}

impl Unseen {
    /// Whether it could be seen another time, or once a person has mended it.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        !matches!(self, Self::NotListed(_))
    }
}

/// Compares everything since a time, part by part.
pub struct Reconciliation<'a> {
    gateway: &'a Gateway,
    since: Timestamp,
    until: Timestamp,
    pace: &'a Pace,
    place: Place,
    /// What could not be seen so far.
    pub unseen: Vec<Unseen>,
}

impl<'a> Reconciliation<'a> {
    /// Begins at `place`, where an earlier one was interrupted, or at its beginning.
    #[must_use]
    pub fn new(gateway: &'a Gateway, since: Timestamp, place: Place, pace: &'a Pace) -> Self {
        Self { gateway, since, until: gateway.now(), pace, place, unseen: Vec::new() }
    }

    /// Where it is: everything before has been compared.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Compares the next part. `None`: it is at its end.
    ///
    /// # Errors
    /// If the database cannot be read. The same part can be compared again.
    pub async fn next(&mut self) -> Result<Option<Vec<Compared>>, StoreError> {
        match self.place.clone() {
            Place::Records { after } => self.records(after).await.map(Some),
            Place::List { provider, at } => self.list(provider, at).await.map(Some),
            Place::End => Ok(None),
        }
    }

    async fn records(&mut self, after: Option<PaymentId>) -> Result<Vec<Compared>, StoreError> {
        let page = self.gateway.store.payments_since(self.since, after, PAGE).await?;
        let last = page.items.last().map(|payment| payment.id);
        // Those behind the last readable one are met again by the next page.
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
        self.place = match last {
            Some(_) => Place::Records { after: last },
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
            self.place = self.list_behind(Some(provider));
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
        self.place = match part.next {
            Some(next) => Place::List { provider, at: Some(next) },
            None => self.list_behind(Some(provider)),
        };
        Ok(compared)
    }

    /// Told once, however often it is met.
    fn not_seen(&mut self, unseen: Unseen) {
        if !self.unseen.contains(&unseen) {
            self.unseen.push(unseen);
        }
    }

    fn unlisted(&mut self, unseen: Unseen, provider: Provider) -> Vec<Compared> {
        self.not_seen(unseen);
        self.place = self.list_behind(Some(provider));
        Vec::new()
    }

    /// The next provider's list.
    fn list_behind(&self, provider: Option<Provider>) -> Place {
        let mut configured = Provider::ALL.into_iter().filter(|one| self.gateway.providers.contains_key(one));
        let next = match provider {
            None => configured.next(),
            Some(provider) => configured.skip_while(|one| *one != provider).nth(1),
        };
        next.map_or(Place::End, |provider| Place::List { provider, at: None })
    }

    /// A record that cannot be read is told, and the rest goes on.
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
