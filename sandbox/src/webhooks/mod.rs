//! Webhooks: every change creates its events, which are signed like the providers' and delivered in the background.
//!
//! A change announces its event under the state's lock (see [`Announcer`]), so events are ordered like the changes. The
//! provider's [`Lane`] stores them and chooses the next delivery; [`delivery`] sends it. An event is stored as a copy
//! of its object and serialized to JSON only when it is read, because most never are.

mod authority;
mod delivery;
mod event;
mod journal;
mod lane;
mod queue;
mod settings;
mod signature;

pub use self::settings::{DeliveryConfig, PaypalTarget, StripeTarget, WebhookConfig};
pub(crate) use self::{
    authority::{Authority, DEFAULT_NAME},
    delivery::deliver,
    event::{Content, Event, Given},
    journal::Record,
    lane::Lane,
    settings::{DeliveryTarget, SettingsChange},
    signature::paypal_message,
};

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;

use crate::{faults::Faults, provider::Provider};

/// The lanes of both providers.
#[derive(Debug)]
pub(crate) struct Outbox {
    stripe: Lane,
    paypal: Lane,
}

impl Outbox {
    pub(crate) fn new(config: &WebhookConfig) -> Self {
        let lane = |target| Lane::new(target, config.delivery.clone());
        Self {
            stripe: lane(DeliveryTarget::Stripe(config.stripe.clone())),
            paypal: lane(DeliveryTarget::Paypal(config.paypal.clone())),
        }
    }

    pub(crate) fn lane(&self, provider: Provider) -> &Lane {
        match provider {
            Provider::Stripe => &self.stripe,
            Provider::Paypal => &self.paypal,
        }
    }

    pub(crate) fn lane_mut(&mut self, provider: Provider) -> &mut Lane {
        match provider {
            Provider::Stripe => &mut self.stripe,
            Provider::Paypal => &mut self.paypal,
        }
    }

    /// Forgets events and deliveries; targets stay.
    pub(crate) fn reset(&mut self) {
        self.stripe.reset();
        self.paypal.reset();
    }
}

/// Announces the events of a change.
pub(crate) struct Announcer<'a> {
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) faults: &'a mut Faults,
    pub(crate) now: Timestamp,
}

impl Announcer<'_> {
    pub(crate) fn announce(&mut self, kind: impl Into<Cow<'static, str>>, content: Content) -> Arc<Event> {
        let event = Arc::new(Event::new(kind.into(), content, self.now));
        let lane = self.outbox.lane_mut(event.provider());
        // A fault affects only delivered events, and does not count others.
        let injection = lane.delivers().then(|| self.faults.inject_in_webhook(event.provider()));
        lane.add(Arc::clone(&event), injection);
        event
    }
}
