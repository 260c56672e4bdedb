//! Fields of a GraphQL request that are not members of its JSON: those that its `query` gives values to, and pairs of
//! `key` and `value` in its `variables`.

use std::iter::Peekable;
use std::ops::Range;

use super::json::{Part, Parts, unescaped};
use super::names::{self, Name};
use super::{CardDataFinding, Kind};
use crate::graphql::{Input, Token, inputs};

/// Where in a request the search is.
#[derive(Default)]
pub(super) struct Graphql {
    depth: usize,
    member: Member,
}

/// The request's member that is read.
#[derive(Default)]
enum Member {
    /// Its name.
    Query(Range<usize>),
    Variables,
    #[default]
    Other,
}

impl Graphql {
    /// Takes the next part of the `text`; finds a field by its name in a document, or in the pair that begins.
    pub(super) fn take(
        &mut self,
        part: &Part,
        text: &[u8],
        behind: &Peekable<Parts<'_>>,
    ) -> Option<CardDataFinding> {
        match part {
            Part::Mark(b'{' | b'[') => self.depth += 1,
            Part::Mark(b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            Part::Name(name) if self.depth == 1 => {
                self.member = match &*unescaped(text.get(name.clone())?) {
                    "query" => Member::Query(name.clone()),
                    "variables" => Member::Variables,
                    _ => Member::Other,
                };
            }
            _ => {}
        }
        match (part, &self.member) {
            (Part::Text(document), Member::Query(name)) if self.depth == 1 => {
                in_document(text, name, document)
            }
            (Part::Mark(b'{'), Member::Variables) => in_pair(text, behind.clone()),
            _ => None,
        }
    }
}

fn in_document(text: &[u8], name: &Range<usize>, document: &Range<usize>) -> Option<CardDataFinding> {
    let document_text = unescaped(text.get(document.clone())?);
    let kind = inputs(&document_text).find_map(|input| kind_of(&input))?;
    Some(CardDataFinding { kind, name: Some(name.clone()), is_telling: true, value: Some(document.clone()) })
}

/// A variable's value is elsewhere, and is taken to be what its name says; where a variable is declared, there is none.
fn kind_of(input: &Input<'_>) -> Option<Kind> {
    let value = input.value?;
    let judged = names::judge(&unescaped(input.name.as_bytes()));
    let is_refused = match value {
        Token::Word(value) | Token::Text(value) => judged.refuses(Some(value.as_bytes())),
        Token::Mark('$') => matches!(judged, Name::Card | Name::WalletPayload),
        Token::Mark(_) => judged.refuses(None),
    };
    is_refused.then(|| kind(judged))
}

const fn kind(judged: Name) -> Kind {
    if matches!(judged, Name::WalletPayload) { Kind::WalletPayload } else { Kind::Named }
}

/// An object of `key` and `value` is a field with that name.
fn in_pair(text: &[u8], mut behind: Peekable<Parts<'_>>) -> Option<CardDataFinding> {
    let first = member(text, &mut behind)?;
    behind.next_if_eq(&Part::Mark(b','))?;
    let second = member(text, &mut behind)?;
    behind.next_if_eq(&Part::Mark(b'}'))?;
    let (((true, key), (false, value)) | ((false, value), (true, key))) = (first, second) else {
        return None;
    };
    let judged = names::judge(&unescaped(text.get(key.clone())?));
    let is_refused = judged.refuses(text.get(value.clone()).map(<[u8]>::trim_ascii));
    is_refused.then(|| CardDataFinding {
        kind: kind(judged),
        name: Some(key),
        is_telling: true,
        value: Some(value),
    })
}

/// Whether the next member is `key`, not `value`, and its value, a string or a number.
fn member(text: &[u8], parts: &mut Peekable<Parts<'_>>) -> Option<(bool, Range<usize>)> {
    let Some(Part::Name(name)) = parts.next() else { return None };
    let is_key = match &*unescaped(text.get(name)?) {
        "key" => true,
        "value" => false,
        _ => return None,
    };
    match parts.next()? {
        Part::Text(value) | Part::Loose(value) => Some((is_key, value)),
        Part::Name(_) | Part::Mark(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::card::find_in_json;
    use crate::error::ErrorCode;
    use crate::test;

    fn param(text: &str) -> Option<String> {
        let found = find_in_json(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(found.code(), ErrorCode::CardDataNotAccepted, "{text}");
        found.param
    }

    #[test]
    fn a_field_that_a_document_gives_a_value_to_is_found_by_its_name() {
        for text in [
            r#"{"query":"mutation { pay(input: { cvv: \"123\" }) { id } }"}"#,
            r#"{"query":"mutation { pay(cardNumber: $n) { id } }"}"#,
            r#"{"query":"mutation {\n pay(m: [{ value: \"123\", key: \"c\\u0076v\" }]) { id } }"}"#,
            r#"{"query":"mutation { pay(m: { key: \"pin_code\", value: \"1234\" }) { id } }"}"#,
            r#"{"query":"query($cvv: String = \"123\") { a }"}"#,
            r#"{"operationName":"a","query":"{ a(track: [1]) }"}"#,
        ] {
            assert_eq!(param(text).as_deref(), Some("query"), "{text}");
        }
        assert_eq!(
            param(r#"{"qu\u0065ry":"{ a(cvv: 1) }"}"#),
            None,
            "found, but under a name that is not shown"
        );
    }

    #[test]
    fn a_card_number_beside_a_wallets_names_is_told_as_card_data() {
        let text = r#"{"query":"{ a(ephemeralPublicKey: \"x\", b: \"4242 4242 4242 4242\") }"}"#;
        assert_eq!(param(text).as_deref(), Some("query"));
    }

    #[test]
    fn a_pair_of_the_variables_is_found_by_its_key() {
        let pair = |pair: &str| format!(r#"{{"query":"a","variables":{{"i":{{"metadata":[{pair}]}}}}}}"#);
        for text in [
            pair(r#"{"key":"cvv","value":"123"}"#),
            pair(r#"{"value":123,"key":"c\u0076v"}"#),
            pair(r#"{"key":"pin_code","value":"1234"}"#),
        ] {
            assert_eq!(param(&text).as_deref(), Some("variables.i.metadata[0].key"), "{text}");
        }
        for text in [
            pair(r#"{"key":"order","value":"123"}"#),
            pair(r#"{"key":"pin_code","value":"560001"}"#),
            pair(r#"{"key":"cvv_result","value":"M"}"#),
        ] {
            assert_eq!(find_in_json(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn other_names_of_a_document_are_no_fields_with_values() {
        for text in [
            r#"{"query":"query($cvv: String) { cvv: id track: payment(id: 1) { pin } }"}"#,
            r#"{"query":"{ a(note: \"cvv: 1\") } # (cvv: 1)"}"#,
            r#"{"query":"mutation { pay(m: { key: \"pin_code\", value: \"560001\" }) { id } }"}"#,
            r#"{"query":"mutation($p: String!) { pay(m: { key: \"pin_code\", value: $p }) { id } }"}"#,
            r#"{"metadata":{"query":"{ a(cvv: 1) }","key":"cvv","value":"123"}}"#,
        ] {
            assert_eq!(find_in_json(text.as_bytes()), None, "{text}");
        }
    }
}
