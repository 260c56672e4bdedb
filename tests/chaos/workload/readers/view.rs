//! What a reader has seen, compared with the trail.

use std::collections::{HashMap, HashSet};

use crate::records::Event;

/// How many of the events that a reader missed are named.
const SHOWN_MAX: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenEvent {
    pub(super) id: String,
    /// The payment or refund.
    pub(super) subject: String,
    pub(super) version: i64,
}

/// The events of the trail that were not seen: all, or the newest of each payment and refund if the reader may miss
/// others and saw no newer one.
pub(super) fn missing<'t>(seen: &[SeenEvent], trail: &[&'t Event], may_miss: bool) -> Vec<(&'t str, i64)> {
    let mut newest_seen: HashMap<&str, i64> = HashMap::new();
    for one in seen {
        let version = newest_seen.entry(&one.subject).or_insert(one.version);
        *version = one.version.max(*version);
    }
    let seen: HashSet<_> = seen.iter().map(|one| (one.subject.as_str(), one.version)).collect();
    let mut newest: HashMap<&str, i64> = HashMap::new();
    for event in trail {
        let version = newest.entry(subject(event)).or_insert(event.version);
        *version = event.version.max(*version);
    }
    let recorded: HashSet<_> = trail.iter().map(|event| (subject(event), event.version)).collect();
    let wanted =
        recorded.into_iter().filter(|(subject, version)| !may_miss || newest.get(subject) == Some(version));
    let is_newer_seen = |(subject, version): &(&str, i64)| {
        may_miss && newest_seen.get(subject).is_some_and(|newest| newest > version)
    };
    wanted.filter(|key| !seen.contains(key) && !is_newer_seen(key)).collect()
}

fn subject(event: &Event) -> &str {
    event.refund.as_deref().unwrap_or(&event.payment)
}

/// What is wrong with what a reader saw.
pub(super) fn judge(seen: &[SeenEvent], [before, after]: [&[&Event]; 2], may_miss: bool) -> Vec<String> {
    let mut broken = Vec::new();
    let mut ids: HashMap<(&str, i64), &str> = HashMap::new();
    let mut newest: HashMap<&str, i64> = HashMap::new();
    for one in seen {
        let key = (one.subject.as_str(), one.version);
        match ids.get(&key) {
            Some(id) if *id == one.id => continue,
            Some(id) => broken.push(format!("{key:?} has two ids, {id} and {}", one.id)),
            None => {}
        }
        ids.insert(key, &one.id);
        let before = newest.insert(&one.subject, one.version);
        if before.is_some_and(|before| before >= one.version) {
            broken.push(format!("{key:?} came behind version {before:?}"));
        }
    }
    let missing = missing(seen, before, may_miss);
    if !missing.is_empty() {
        let some = missing.iter().take(SHOWN_MAX).collect::<Vec<_>>();
        broken.push(format!("a reader never saw {} events, {some:?} among them", missing.len()));
    }
    let recorded: HashSet<_> = after.iter().map(|event| (subject(event), event.version)).collect();
    let invented = ids.keys().filter(|key| !recorded.contains(*key));
    broken.extend(invented.map(|key| format!("a reader saw {key:?}, which is not recorded")));
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, subject: &str, version: i64) -> SeenEvent {
        SeenEvent { id: id.to_owned(), subject: subject.to_owned(), version }
    }

    fn recorded(payment: &str, version: i64) -> Event {
        Event {
            payment: payment.to_owned(),
            refund: None,
            version,
            from_state: None,
            to_state: "completed".to_owned(),
            at: 0,
            request_id: String::new(),
            detail: String::new(),
        }
    }

    #[test]
    fn a_reader_that_sees_each_event_in_order_is_right_even_if_some_come_twice() {
        let trail = [recorded("a", 0), recorded("a", 1), recorded("b", 0)];
        let trail: Vec<_> = trail.iter().collect();
        let all = [seen("1", "a", 0), seen("2", "b", 0), seen("1", "a", 0), seen("3", "a", 1)];
        assert_eq!(judge(&all, [&trail, &trail], false), Vec::<String>::new());
    }

    #[test]
    fn a_slow_reader_may_miss_all_but_the_newest_event_of_a_payment() {
        let trail = [recorded("a", 0), recorded("a", 1), recorded("b", 0)];
        let trail: Vec<_> = trail.iter().collect();
        let newest = [seen("2", "b", 0), seen("3", "a", 1)];
        assert_eq!(judge(&newest, [&trail, &trail], true), Vec::<String>::new());
        assert_eq!(judge(&newest, [&trail, &trail], false).len(), 1);
        assert_eq!(judge(&newest[..1], [&trail, &trail], true).len(), 1);
    }

    #[test]
    fn what_is_recorded_while_a_reader_catches_up_may_be_seen_and_need_not_be() {
        let trail = [recorded("a", 0), recorded("a", 1)];
        let trail: Vec<_> = trail.iter().collect();
        let (before, after) = (&trail[..1], &trail[..]);
        let (first, second) = (seen("1", "a", 0), seen("2", "a", 1));
        for right in [vec![first.clone()], vec![first.clone(), second.clone()]] {
            assert_eq!(judge(&right, [before, after], false), Vec::<String>::new());
        }
        assert_eq!(judge(&[second], [before, after], true), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_invented_renamed_or_out_of_order_is_found() {
        let trail = [recorded("a", 0), recorded("a", 1)];
        let trail: Vec<_> = trail.iter().collect();
        let (first, second) = (seen("1", "a", 0), seen("2", "a", 1));
        for wrong in [
            vec![first.clone()],
            vec![first.clone(), second.clone(), seen("3", "b", 0)],
            vec![first.clone(), second.clone(), seen("9", "a", 1)],
            vec![second, first],
        ] {
            assert!(!judge(&wrong, [&trail, &trail], false).is_empty(), "{wrong:?}");
        }
    }
}
