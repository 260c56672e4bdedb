//! A rule: which calls a fault affects; the body of `POST /_sandbox/faults`.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IntoDeserializer};

use super::fault_response::FaultResponse;
use crate::provider::{Operation, Provider};

/// Longer delays would outlast every client's timeout and only hold memory.
const DELAY_MS_MAX: u64 = 600_000;

/// No read lags further than this, and the sandbox keeps no older states.
pub(crate) const STALE_MS_MAX: u64 = 600_000;

/// More copies, or more overtaking events, would only be load.
const COUNT_MAX: u32 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// The response is delayed by `delayMs`. The key is held meanwhile, so a retry gets "in progress".
    Latency,
    /// 429; nothing is executed.
    RateLimited,
    /// The response in `refusal`; nothing is executed.
    Refuse,
    /// 500; nothing is executed.
    ErrorBefore,
    /// The call is executed; the response is a 500.
    ErrorAfter,
    /// The connection is cut; nothing is executed.
    DropBefore,
    /// The call is executed, then the connection is cut without a response.
    DropAfter,
    /// 502 with an HTML page, like a proxy's; nothing is executed.
    HtmlError,
    /// The call is executed; the response's body is truncated.
    Truncated,
    /// The call's idempotency key is forgotten before the call is handled.
    ForgetKey,
    /// A read shows the state of `staleMs` ago.
    StaleRead,
    // Faults of webhook delivery.
    /// Delivered `count` times.
    Duplicate,
    /// Held back until the next `count` events were delivered, for at most `delayMs`.
    Reorder,
    /// Delivered `delayMs` late; later events may overtake it.
    Delay,
    /// Not delivered until `POST /_sandbox/webhooks/release`.
    Withhold,
    /// Delivered once, with an invalid signature.
    Forge,
}

impl FaultKind {
    pub(super) fn concerns_webhooks_only(self) -> bool {
        matches!(self, Self::Duplicate | Self::Reorder | Self::Delay | Self::Withhold | Self::Forge)
    }
}

/// The body of `POST /_sandbox/faults`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default, deserialize_with = "one_or_any", serialize_with = "star_for_any")]
    pub(super) provider: Option<Provider>,
    #[serde(default, deserialize_with = "one_or_any", serialize_with = "star_for_any")]
    pub(super) operation: Option<Operation>,
    pub(super) fault: FaultKind,
    /// Fires for every n-th matching call, starting with the n-th.
    #[serde(default = "every_call")]
    pub(super) every: NonZeroU32,
    /// Fires at most this often; absent: without limit.
    #[serde(default)]
    pub(super) times: Option<NonZeroU64>,
    /// How long the call is delayed before the fault shows, in milliseconds.
    #[serde(default)]
    pub(super) delay_ms: u64,
    /// For `duplicate` and `reorder`: the number of deliveries, and of overtaking events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<NonZeroU32>,
    /// For `stale_read`: how far the read is behind, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stale_ms: Option<NonZeroU64>,
    /// For `rate_limited`: the seconds that the header `Retry-After` names; absent: no such header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u32>,
    /// For `error_before` and `error_after` on Stripe: the 500 comes from the endpoint itself, so Stripe's idempotency
    /// layer stores it and replays it to every retry with the key. Otherwise it models a lost response, which a retry
    /// still finds.
    #[serde(default)]
    pub(super) frozen: bool,
    /// For `refuse`: the response to the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<FaultResponse>,
}

fn every_call() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn one_or_any<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name == "*" { Ok(None) } else { T::deserialize(name.into_deserializer()).map(Some) }
}

fn star_for_any<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_str("*"),
    }
}

/// Why a fault rule was rejected: the field and its valid values.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct InvalidRule {
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Rule {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRule> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let rule: Self = serde_path_to_error::deserialize(&mut json).map_err(|error| InvalidRule {
            field: error.path().to_string(),
            message: error.into_inner().to_string(),
        })?;
        json.end().map_err(|error| InvalidRule { field: ".".to_owned(), message: error.to_string() })?;
        rule.check()
    }

    /// Withholds all events of a provider.
    pub(super) fn withhold(provider: Provider) -> Self {
        Self {
            provider: Some(provider),
            operation: Some(Operation::Webhook),
            fault: FaultKind::Withhold,
            every: every_call(),
            times: None,
            delay_ms: 0,
            count: None,
            stale_ms: None,
            retry_after: None,
            frozen: false,
            refusal: None,
        }
    }

    fn check(self) -> Result<Self, InvalidRule> {
        let invalid = |field: &str, message: &str| {
            Err(InvalidRule { field: field.to_owned(), message: message.to_owned() })
        };
        if self.delay_ms > DELAY_MS_MAX {
            return invalid("delayMs", "must be at most 600000 (ten minutes)");
        }
        if matches!(self.fault, FaultKind::Latency | FaultKind::Delay) && self.delay_ms == 0 {
            return invalid("delayMs", "must be at least 1 for the faults `latency` and `delay`");
        }
        if self.fault.concerns_webhooks_only() != (self.operation == Some(Operation::Webhook)) {
            return invalid(
                "operation",
                "must be `webhook` for duplicate, reorder, delay, withhold and forge, and for these only",
            );
        }
        self.check_stale_read()?;
        if self.retry_after.is_some() && self.fault != FaultKind::RateLimited {
            return invalid("retryAfter", "is for the fault `rate_limited` only");
        }
        if self.count.is_some() && !matches!(self.fault, FaultKind::Duplicate | FaultKind::Reorder) {
            return invalid("count", "is for the faults `duplicate` and `reorder` only");
        }
        if self.count.is_some_and(|count| count.get() > COUNT_MAX) {
            return invalid("count", "must be at most 100");
        }
        if self.refusal.is_some() != (self.fault == FaultKind::Refuse) {
            return invalid("refusal", "must be given for the fault `refuse`, and for it only");
        }
        if self.refusal.as_ref().is_some_and(|refusal| refusal.response().is_none()) {
            return invalid("refusal.status", "must be from 400 to 499");
        }
        if self.frozen {
            if !matches!(self.fault, FaultKind::ErrorBefore | FaultKind::ErrorAfter) {
                return invalid("frozen", "is for the faults `error_before` and `error_after` only");
            }
            if self.provider != Some(Provider::Stripe) {
                return invalid(
                    "frozen",
                    "needs the provider `stripe`: PayPal does not repeat a stored error",
                );
            }
        }
        Ok(self)
    }

    fn check_stale_read(&self) -> Result<(), InvalidRule> {
        let invalid = |field: &str, message: &str| {
            Err(InvalidRule { field: field.to_owned(), message: message.to_owned() })
        };
        let is_stale_read = self.fault == FaultKind::StaleRead;
        let is_read = matches!(self.operation, Some(Operation::Retrieve | Operation::Dispute));
        if is_stale_read && !is_read {
            return invalid("operation", "must be `retrieve` or `dispute` for the fault `stale_read`");
        }
        if is_stale_read != self.stale_ms.is_some() {
            return invalid("staleMs", "is needed for the fault `stale_read`, and for this only");
        }
        if self.stale_ms.is_some_and(|stale| stale.get() > STALE_MS_MAX) {
            return invalid("staleMs", "must be at most 600000 (ten minutes)");
        }
        Ok(())
    }

    pub(super) fn matches(&self, provider: Provider, operation: Operation) -> bool {
        self.provider.is_none_or(|p| p == provider) && self.operation.is_none_or(|o| o == operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(rule: &str) -> InvalidRule {
        Rule::parse(rule.as_bytes()).unwrap_err()
    }

    #[test]
    fn an_invalid_rule_is_rejected_with_its_field_named() {
        assert_eq!(refusal(r#"{"fault":"explode"}"#).field, "fault");
        assert_eq!(refusal(r#"{"fault":"latency"}"#).field, "delayMs");
        assert_eq!(refusal(r#"{"fault":"drop_after","every":0}"#).field, "every");
        assert_eq!(refusal(r#"{"fault":"drop_after","provider":"adyen"}"#).field, "provider");
        assert_eq!(refusal(r#"{"fault":"drop_after","operation":"unknown"}"#).field, "operation");
        assert_eq!(refusal(r#"{"fault":"forge","operation":"charge"}"#).field, "operation");
        assert_eq!(refusal(r#"{"fault":"drop_after","operation":"webhook"}"#).field, "operation");
        assert_eq!(refusal(r#"{"fault":"refuse"}"#).field, "refusal");
        assert_eq!(
            refusal(r#"{"fault":"refuse","refusal":{"status":500,"body":{}}}"#).field,
            "refusal.status"
        );
        assert_eq!(refusal(r#"{"fault":"delay","operation":"webhook"}"#).field, "delayMs");
        assert_eq!(refusal(r#"{"fault":"forge","operation":"webhook","count":2}"#).field, "count");
        assert_eq!(refusal(r#"{"fault":"error_after","provider":"paypal","frozen":true}"#).field, "frozen");
        assert_eq!(refusal(r#"{"fault":"drop_after","retryAfter":1}"#).field, "retryAfter");
        assert_eq!(refusal(r#"{"fault":"stale_read","staleMs":1}"#).field, "operation");
        assert_eq!(refusal(r#"{"fault":"stale_read","operation":"retrieve"}"#).field, "staleMs");
        assert_eq!(refusal(r#"{"fault":"drop_after","staleMs":1}"#).field, "staleMs");
        let long = r#"{"fault":"stale_read","operation":"retrieve","staleMs":600001}"#;
        assert_eq!(refusal(long).field, "staleMs");
        assert!(refusal(r#"{"fault":"drop_after","tiems":1}"#).message.contains("tiems"));
        assert!(refusal(r#"{"operation":"charge"}"#).message.contains("fault"));
    }
}
