//! Fault injection: which calls a fault affects, and how.
//!
//! A fault acts in front of the provider's own logic, as real failures do: rate limits, outages and cut connections sit
//! in front of the idempotency layer, so an affected call never changes what a key remembers, unless the fault is
//! `frozen` (see [`Rule::frozen`]). For faults of webhook delivery see [`webhook`].

mod fault_response;
mod rule;
mod webhook;

use std::{num::NonZeroU64, time::Duration};

pub(crate) use self::{
    rule::{FaultKind, InvalidRule, Rule, STALE_MS_MAX},
    webhook::WebhookInjection,
};

use serde::Serialize;

use crate::{
    http_response::HttpResponse,
    provider::{Operation, Provider},
};

/// A rule, and how often it has matched and fired.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fault {
    id: u64,
    #[serde(flatten)]
    rule: Rule,
    matched: u64,
    fired: u64,
}

impl Fault {
    /// Counts a matching call and returns whether the fault fires.
    fn is_due(&mut self) -> bool {
        self.matched += 1;
        self.matched.is_multiple_of(u64::from(self.rule.every.get())) && !self.is_used_up()
    }

    fn is_used_up(&self) -> bool {
        self.rule.times.is_some_and(|times| self.fired >= times.get())
    }
}

/// The faults injected in one call.
#[derive(Debug, Default)]
pub(crate) struct Injection {
    pub(crate) delay_before: Duration,
    /// The delay between the effect and the failure that hides it.
    pub(crate) delay_after: Duration,
    pub(crate) forget_key: bool,
    /// How stale the response is.
    pub(crate) stale: Duration,
    pub(crate) failure: Option<Failure>,
    /// For [`Failure::Refused`].
    pub(crate) refusal: Option<Box<HttpResponse>>,
    /// Recorded in the request log.
    pub(crate) faults: Vec<FaultKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    RateLimited { retry_after: Option<u32> },
    Refused,
    ErrorBefore { frozen: bool },
    DropBefore,
    HtmlError,
    ErrorAfter { frozen: bool },
    DropAfter,
    Truncated,
}

impl Injection {
    pub(crate) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    fn add(&mut self, rule: &Rule) {
        let delay = Duration::from_millis(rule.delay_ms);
        let failure = match rule.fault {
            FaultKind::RateLimited => Some(Failure::RateLimited { retry_after: rule.retry_after }),
            FaultKind::Refuse => Some(Failure::Refused),
            FaultKind::ErrorBefore => Some(Failure::ErrorBefore { frozen: rule.frozen }),
            FaultKind::DropBefore => Some(Failure::DropBefore),
            FaultKind::HtmlError => Some(Failure::HtmlError),
            FaultKind::ErrorAfter => Some(Failure::ErrorAfter { frozen: rule.frozen }),
            FaultKind::DropAfter => Some(Failure::DropAfter),
            FaultKind::Truncated => Some(Failure::Truncated),
            FaultKind::Latency | FaultKind::ForgetKey | FaultKind::StaleRead => None,
            // These rules match webhooks only, see `inject_in_webhook`.
            FaultKind::Duplicate
            | FaultKind::Reorder
            | FaultKind::Delay
            | FaultKind::Withhold
            | FaultKind::Forge => return,
        };
        match failure {
            Some(Failure::ErrorAfter { .. } | Failure::DropAfter | Failure::Truncated) => {
                self.delay_after += delay;
            }
            _ => self.delay_before += delay,
        }
        self.refusal = self.refusal.take().or_else(|| rule.refusal.as_ref()?.response().map(Box::new));
        self.forget_key |= rule.fault == FaultKind::ForgetKey;
        self.stale = self.stale.max(Duration::from_millis(rule.stale_ms.map_or(0, NonZeroU64::get)));
        self.failure = self.failure.or(failure);
        self.faults.push(rule.fault);
    }
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    active: Vec<Fault>,
    last_id: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: Rule) -> Fault {
        self.last_id += 1;
        let fault = Fault { id: self.last_id, rule, matched: 0, fired: 0 };
        self.active.push(fault.clone());
        fault
    }

    /// Withholds the events of a provider until [`Self::remove`].
    pub(crate) fn withhold(&mut self, provider: Provider) -> u64 {
        let rule = Rule::withhold(provider);
        self.add(rule).id
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.active.retain(|fault| fault.id != id);
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    pub(crate) fn all(&self) -> &[Fault] {
        &self.active
    }

    /// Whether a pending fault needs past states, so that they have to be kept.
    pub(crate) fn look_back(&self) -> bool {
        self.active.iter().any(|fault| fault.rule.fault == FaultKind::StaleRead && !fault.is_used_up())
    }

    /// Determines the faults of a call. Of several failures that are due, the one added first wins.
    pub(crate) fn inject(&mut self, provider: Provider, operation: Operation) -> Injection {
        let mut injection = Injection::default();
        for fault in &mut self.active {
            if fault.rule.matches(provider, operation) && fault.is_due() {
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

    fn fires(rule: &str, calls: usize) -> Vec<bool> {
        let mut faults = Faults::default();
        faults.add(Rule::parse(rule.as_bytes()).unwrap());
        (0..calls).map(|_| !faults.inject(Provider::Stripe, Operation::Charge).is_empty()).collect()
    }

    #[test]
    fn a_fault_fires_for_every_third_call_and_at_most_twice() {
        let rule = r#"{"provider":"stripe","operation":"charge","fault":"drop_after","every":3,"times":2}"#;
        assert_eq!(fires(rule, 10), [false, false, true, false, false, true, false, false, false, false]);
    }

    #[test]
    fn a_fault_does_not_fire_for_another_operation_or_provider() {
        assert_eq!(fires(r#"{"provider":"stripe","operation":"refund","fault":"drop_after"}"#, 1), [false]);
        assert_eq!(fires(r#"{"provider":"paypal","operation":"*","fault":"drop_after"}"#, 1), [false]);
        assert_eq!(fires(r#"{"provider":"*","operation":"*","fault":"drop_after"}"#, 1), [true]);
    }

    #[test]
    fn the_first_failure_wins_and_delays_add_up() {
        let mut faults = Faults::default();
        for rule in [
            r#"{"fault":"latency","delayMs":20}"#,
            r#"{"fault":"rate_limited","delayMs":5}"#,
            r#"{"fault":"drop_after"}"#,
        ] {
            faults.add(Rule::parse(rule.as_bytes()).unwrap());
        }
        let injection = faults.inject(Provider::Paypal, Operation::Refund);
        assert_eq!(injection.failure, Some(Failure::RateLimited { retry_after: None }));
        assert_eq!(injection.delay_before, Duration::from_millis(25));
    }
}
