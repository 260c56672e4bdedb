//! What follows the `?`, and the `Accept` header.

use std::collections::BTreeSet;

use edge_core::request::{
    EventsQuery, InvalidRequest, ListQuery, SocketQuery, WalletConfigQuery, wants_stream,
};
use form_urlencoded::Serializer;

use crate::fixture::{TRANSACTION, is_explained, texts};

pub fn check(data: &[u8]) {
    if wants_stream([data]) {
        assert!(String::from_utf8_lossy(data).to_ascii_lowercase().contains("text/event-stream"));
    }
    let Ok(query) = std::str::from_utf8(data) else { return };
    if let Some(list) = accepted(query, ListQuery::parse(query)) {
        assert!((1..=ListQuery::LIMIT_MAX).contains(&list.limit));
        assert_eq!(ListQuery::parse(&written_list(&list)), Ok(list));
    }
    if let Some(events) = accepted(query, EventsQuery::parse(query)) {
        assert!((1..=EventsQuery::LIMIT_MAX).contains(&events.limit));
        assert!(events.types.len() <= EventsQuery::TYPES_MAX);
        assert_eq!(EventsQuery::parse(&written_events(&events)), Ok(events));
    }
    if let Some(wallets) = accepted(query, WalletConfigQuery::parse(query)) {
        let domain = url::Url::parse(&format!("https://{}/", wallets.domain));
        // The standard holds labels that begin with `xn--` against more rules.
        if let Ok(domain) = domain {
            assert_eq!(domain.host_str(), Some(wallets.domain.as_str()));
        }
    }
    accepted(query, SocketQuery::parse(query));
}

/// Each parameter occurs once in an accepted query.
fn accepted<T>(query: &str, read: Result<T, InvalidRequest>) -> Option<T> {
    match read {
        Ok(read) => {
            let mut seen = BTreeSet::new();
            let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
            assert!(names.all(|name| seen.insert(name)), "{query}");
            Some(read)
        }
        Err(invalid) => {
            is_explained(&invalid);
            None
        }
    }
}

fn written_list(list: &ListQuery) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("limit", &list.limit.to_string());
    for (name, value) in [
        ("startingAfter", &list.starting_after),
        ("provider", &list.provider.map(|provider| provider.name().to_owned())),
        ("status", &list.status),
        ("createdAfter", &list.created_after),
        ("createdBefore", &list.created_before),
        ("customerReference", &list.customer_reference),
    ] {
        query.extend_pairs(value.as_deref().map(|value| (name, value)));
    }
    query.finish()
}

fn written_events(events: &EventsQuery) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("limit", &events.limit.to_string());
    for (name, value) in [("after", &events.after), ("payment", &events.payment)] {
        query.extend_pairs(value.as_deref().map(|value| (name, value)));
    }
    if !events.types.is_empty() {
        query.append_pair("types", &events.types.join(","));
    }
    query.finish()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts([
        "",
        "limit=5&status=completed&provider=stripe",
        "createdAfter=2026-01-31T23:59:59Z&createdBefore=2026-02-01T00:00:00%2B01:00",
        "customerReference=c%C3%A9+1%26",
        "limit=+5",
        "limit=05&limit=5",
        "l%69mit=5&limit=6",
        "types=payment.completed,refund.processed&limit=100",
        "ticket=evtk_abcd",
        "domain=pay.shop-1.example",
        "domain=1.2.3.4",
        "text/html;q=0.9, Text/Event-Stream;q=1",
        "after=evt_abcdefghijklmnopabcdefghijklmnop",
    ]);
    seeds.push(format!("payment={TRANSACTION}").into());
    seeds.push(format!("startingAfter={TRANSACTION}").into());
    seeds
}
