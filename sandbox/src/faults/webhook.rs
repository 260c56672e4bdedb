//! The faults injected in the delivery of an event.

use std::{num::NonZeroU32, time::Duration};

use super::{FaultKind, Faults, Rule};
use crate::provider::{Operation, Provider};

/// The longest time that a reordered event is held, unless the rule sets one: the overtaking event may never come.
const HELD_AT_MOST: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookInjection {
    /// How many times it is delivered.
    pub(crate) deliveries: u32,
    pub(crate) delay: Duration,
    pub(crate) held: Option<Hold>,
    pub(crate) withheld: bool,
    pub(crate) forged: bool,
    /// Recorded in the log of deliveries.
    pub(crate) faults: Vec<FaultKind>,
}

/// Holds an event back until this many others were delivered, or the time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) others: u32,
    pub(crate) at_most: Duration,
}

impl Default for WebhookInjection {
    fn default() -> Self {
        Self {
            deliveries: 1,
            delay: Duration::ZERO,
            held: None,
            withheld: false,
            forged: false,
            faults: Vec::new(),
        }
    }
}

impl WebhookInjection {
    fn add(&mut self, rule: &Rule) {
        let delay = Duration::from_millis(rule.delay_ms);
        match rule.fault {
            FaultKind::Duplicate => {
                self.deliveries = self.deliveries.max(rule.count.map_or(2, NonZeroU32::get));
                self.delay += delay;
            }
            FaultKind::Reorder => {
                let at_most = if delay.is_zero() { HELD_AT_MOST } else { delay };
                self.held = Some(Hold { others: rule.count.map_or(1, NonZeroU32::get), at_most });
            }
            FaultKind::Delay => self.delay += delay,
            FaultKind::Withhold => self.withheld = true,
            FaultKind::Forge => {
                self.forged = true;
                self.delay += delay;
            }
            // These affect API calls, and such rules never match a webhook.
            _ => return,
        }
        self.faults.push(rule.fault);
    }
}

impl Faults {
    /// Determines the faults of an event's delivery, when the event is created.
    pub(crate) fn inject_in_webhook(&mut self, provider: Provider) -> WebhookInjection {
        let mut injection = WebhookInjection::default();
        let rules = self.active.iter_mut().filter(|fault| fault.rule.fault.concerns_webhooks_only());
        for fault in rules {
            if fault.rule.matches(provider, Operation::Webhook) && fault.is_due() {
                fault.fired += 1;
                injection.add(&fault.rule);
            }
        }
        injection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rules: &[&str]) -> Faults {
        let mut faults = Faults::default();
        for rule in rules {
            faults.add(Rule::parse(rule.as_bytes()).unwrap());
        }
        faults
    }

    #[test]
    fn rules_for_calls_do_not_match_webhooks_and_vice_versa() {
        let mut faults =
            faults(&[r#"{"fault":"drop_after"}"#, r#"{"operation":"webhook","fault":"withhold"}"#]);
        assert_eq!(faults.inject_in_webhook(Provider::Stripe).faults, [FaultKind::Withhold]);
        assert_eq!(faults.inject(Provider::Stripe, Operation::Charge).faults, [FaultKind::DropAfter]);
    }

    #[test]
    fn every_second_event_of_one_provider_is_duplicated() {
        let mut faults =
            faults(&[r#"{"provider":"paypal","operation":"webhook","fault":"duplicate","every":2}"#]);
        let mut deliveries = |provider| faults.inject_in_webhook(provider).deliveries;
        assert_eq!(deliveries(Provider::Paypal), 1);
        assert_eq!(deliveries(Provider::Stripe), 1);
        assert_eq!(deliveries(Provider::Paypal), 2);
    }

    #[test]
    fn an_event_is_not_held_forever() {
        let mut faults = faults(&[r#"{"operation":"webhook","fault":"reorder","count":3}"#]);
        let held = faults.inject_in_webhook(Provider::Stripe).held;
        assert_eq!(held, Some(Hold { others: 3, at_most: HELD_AT_MOST }));
    }
}
