//! Checks of a document that need no schema. They bound the work of everything that reads it afterwards.

use async_graphql::Positioned;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection};
use edge_core::error::ErrorCode;

use super::expansion::expanded;
use crate::http::error::ApiError;

/// Tokens of a document. The largest reasonable queries have some hundreds.
pub(super) const TOKENS_MAX: usize = 2_000;
/// Nesting of brackets, so that no parser's stack is exhausted.
pub(super) const NESTING_MAX: usize = 32;
/// Fields and fragments, each fragment counted wherever it is used: as many as a document without fragments may have.
pub(super) const EXPANDED_MAX: usize = TOKENS_MAX;

/// Reads a document within its limits.
pub(super) fn read(text: &str) -> Result<ExecutableDocument, ApiError> {
    let Size { tokens, nesting } = Size::of(text);
    if tokens > TOKENS_MAX {
        return Err(invalid(format!("the document has {tokens} tokens; at most {TOKENS_MAX} are read")));
    }
    if nesting > NESTING_MAX {
        return Err(invalid(format!(
            "the document is nested {nesting} deep; at most {NESTING_MAX} are read"
        )));
    }
    let document = parse_query(text).map_err(|error| invalid(error.to_string()))?;
    if expanded(&document) > EXPANDED_MAX {
        return Err(invalid(format!(
            "the document has more than {EXPANDED_MAX} fields and fragments, counting each fragment wherever it is used, or \
             a fragment that contains itself"
        )));
    }
    Ok(document)
}

/// What the request executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    /// The document's only operation, with one root field.
    Mutation,
}

/// Decides what the request executes, and refuses what a key does not fit: a key is for one effect.
pub(super) fn kind(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    has_key: bool,
) -> Result<Kind, ApiError> {
    let chosen = chosen(document, operation_name).ok_or_else(|| {
        invalid("`operationName` must name one of the document's operations".to_owned())
            .about("operationName")
    })?;
    match (chosen.node.ty, has_key) {
        (OperationType::Query, false) => Ok(Kind::Query),
        (OperationType::Query, true) => {
            Err(invalid("a query takes no `Idempotency-Key`; send it without one".to_owned())
                .about("Idempotency-Key"))
        }
        (OperationType::Mutation, false) => {
            let message = "a mutation needs an `Idempotency-Key`; nothing was executed";
            Err(ApiError::new(ErrorCode::IdempotencyKeyRequired, message).about("Idempotency-Key"))
        }
        (OperationType::Mutation, true) => {
            if has_one_root_field(&chosen.node) && document.operations.iter().count() == 1 {
                return Ok(Kind::Mutation);
            }
            let message = "under an `Idempotency-Key`, a document has one mutation with one root field; nothing was executed";
            Err(invalid(message.to_owned()))
        }
        (OperationType::Subscription, _) => {
            Err(invalid("subscriptions are opened by a WebSocket at `/graphql/socket`".to_owned()))
        }
    }
}

/// Whether the operation has one root field, which is written out and not in a fragment.
pub(super) fn has_one_root_field(operation: &OperationDefinition) -> bool {
    let fields = operation.selection_set.node.items.as_slice();
    matches!(fields, [only] if matches!(only.node, Selection::Field(_)))
}

/// The operation with the name, or without one the only operation (section 6.1).
fn chosen<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Option<&'d Positioned<OperationDefinition>> {
    let mut all = document.operations.iter();
    match name {
        Some(name) => all.find(|(its_name, _)| its_name.is_some_and(|its_name| its_name == name)),
        None => all.next().filter(|_| all.next().is_none()),
    }
    .map(|(_, operation)| operation)
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message).about("query")
}

/// The size of a document, found without building anything.
#[derive(Debug, Default, PartialEq, Eq)]
struct Size {
    tokens: usize,
    nesting: usize,
}

impl Size {
    /// Counts at least the tokens of the specification (section 2.1.6).
    fn of(text: &str) -> Self {
        let (mut size, mut depth, mut rest) = (Self::default(), 0_usize, text);
        while let Some(first) = rest.chars().next() {
            let behind = rest.get(first.len_utf8()..).unwrap_or_default();
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            rest = match first {
                ' ' | '\t' | '\n' | '\r' | ',' | '\u{feff}' => {
                    rest = behind;
                    continue;
                }
                '#' => {
                    rest = behind.trim_start_matches(|c| c != '\n' && c != '\r');
                    continue;
                }
                '"' => after_string(rest),
                '(' | '[' | '{' => {
                    depth += 1;
                    size.nesting = size.nesting.max(depth);
                    behind
                }
                ')' | ']' | '}' => {
                    depth = depth.saturating_sub(1);
                    behind
                }
                c if is_word(c) => behind.trim_start_matches(is_word),
                _ => behind,
            };
            size.tokens += 1;
        }
        size
    }
}

/// What stands behind the string with which the text begins.
fn after_string(text: &str) -> &str {
    const BLOCK: &str = "\"\"\"";
    if let Some(mut rest) = text.strip_prefix(BLOCK) {
        while let Some((inside, behind)) = rest.split_once(BLOCK) {
            if !inside.ends_with('\\') {
                return behind;
            }
            rest = behind;
        }
        return "";
    }
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = !is_escaped && matches!(c, '"' | '\n' | '\r');
        is_escaped = !is_escaped && *c == '\\';
        ends
    });
    end.and_then(|(at, _)| text.get(at + 1..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str, operation: Option<&str>, has_key: bool) -> ErrorCode {
        kind(&read(text).unwrap(), operation, has_key).unwrap_err().0.error.code
    }

    #[test]
    fn tokens_are_counted_and_strings_and_comments_are_one_or_none() {
        let size = |text| (Size::of(text).tokens, Size::of(text).nesting);
        assert_eq!(size("{ a(b: 1) }"), (8, 2));
        assert_eq!(size("# { { {\n{ a }"), (3, 1));
        assert_eq!(size(r#"{ a(b: "{{{ \" {{") }"#), (8, 2));
        assert_eq!(size("{ a(b: \"\"\"{{ \\\"\"\" {{\"\"\") }"), (8, 2));
        assert_eq!(size("\"never closed"), (1, 0));
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_refused_before_it_is_parsed() {
        let aliases: String = (0..1_000).map(|n| format!("a{n}: __typename ")).collect();
        assert!(read(&format!("{{ {aliases} }}")).unwrap_err().0.error.message.contains("tokens"));
        let deep = format!("{{ a(b: {}{}) }}", "[".repeat(100), "]".repeat(100));
        assert!(read(&deep).unwrap_err().0.error.message.contains("nested 102 deep"));
        assert!(read(&format!("{}{}", "{a".repeat(900), "}".repeat(900))).is_err());
        let doubling: String =
            (0..30).map(|n| format!("fragment F{n} on Query {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
        let bomb = format!("{{ ...F0 }} {doubling} fragment F30 on Query {{ __typename }}");
        assert!(read(&bomb).unwrap_err().0.error.message.contains("fields and fragments"));
        assert!(read("{ ...f } fragment f on Query { ...f }").is_err());
    }

    #[test]
    fn a_key_is_for_one_mutation_with_one_root_field() {
        let one = "mutation { capturePayment(id: 1) { status } }";
        assert_eq!(kind(&read(one).unwrap(), None, true).unwrap(), Kind::Mutation);
        assert_eq!(refused(one, None, false), ErrorCode::IdempotencyKeyRequired);
        for text in [
            "mutation { a b }",
            "mutation { a: charge b: charge }",
            "mutation { ...f } fragment f on Mutation { a b }",
            "mutation { ... { a } }",
            "query { a }",
            "subscription { a }",
        ] {
            assert_eq!(refused(text, None, true), ErrorCode::InvalidRequest, "{text}");
        }
        assert_eq!(refused("mutation A { a } mutation B { b }", Some("A"), true), ErrorCode::InvalidRequest);
        assert_eq!(refused("mutation A { a } query B { b }", Some("A"), true), ErrorCode::InvalidRequest);
    }

    #[test]
    fn a_query_among_several_operations_is_chosen_by_its_name() {
        let text = "query A { a } query B { b }";
        assert_eq!(kind(&read(text).unwrap(), Some("B"), false).unwrap(), Kind::Query);
        assert_eq!(refused(text, None, false), ErrorCode::InvalidRequest);
        assert_eq!(refused(text, Some("C"), false), ErrorCode::InvalidRequest);
        assert_eq!(refused("{ a }", Some("A"), false), ErrorCode::InvalidRequest);
    }

    #[test]
    fn a_documents_only_operation_is_chosen_without_its_name() {
        let chosen = |text| kind(&read(text).unwrap(), None, true).unwrap();
        assert_eq!(chosen("mutation Charge { chargePayment { id } }"), Kind::Mutation);
        assert_eq!(chosen("mutation { chargePayment { id } }"), Kind::Mutation);
        assert_eq!(kind(&read("query A { a }").unwrap(), None, false).unwrap(), Kind::Query);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_checks(text in ".{0,400}") {
            let _ = read(&text).map(|document| kind(&document, None, true));
        }

        #[test]
        fn no_text_of_graphql_s_own_characters_breaks_the_checks(text in r#"[{}()\[\]"\\a1 #\n:$!.@|=&-]{0,400}"#) {
            let _ = read(&text).map(|document| kind(&document, None, false));
        }
    }
}
