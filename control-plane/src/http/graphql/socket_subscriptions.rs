//! Where the subscriptions of one socket are, so that its end says where they continue.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_graphql::parser::types::{OperationDefinition, Selection};
use async_graphql::{Value, Variables};
use payments::model::log::{EventId, Position};

use crate::live::ResumePoint;

/// Subscriptions of one socket: as many as a subscription of `/events/socket` can name payments, since each of these
/// names one. Each has a queue of its own.
pub(super) const SUBSCRIPTIONS_MAX: usize = 100;

/// The subscriptions of a socket.
#[derive(Clone, Default)]
pub(super) struct SocketSubscriptions(Arc<Mutex<Vec<Weak<Subscribed>>>>);

/// One subscription, for as long as it lives.
pub(super) struct Subscribed(Mutex<At>);

enum At {
    /// It was asked for, and has not begun. `None`: where is not known.
    Asked(Option<Position>),
    Begun(Arc<ResumePoint>),
}

impl SocketSubscriptions {
    /// Counts a subscription that the client has asked for. `None`: the socket has as many as it may.
    pub(super) fn add(&self, asked: Option<Position>) -> Option<Arc<Subscribed>> {
        let subscribed = Arc::new(Subscribed(Mutex::new(At::Asked(asked))));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        if all.len() >= SUBSCRIPTIONS_MAX {
            return None;
        }
        all.push(Arc::downgrade(&subscribed));
        Some(subscribed)
    }

    /// Where all of them can continue. `None` if there are none, or the position is not known.
    pub(super) fn lowest(&self) -> Option<Position> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).filter_map(|one| one.cursor()).min()
    }
}

impl Subscribed {
    pub(super) fn begin(&self, resume_point: Arc<ResumePoint>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = At::Begun(resume_point);
    }

    fn cursor(&self) -> Option<Position> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            At::Asked(asked) => *asked,
            At::Begun(resume_point) => Some(resume_point.cursor()),
        }
    }
}

/// Where a subscription begins that is asked for now. `read_to`: how far the log is read. The database, which knows the
/// epoch of `after`, is asked later.
pub(super) fn asked_at(after: Option<EventId>, read_to: Option<Position>) -> Option<Position> {
    let Some(EventId { transaction, sequence }) = after else { return read_to };
    let at = Position { epoch: read_to.map_or(0, |read| read.epoch), transaction, sequence };
    // Behind the end of the log there is nothing: the event is of an epoch before. The position keeps the event's id,
    // with which the client can continue.
    let is_of_this_epoch = read_to.is_none_or(|read| at <= read);
    Some(if is_of_this_epoch { at } else { Position { epoch: at.epoch.saturating_sub(1), ..at } })
}

/// The event after which an operation's root field begins.
pub(super) fn own_after(operation: &OperationDefinition, variables: &Variables) -> Option<EventId> {
    let Selection::Field(field) = &operation.selection_set.node.items.first()?.node else { return None };
    let after = field.node.get_argument("after")?.node.clone();
    let value = after.into_const_with(|name| {
        let defined = operation.variable_definitions.iter().find(|one| one.node.name.node == name);
        let default = defined.and_then(|one| one.node.default_value());
        variables.get(&name).or(default).cloned().ok_or(())
    });
    match value {
        Ok(Value::String(id)) => id.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn at(sequence: u64) -> Position {
        Position { epoch: 3, transaction: 7, sequence }
    }

    #[test]
    fn the_lowest_position_of_those_that_live_counts() {
        let subscriptions = SocketSubscriptions::default();
        assert_eq!(subscriptions.lowest(), None);
        let (unknown, late) = (subscriptions.add(None).unwrap(), subscriptions.add(Some(at(5))).unwrap());
        let early = subscriptions.add(Some(at(2))).unwrap();
        assert_eq!(subscriptions.lowest(), Some(at(2)));
        drop(early);
        assert_eq!(subscriptions.lowest(), Some(at(5)));
        drop(late);
        assert_eq!(subscriptions.lowest(), None);
        drop(unknown);
        assert!(subscriptions.add(Some(at(1))).is_some());
        assert_eq!(subscriptions.0.lock().unwrap().len(), 1, "those that have ended are forgotten");
    }

    #[test]
    fn a_socket_has_a_bounded_number_of_subscriptions_at_a_time() {
        let subscriptions = SocketSubscriptions::default();
        let mut all: Vec<_> = (0..SUBSCRIPTIONS_MAX).map(|_| subscriptions.add(None).unwrap()).collect();
        assert!(subscriptions.add(None).is_none());
        all.pop();
        assert!(subscriptions.add(None).is_some(), "one has ended");
    }

    #[test]
    fn a_subscription_is_asked_for_behind_its_own_event_or_from_now_on() {
        assert_eq!(asked_at(None, Some(at(5))), Some(at(5)));
        assert_eq!(asked_at(None, None), None);
        assert_eq!(asked_at(Some(at(2).id()), Some(at(5))), Some(at(2)));
        let before = asked_at(Some(at(6).id()), Some(at(5))).unwrap();
        assert_eq!(
            (before, before.id()),
            (Position { epoch: 2, ..at(6) }, at(6).id()),
            "before all of this epoch"
        );
        assert_eq!(asked_at(Some(at(2).id()), None), Some(Position { epoch: 0, ..at(2) }));
    }

    #[test]
    fn the_event_to_begin_behind_is_found_wherever_it_is_written() {
        let id = at(2).id();
        let after = |text: &str, variables: serde_json::Value| {
            let document = parse_query(text).unwrap();
            let (_, operation) = document.operations.iter().next().unwrap();
            own_after(&operation.node, &Variables::from_json(variables))
        };
        let literal = format!("subscription {{ a(after: \"{id}\") }}");
        assert_eq!(after(&literal, json!({})), Some(id));
        let variable = "subscription($a: ID) { a(after: $a) }";
        assert_eq!(after(variable, json!({ "a": id.to_string() })), Some(id));
        let default = format!("subscription($a: ID = \"{id}\") {{ a(after: $a) }}");
        assert_eq!(after(&default, json!({})), Some(id));
        assert_eq!(after(&default, json!({ "a": null })), None);
        for text in [variable, "subscription { a }", "subscription { a(after: 1) }"] {
            assert_eq!(after(text, json!({})), None, "{text}");
        }
    }
}
