//! How things stand at the provider, and how they stood: reads lag.

use edge_core::money::{Currency, Money};
use payments::model::payer_action::PayerAction;
use payments::model::provider::{ProviderRef, RefusalKind};
use payments::model::snapshot::ProviderStatus;

use crate::provider::{Provider, Truth, reference, refusal};

/// What reads have shown since when; `None`: nothing.
pub(crate) struct History(Vec<(u32, Option<ProviderStatus>)>);

impl History {
    pub(crate) fn new() -> Self {
        Self(vec![(0, None)])
    }

    pub(crate) fn add(&mut self, now: u32, provider_status: Option<ProviderStatus>) {
        self.0.push((now, provider_status));
    }

    pub(crate) const fn newest(&self) -> usize {
        self.0.len() - 1
    }

    /// How it stood `lag` seconds ago, but not before its change `oldest`.
    pub(crate) fn read(&self, now: u32, lag: u8, oldest: usize) -> Option<&ProviderStatus> {
        let shown = self.0.iter().rposition(|(since, _)| since + u32::from(lag) <= now).unwrap_or(0);
        self.0[shown.max(oldest)].1.as_ref()
    }
}

impl Provider {
    pub(crate) fn provider_status(&self) -> Option<ProviderStatus> {
        let currency = Currency::from_code("USD").unwrap();
        let page = || "https://pay.example".to_owned();
        Some(match self.truth {
            Truth::Nothing | Truth::Gone => return None,
            Truth::AsksPayer => ProviderStatus::RequiresAction(PayerAction::Page(page())),
            Truth::Approved => {
                let declined = self.is_denied.then(|| Box::new(refusal(RefusalKind::Declined)));
                ProviderStatus::Approved { declined, page: self.is_denied.then(page) }
            }
            Truth::Pending(_) => ProviderStatus::Processing,
            Truth::Held if self.capture_declined => ProviderStatus::Declined(refusal(RefusalKind::Declined)),
            Truth::Held => ProviderStatus::Authorized { authorization: reference(), expires: None },
            Truth::Captured(amount) => ProviderStatus::Captured {
                charge: ProviderRef::new("ch_1"),
                money: Money { amount, currency },
            },
            Truth::Declined => ProviderStatus::Declined(refusal(RefusalKind::Declined)),
            Truth::Canceled { is_expired } => ProviderStatus::Canceled { is_expired },
        })
    }
}
