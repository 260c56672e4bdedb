//! Webhooks: the events that each change makes, signed as the providers sign and delivered in the background.
//!
//! A change announces its event under the world's lock (see [`Announcer`]), so that events have the order of what they
//! tell. The provider's [`Lane`] keeps them and decides which delivery is next; [`delivery`] sends. An event is kept as
//! a copy of its object and written as JSON when somebody wants to read it, since mostly nobody does.

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
    settings::{Change, Target},
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
            stripe: lane(Target::Stripe(config.stripe.clone())),
            paypal: lane(Target::Paypal(config.paypal.clone())),
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

/// Where a change tells about itself.
pub(crate) struct Announcer<'a> {
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) faults: &'a mut Faults,
    pub(crate) now: Timestamp,
}

impl Announcer<'_> {
    pub(crate) fn announce(&mut self, kind: impl Into<Cow<'static, str>>, content: Content) -> Arc<Event> {
        let event = Arc::new(Event::new(kind.into(), content, self.now));
        let lane = self.outbox.lane_mut(event.provider());
        // A fault strikes what is delivered, and does not count what nobody gets.
        let injection = lane.delivers().then(|| self.faults.inject_in_webhook(event.provider()));
        lane.add(Arc::clone(&event), injection);
        event
    }
}
