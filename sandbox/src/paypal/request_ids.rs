//! `PayPal-Request-Id`: a retry gets the current state of the object that the first request created
//! (developer.paypal.com/api/rest/reference/idempotency). Failed requests are not stored.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

pub(crate) const CHARS_MAX: usize = 108;

/// The kinds of calls; ids are separate per kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CallKind {
    CreateOrder,
    CaptureOrder,
    AuthorizeOrder,
    CaptureAuthorization,
    ReauthorizeAuthorization,
    VoidAuthorization,
    RefundCapture,
}

impl CallKind {
    /// How long the server stores the ids: six hours on Orders v2, 45 days on Payments v2.
    fn horizon(self) -> SignedDuration {
        match self {
            Self::CreateOrder | Self::CaptureOrder | Self::AuthorizeOrder => SignedDuration::from_hours(6),
            Self::CaptureAuthorization
            | Self::ReauthorizeAuthorization
            | Self::VoidAuthorization
            | Self::RefundCapture => SignedDuration::from_hours(45 * 24),
        }
    }
}

/// A stored object, by kind and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    Order(String),
    Authorization(String),
    Capture(String),
    Refund(String),
    Dispute(String),
}

#[derive(Debug)]
struct Record {
    claimed_at: Timestamp,
    /// Absent while the first request is in progress.
    made: Option<Resource>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RequestIdStatus {
    Fresh,
    InProgress,
    Made(Resource),
}

#[derive(Debug, Default)]
pub(crate) struct RequestIds(HashMap<CallKind, HashMap<String, Record>>);

impl RequestIds {
    pub(crate) fn claim(&mut self, kind: CallKind, id: &str, now: Timestamp) -> RequestIdStatus {
        let records = self.0.entry(kind).or_default();
        match records.get(id) {
            Some(record) if now.duration_since(record.claimed_at) < kind.horizon() => match &record.made {
                Some(resource) => RequestIdStatus::Made(resource.clone()),
                None => RequestIdStatus::InProgress,
            },
            _ => {
                records.insert(id.to_owned(), Record { claimed_at: now, made: None });
                RequestIdStatus::Fresh
            }
        }
    }

    pub(crate) fn made(&mut self, kind: CallKind, id: &str, resource: Resource) {
        if let Some(record) = self.0.get_mut(&kind).and_then(|records| records.get_mut(id)) {
            record.made = Some(resource);
        }
    }

    pub(crate) fn forget(&mut self, kind: CallKind, id: &str) {
        if let Some(records) = self.0.get_mut(&kind) {
            records.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stored_per_kind_of_call_until_its_horizon() {
        let mut ids = RequestIds::default();
        let start = Timestamp::UNIX_EPOCH;
        let order = Resource::Order("O".to_owned());
        assert_eq!(ids.claim(CallKind::CreateOrder, "k", start), RequestIdStatus::Fresh);
        assert_eq!(ids.claim(CallKind::CreateOrder, "k", start), RequestIdStatus::InProgress);
        assert_eq!(ids.claim(CallKind::CaptureOrder, "k", start), RequestIdStatus::Fresh);
        ids.made(CallKind::CreateOrder, "k", order.clone());
        let later = start + SignedDuration::from_hours(5);
        assert_eq!(ids.claim(CallKind::CreateOrder, "k", later), RequestIdStatus::Made(order));
        assert_eq!(
            ids.claim(CallKind::CreateOrder, "k", start + SignedDuration::from_hours(6)),
            RequestIdStatus::Fresh
        );
    }

    #[test]
    fn refund_ids_are_stored_for_forty_five_days() {
        let mut ids = RequestIds::default();
        let start = Timestamp::UNIX_EPOCH;
        ids.claim(CallKind::RefundCapture, "k", start);
        ids.made(CallKind::RefundCapture, "k", Resource::Refund("R".to_owned()));
        let days = |days: i64| start + SignedDuration::from_hours(24 * days);
        assert_eq!(
            ids.claim(CallKind::RefundCapture, "k", days(44)),
            RequestIdStatus::Made(Resource::Refund("R".to_owned()))
        );
        assert_eq!(ids.claim(CallKind::RefundCapture, "k", days(45)), RequestIdStatus::Fresh);
    }
}
