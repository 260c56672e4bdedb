//! How things stand at the provider, and how they stood: reads lag.

use edge_core::money::{Currency, Money};
use payments::model::evidence::Standing;
use payments::model::provider::{ProviderRef, RefusalKind};

use crate::provider::{Provider, Truth, reference, refusal};

/// What reads have shown since when; `None`: nothing.
pub(crate) struct History(Vec<(u32, Option<Standing>)>);

impl History {
    pub(crate) fn new() -> Self {
        Self(vec![(0, None)])
    }

    pub(crate) fn add(&mut self, now: u32, standing: Option<Standing>) {
        self.0.push((now, standing));
    }

    pub(crate) const fn newest(&self) -> usize {
        self.0.len() - 1
    }

    /// How it stood `lag` seconds ago, but not before its change `oldest`.
    pub(crate) fn read(&self, now: u32, lag: u8, oldest: usize) -> Option<&Standing> {
        let shown = self.0.iter().rposition(|(since, _)| since + u32::from(lag) <= now).unwrap_or(0);
        self.0[shown.max(oldest)].1.as_ref()
    }
}

impl Provider {
    pub(crate) fn standing(&self) -> Option<Standing> {
        let currency = Currency::from_code("USD").unwrap();
        let page = || "https://pay.example".to_owned();
        Some(match self.truth {
            Truth::Nothing | Truth::Gone => return None,
            Truth::AsksPayer => Standing::RequiresAction { url: page() },
            Truth::Approved => {
                let declined = self.is_denied.then(|| Box::new(refusal(RefusalKind::Declined)));
                Standing::Approved { declined, page: self.is_denied.then(page) }
            }
            Truth::Pending(_) => Standing::Processing,
            Truth::Held if self.capture_declined => Standing::Declined(refusal(RefusalKind::Declined)),
            Truth::Held => Standing::Authorized { authorization: reference(), expires: None },
            Truth::Captured(amount) => {
                Standing::Captured { charge: ProviderRef::new("ch_1"), money: Money { amount, currency } }
            }
            Truth::Declined => Standing::Declined(refusal(RefusalKind::Declined)),
            Truth::Canceled { is_expired } => Standing::Canceled { is_expired },
        })
    }
}
