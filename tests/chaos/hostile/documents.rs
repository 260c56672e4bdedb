//! GraphQL requests that would cost much if they were executed.

use std::iter::repeat_n;

use serde_json::json;

/// The documents' sizes stay below the limit of a body, so that the document's own limits are met.
const DEEP: usize = 5_000;
const MANY: usize = 600;

/// The body of `POST /graphql`; each number has one of the kinds in turn.
pub(super) fn body(n: u64) -> String {
    let query = match n % 7 {
        0 => nested(DEEP),
        1 => aliases("__typename", MANY),
        2 => aliases("payments(first: 100) { nodes { refunds { id } events { nodes { id } } } }", MANY / 30),
        3 => doubling(30),
        4 => format!("{{ {} }}", "__typename ".repeat(DEEP)),
        5 => return batch(MANY),
        _ => return deep_variables(DEEP),
    };
    json!({ "query": query }).to_string()
}

fn nested(depth: usize) -> String {
    format!("{}id{}", "{ payment ".repeat(depth), " }".repeat(depth))
}

fn aliases(field: &str, count: usize) -> String {
    let fields: Vec<_> = (0..count).map(|n| format!("a{n}: {field}")).collect();
    format!("{{ {} }}", fields.join(" "))
}

/// Each fragment uses the next one twice, and expands to twice as much.
fn doubling(fragments: usize) -> String {
    let fragment = |n| format!("fragment F{n} on Query {{ ...F{next} ...F{next} }}", next = n + 1);
    let all: Vec<_> = (0..fragments).map(fragment).collect();
    format!("{{ ...F0 }} {} fragment F{fragments} on Query {{ __typename }}", all.join(" "))
}

fn batch(requests: usize) -> String {
    json!(repeat_n(json!({ "query": "{ __typename }" }), requests).collect::<Vec<_>>()).to_string()
}

/// As text: a value this deep cannot be written by recursion.
fn deep_variables(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    format!(r#"{{"query":"{{ __typename }}","variables":{{"a":{open}{close}}}}}"#)
}
