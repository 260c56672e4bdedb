//! Charges by GraphQL that are twisted: two programs may read different charges in one, or one program may execute
//! several, or work too long. All must be refused, and execute nothing.

use edge_core::error::ErrorCode;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::refusal::Refusal;
use super::written::{Fields, Syntax, Twice, fields, metadata, quoted};

/// A charge that must be refused.
pub(super) struct Refused {
    pub(super) twist: &'static str,
    pub(super) key: Option<String>,
    /// The body of `POST /graphql`; smaller than a body may be.
    pub(super) body: String,
    pub(super) refusal: Refusal,
}

type Twist = fn(&mut StdRng) -> Twisted;

struct Twisted {
    body: String,
    refusal: Refusal,
}

const TWISTS: [(&str, Twist); 12] = [
    ("with a member of its variables twice", variables_twice),
    ("with an argument twice", argument_twice),
    ("with a field of its input twice", input_twice),
    ("with a variable defined twice", definition_twice),
    ("with a member of the request twice", request_twice),
    ("with two root fields", two_root_fields),
    ("in one of two operations", two_operations),
    ("in a batch", batch),
    ("without a key", keyless),
    ("with many aliases", alias_bomb),
    ("with deep nesting", deep),
    ("with a card number in the document", card_number),
];

const INVALID: &[ErrorCode] = &[ErrorCode::InvalidRequest];
const CARD_DATA: &[ErrorCode] = &[ErrorCode::CardDataNotAccepted];
const KEY_REQUIRED: &[ErrorCode] = &[ErrorCode::IdempotencyKeyRequired];

/// Names for what merchants must not send, and what would stand there. The short one is found by its name alone.
const CARDS: [(&str, &str); 4] = [
    ("cardNumber", "4242424242424242"),
    ("card_number", "4242 4242 4242 4242"),
    ("pan", "5555555555554444"),
    ("cvv", "123"),
];

const DEFINITION: &str = "$input: ChargePaymentInput!";

/// The charge without a twist, which is executed, and declined.
pub(super) fn sound() -> String {
    request(&document(&root_field("transactionId userErrors { code }")), &variables())
}

/// Each number has its own charge.
pub(super) fn charge(n: u64) -> Refused {
    let mut rng = StdRng::seed_from_u64(n);
    let &(twist, write) = TWISTS.choose(&mut rng).unwrap();
    let Twisted { body, refusal } = write(&mut rng);
    let key = (refusal.codes != KEY_REQUIRED).then(|| format!("twisted-{n}"));
    Refused { twist, key, body, refusal }
}

/// Refused by the edge, which does not parse the document.
fn at_the_edge(body: String, codes: &'static [ErrorCode], param: Option<&str>) -> Twisted {
    Twisted { body, refusal: Refusal { status: 400, codes, param: param.map(str::to_owned) } }
}

/// Refused by the control plane, in `errors`.
fn behind_the_edge(body: String, codes: &'static [ErrorCode], param: Option<&str>) -> Twisted {
    Twisted { body, refusal: Refusal { status: 200, codes, param: param.map(str::to_owned) } }
}

fn variables() -> String {
    let input = Syntax::Json.input(&Syntax::Json.object(&metadata()));
    Syntax::Json.object(&fields([("input", Syntax::Json.object(&input))]))
}

fn root_field(selection: &str) -> String {
    format!("chargePayment(input: $input) {{ {selection} }}")
}

fn document(root_fields: &str) -> String {
    format!("mutation({DEFINITION}) {{ {root_fields} }}")
}

fn members(document: &str, variables: &str) -> Fields {
    fields([("query", quoted(document)), ("variables", variables.to_owned())])
}

fn request(document: &str, variables: &str) -> String {
    Syntax::Json.object(&members(document, variables))
}

/// In the metadata, the input, a variable that is not used, or the variables themselves.
fn variables_twice(rng: &mut StdRng) -> Twisted {
    let lists = rng.random_range(1..=20);
    let mut twice = Twice::new(Syntax::Json, 4, rng);
    let (input, unused) = (twice.input(), twice.object(metadata()));
    let unused = format!("{}{unused}{}", "[".repeat(lists), "]".repeat(lists));
    let variables = twice.object(fields([("input", input), ("unused", unused)]));
    at_the_edge(request(&document(&root_field("transactionId")), &variables), INVALID, Some(&twice.name))
}

fn argument_twice(rng: &mut StdRng) -> Twisted {
    let separator = if rng.random_bool(0.5) { ", " } else { " " };
    let arguments = vec!["input: $input"; rng.random_range(2..=5)].join(separator);
    let document = document(&format!("chargePayment({arguments}) {{ transactionId }}"));
    behind_the_edge(request(&document, &variables()), INVALID, Some("input"))
}

fn input_twice(rng: &mut StdRng) -> Twisted {
    let mut twice = Twice::new(Syntax::Graphql, 2, rng);
    let document = format!("mutation {{ chargePayment(input: {}) {{ transactionId }} }}", twice.input());
    behind_the_edge(request(&document, "{}"), INVALID, Some(&twice.name))
}

fn definition_twice(rng: &mut StdRng) -> Twisted {
    let kind = *["ChargePaymentInput!", "ChargePaymentInput", "ID", "[String!]"].choose(rng).unwrap();
    let mut definitions = [DEFINITION.to_owned(), format!("$input: {kind}")];
    if rng.random_bool(0.5) {
        definitions.reverse();
    }
    let document = format!("mutation({}) {{ {} }}", definitions.join(", "), root_field("transactionId"));
    behind_the_edge(request(&document, &variables()), INVALID, Some("input"))
}

fn request_twice(rng: &mut StdRng) -> Twisted {
    let mut twice = Twice::new(Syntax::Json, 1, rng);
    let body = twice.object(members(&document(&root_field("transactionId")), &variables()));
    at_the_edge(body, INVALID, Some(&twice.name))
}

fn two_root_fields(rng: &mut StdRng) -> Twisted {
    let one = root_field("transactionId");
    let both = match rng.random_range(0..5) {
        0 => format!("{one} {one}"),
        1 => format!("{one} __typename"),
        2 => format!("{one} ... on Mutation {{ b: {one} }}"),
        3 => format!("... @include(if: true) {{ a: {one} b: {one} }}"),
        _ => format!("a: {one} b: {one}"),
    };
    behind_the_edge(request(&document(&both), &variables()), INVALID, Some("query"))
}

fn two_operations(rng: &mut StdRng) -> Twisted {
    let named = |name: &str| format!("mutation {name}({DEFINITION}) {{ {} }}", root_field("transactionId"));
    let other = if rng.random_bool(0.5) { named("B") } else { "query B { __typename }".to_owned() };
    let mut members = members(&format!("{} {other}", named("A")), &variables());
    members.push(("operationName".to_owned(), quoted("A")));
    behind_the_edge(Syntax::Json.object(&members), INVALID, Some("query"))
}

fn batch(rng: &mut StdRng) -> Twisted {
    let charges = vec![sound(); rng.random_range(1..=20)];
    at_the_edge(format!("[{}]", charges.join(",")), INVALID, None)
}

fn keyless(_: &mut StdRng) -> Twisted {
    behind_the_edge(sound(), KEY_REQUIRED, Some("Idempotency-Key"))
}

/// Aliases of the root field, of a field, or of one that costs more than a query may. The schema's limits name no
/// field.
fn alias_bomb(rng: &mut StdRng) -> Twisted {
    let aliases = |count: u32, field: &str| {
        let all: Vec<_> = (0..count).map(|n| format!("a{n}: {field}")).collect();
        all.join(" ")
    };
    let (root_fields, param) = match rng.random_range(0..3) {
        0 => (aliases(rng.random_range(100..=700), &root_field("transactionId")), Some("query")),
        1 => (root_field(&aliases(rng.random_range(700..=2_000), "__typename")), Some("query")),
        _ => {
            // As many aliases as a document may have, or a few less.
            let events = "payment { events(first: 100) { nodes { id version } } }";
            (root_field(&aliases(rng.random_range(17..=20), events)), None)
        }
    };
    behind_the_edge(request(&document(&root_fields), &variables()), INVALID, param)
}

/// Deeper than the schema allows, whose limits name no field, or than any document may be.
fn deep(rng: &mut StdRng) -> Twisted {
    let (cycles, param): (usize, _) = if rng.random_bool(0.5) {
        (rng.random_range(6..=9), None)
    } else {
        (rng.random_range(11..=1_000), Some("query"))
    };
    let selection = format!("{}id{}", "payment { refunds { nodes { ".repeat(cycles), " } } }".repeat(cycles));
    behind_the_edge(request(&document(&root_field(&selection)), &variables()), INVALID, param)
}

/// As a field of the input, or as one of the metadata.
fn card_number(rng: &mut StdRng) -> Twisted {
    let &(name, number) = CARDS.choose(rng).unwrap();
    let is_field = rng.random_bool(0.5);
    let metadata =
        if is_field { metadata() } else { fields([("key", quoted(name)), ("value", quoted(number))]) };
    let mut input = Syntax::Graphql.input(&Syntax::Graphql.object(&metadata));
    if is_field {
        input.push((name.to_owned(), quoted(number)));
    }
    let input = Syntax::Graphql.object(&input);
    let document = format!("mutation {{ chargePayment(input: {input}) {{ transactionId }} }}");
    at_the_edge(request(&document, "{}"), CARD_DATA, None)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use edge_core::card;
    use edge_core::graphql::check_names;
    use edge_core::request::{GraphqlDocument, GraphqlRequest};

    use super::*;

    /// What refuses the body without a parser of documents: status, code and field.
    fn refused(body: &str) -> Option<(u16, ErrorCode, Option<String>)> {
        if let Some(found) = card::find_in_json(body.as_bytes()) {
            return Some((400, found.code(), found.param));
        }
        let (status, invalid) = match GraphqlRequest::parse(body.as_bytes()) {
            Err(invalid) => (400, invalid),
            Ok(GraphqlRequest { document: GraphqlDocument::Text(text), .. }) => {
                (200, check_names(&text).err()?)
            }
            Ok(_) => panic!("no document: {body}"),
        };
        Some((status, ErrorCode::InvalidRequest, invalid.param))
    }

    #[test]
    fn without_a_twist_nothing_of_the_charge_is_refused() {
        assert_eq!(refused(&sound()), None);
    }

    #[test]
    fn each_twist_is_one_that_is_refused_where_it_says() {
        let mut seen = BTreeSet::new();
        for n in 0..1_000 {
            let Refused { twist, body, refusal, .. } = charge(n);
            seen.insert(twist);
            assert!(body.len() < 64 << 10, "{twist}: {} bytes", body.len());
            let Some((status, code, param)) = refused(&body) else {
                // By what a parser finds, or for its key.
                let field = refusal.param.as_deref();
                let is_found = matches!(field, None | Some("query" | "Idempotency-Key"));
                assert!(refusal.status == 200 && is_found, "{twist}: {body}");
                continue;
            };
            assert!(status == refusal.status && refusal.codes.contains(&code), "{twist}: {body}");
            assert!(refusal.param.is_none() || refusal.param == param, "{twist}: {param:?} {body}");
        }
        assert_eq!(seen.len(), TWISTS.len(), "{seen:?}");
    }

    #[test]
    fn a_charge_has_a_key_unless_that_is_its_twist() {
        for n in 0..200 {
            let Refused { twist, key, .. } = charge(n);
            assert_eq!(key.is_none(), twist == "without a key", "{twist}");
        }
    }
}
