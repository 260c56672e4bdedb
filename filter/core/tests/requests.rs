//! Properties of parsing bodies and queries.

use edge_core::request::{
    CancelRequest, CaptureRequest, ChargeRequest, ListQuery, RefundRequest, TicketRequest, is_return_url,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use url::{Host, Url};

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_break_a_reader(body in vec(any::<u8>(), 0..300)) {
        let _ = ChargeRequest::parse(&body);
        let _ = RefundRequest::parse(&body);
        let _ = CaptureRequest::parse(&body);
        let _ = CancelRequest::parse(&body);
        let _ = TicketRequest::parse(&body);
        let _ = ListQuery::parse(&String::from_utf8_lossy(&body));
    }

    #[test]
    fn a_charge_that_is_taken_reads_the_same_after_it_was_written(
        amount in 1_u64..=999_999_999_999,
        currency in prop::sample::select(vec!["USD", "EUR", "JPY", "KWD"]),
        method in "(pm|ctoken|tok)_[A-Za-z0-9_]{1,100}",
        description in "[^\\x00-\\x1f\\x7f-\\x9f]{1,127}",
        metadata in prop::collection::hash_map("[A-Za-z0-9_.-]{1,40}", "\\PC{0,100}", 0..5),
    ) {
        let body = json!({
            "provider": "stripe", "amount": amount, "currency": currency, "paymentMethodId": method,
            "description": description, "metadata": metadata,
        });
        let request = ChargeRequest::parse(body.to_string().as_bytes()).unwrap();
        let written = serde_json::to_vec(&request).unwrap();
        prop_assert_eq!(ChargeRequest::parse(&written).unwrap(), request);
    }

    #[test]
    fn one_wrong_value_is_refused_by_its_name(
        field in prop::sample::select(vec!["provider", "amount", "currency", "paymentMethodId", "capture"]),
        value in json_value(),
    ) {
        let mut body = json!({
            "provider": "stripe", "amount": 1, "currency": "USD", "paymentMethodId": "pm_x", "capture": "manual",
        });
        let fits = field == "amount" && value.as_u64().is_some_and(|n| (1..=999_999_999_999).contains(&n));
        prop_assume!(!fits);
        body[field] = value;
        let invalid = ChargeRequest::parse(body.to_string().as_bytes()).unwrap_err();
        prop_assert_eq!(invalid.param.as_deref(), Some(field));
    }

    /// Read as browsers do it (WHATWG URL).
    #[test]
    fn a_return_url_that_is_taken_leads_a_browser_over_tls_or_nowhere_and_as_nobody(
        scheme in prop::sample::select(vec!["https://", "http://", "https:/", "https:", "ftp://", "HTTPS://", "//"]),
        start in prop::sample::select(vec!["", "a", "shop.example", "localhost", "127.0.0.1", "[::1]", "u@a", "1"]),
        more in "[a-z0-9.:@%_\\[\\]\\\\-]{0,6}",
        end in prop::sample::select(vec!["", "/", "/back?x=1#y", "?x", "#y", "\\@b", "/ ", ":80/"]),
    ) {
        let url = format!("{scheme}{start}{more}{end}");
        // Punycode that decodes to nothing is for browsers to refuse.
        if !is_return_url(&url) || url.contains("xn--") {
            return Ok(());
        }
        let read = Url::parse(&url).unwrap();
        prop_assert!(read.username().is_empty() && read.password().is_none(), "{url}");
        let is_here = match read.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.') == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        prop_assert!(read.scheme() == "https" || (read.scheme() == "http" && is_here), "{url}");
        // Some of the schemes above are whole only with what follows them.
        let (_, rest) = url.split_once("://").unwrap();
        prop_assert!(rest.to_ascii_lowercase().starts_with(read.host_str().unwrap()), "{url}");
    }

    #[test]
    fn every_list_query_that_fits_is_taken(limit in 1_u32..=100, status in 0_usize..7) {
        let query = format!("status={}&limit={limit}", ListQuery::STATUSES[status]);
        prop_assert_eq!(ListQuery::parse(&query).unwrap().limit, limit);
    }
}
