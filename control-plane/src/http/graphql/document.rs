//! Checks of a document that need no schema. They bound the work of everything that reads it afterwards.

use async_graphql::Positioned;
use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::parser::{self, parse_query};
use edge_core::error::ErrorCode;
pub(super) use edge_core::graphql::NESTING_MAX;
use edge_core::graphql::{Token, Tokens, check_names};

use super::expansion::{Expanded, expanded, repeats};
use crate::http::error::ApiError;

/// Tokens of a document. The largest reasonable queries have some hundreds.
pub(super) const TOKENS_MAX: usize = 2_000;
/// Fields and fragments, each fragment counted wherever it is used: as many as a document without fragments may have.
pub(super) const EXPANDED_MAX: usize = TOKENS_MAX;
/// Fields under another name, and objects that are asked for again under their own, counted in the same way. Each is read by
/// itself, so these multiply the reads of one request. A client that wants more objects asks for a list.
pub(super) const ALIASES_MAX: usize = 20;

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
    let document = parse_query(text).map_err(|error| invalid(fault(&error)))?;
    check_names(text)?;
    let Expanded { selections, aliases } = expanded(&document);
    if selections > EXPANDED_MAX {
        return Err(invalid(format!(
            "the document has more than {EXPANDED_MAX} fields and fragments, counting each fragment wherever it is used, or \
             a fragment that contains itself"
        )));
    }
    let repeats = repeats(&document);
    if aliases.saturating_add(repeats) > ALIASES_MAX {
        return Err(invalid(format!(
            "the document has {aliases} aliases and {repeats} repeated fields, counting each fragment wherever it is used; \
             at most {ALIASES_MAX} of both are executed: ask for a list, or in several requests"
        )));
    }
    Ok(document)
}

/// What a parser's error says, without the line of the document that it quotes.
fn fault(error: &parser::Error) -> String {
    let parser::Error::Syntax { message, start, .. } = error else { return error.to_string() };
    // The last line is `= expected selection`.
    let expected = message.lines().last().and_then(|line| line.trim_start().strip_prefix("= expected "));
    let expected = expected.map(|expected| format!("; expected {expected}")).unwrap_or_default();
    format!("the document has a syntax error at line {}, column {}{expected}", start.line, start.column)
}

/// What the request executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExecutionKind {
    Query,
    /// The document's only operation, with one root field.
    Mutation,
}

/// Decides what the request executes, and refuses what a key does not fit: a key is for one effect.
pub(super) fn kind(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    has_key: bool,
) -> Result<ExecutionKind, ApiError> {
    let chosen = chosen(document, operation_name).ok_or_else(|| {
        invalid("`operationName` must name one of the document's operations".to_owned())
            .about("operationName")
    })?;
    match (chosen.node.ty, has_key) {
        (OperationType::Query, false) => Ok(ExecutionKind::Query),
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
                return Ok(ExecutionKind::Mutation);
            }
            let message = "under an `Idempotency-Key`, a document has one mutation with one root field, which is not \
                `__typename`, without `@skip` and `@include`; nothing was executed";
            Err(invalid(message.to_owned()))
        }
        (OperationType::Subscription, _) => {
            Err(invalid("subscriptions are opened by a WebSocket at `/graphql/socket`".to_owned()))
        }
    }
}

/// Whether the operation has one root field, which is of the schema's own (all others begin with two underscores), written
/// out, not in a fragment, and executed in any case.
pub(super) fn has_one_root_field(operation: &OperationDefinition) -> bool {
    let fields = operation.selection_set.node.items.as_slice();
    matches!(fields, [only] if matches!(&only.node, Selection::Field(field) if is_own_and_unconditional(&field.node)))
}

fn is_own_and_unconditional(field: &Field) -> bool {
    !field.name.node.starts_with("__")
        && field
            .directives
            .iter()
            .all(|directive| !matches!(directive.node.name.node.as_str(), "skip" | "include"))
}

/// The operation with the name, or without one the only operation (section 6.1).
pub(super) fn chosen<'d>(
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

/// Whether the document asks for the schema. Only GraphQL's own fields have names that begin with two underscores.
pub(super) fn introspects(document: &ExecutableDocument) -> bool {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).any(selects_the_schema)
}

fn selects_the_schema(selections: &SelectionSet) -> bool {
    selections.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            matches!(field.node.name.node.as_str(), "__schema" | "__type")
                || selects_the_schema(&field.node.selection_set.node)
        }
        Selection::InlineFragment(inline) => selects_the_schema(&inline.node.selection_set.node),
        // The document's fragments are looked at by themselves.
        Selection::FragmentSpread(_) => false,
    })
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
        let (mut size, mut depth) = (Self::default(), 0_usize);
        for token in Tokens::new(text) {
            match token {
                Token::Mark('(' | '[' | '{') => {
                    depth += 1;
                    size.nesting = size.nesting.max(depth);
                }
                Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            size.tokens += 1;
        }
        size
    }
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
    fn a_document_with_more_aliases_than_it_may_have_is_refused_with_their_number() {
        let payments = |count: usize| -> String {
            let one = |n| format!("a{n}: payment(id: \"txn_1\") {{ id }} ");
            format!("{{ {} }}", (0..count).map(one).collect::<String>())
        };
        assert!(read(&payments(ALIASES_MAX)).is_ok());
        for many in [ALIASES_MAX + 1, 180] {
            let detail = read(&payments(many)).unwrap_err().0.error;
            assert_eq!((detail.code, detail.param.as_deref()), (ErrorCode::InvalidRequest, Some("query")));
            assert!(detail.message.contains(&format!("{many} aliases")), "{}", detail.message);
        }
    }

    #[test]
    fn a_field_that_is_repeated_without_an_alias_counts_like_one() {
        let payments = |count: usize| format!("{{ {} }}", "payment(id: \"txn_1\") { id } ".repeat(count));
        assert!(read(&payments(ALIASES_MAX + 1)).is_ok());
        let detail = read(&payments(200)).unwrap_err().0.error;
        assert_eq!((detail.code, detail.param.as_deref()), (ErrorCode::InvalidRequest, Some("query")));
        assert!(detail.message.contains("0 aliases and 199 repeated fields"), "{}", detail.message);
        let both =
            format!("{{ a: payment(id: 1) {{ id }} {} }}", "payment(id: 1) { id } ".repeat(ALIASES_MAX + 1));
        assert!(read(&both).is_err());
    }

    #[test]
    fn a_syntax_error_is_told_by_its_place_without_the_line() {
        let message = read("{ a }\nmutation { pay(cvv: \"123\" ! ) { id } }").unwrap_err().0.error.message;
        assert!(message.contains("line 2, column ") && message.contains("expected "), "{message}");
        assert!(!message.contains("123") && !message.contains("cvv"), "{message}");
    }

    #[test]
    fn a_name_given_twice_is_refused_although_the_parser_takes_it() {
        let detail = read("mutation { pay(input: { amount: 1, amount: 4999 }) { id } }").unwrap_err().0.error;
        assert_eq!(detail.param.as_deref(), Some("amount"), "{}", detail.message);
        assert!(read("{ a: payment(id: 1) { id } a: payment(id: 1) { id } }").is_ok());
    }

    #[test]
    fn a_question_for_the_schema_is_found_wherever_it_is() {
        let asks = |text| introspects(&read(text).unwrap());
        assert!(asks("{ __schema { types { name } } }"));
        assert!(asks("{ a: __type(name: \"Query\") { name } }"));
        assert!(asks("{ viewer { client } ... { ... on Query { __schema { types { name } } } } }"));
        assert!(asks("{ ...f } fragment f on Query { __schema { types { name } } }"));
        assert!(asks("query A { viewer { client } } query B { __schema { types { name } } }"));
        assert!(!asks("{ __typename __schema: viewer { client __typename } }"), "another field of that name");
    }

    #[test]
    fn a_key_is_for_one_mutation_with_one_root_field() {
        let one = "mutation { capturePayment(id: 1) { status } }";
        assert_eq!(kind(&read(one).unwrap(), None, true).unwrap(), ExecutionKind::Mutation);
        assert_eq!(refused(one, None, false), ErrorCode::IdempotencyKeyRequired);
        for text in [
            "mutation { a b }",
            "mutation { a: charge b: charge }",
            "mutation { ...f } fragment f on Mutation { a b }",
            "mutation { ... { a } }",
            "mutation { a @skip(if: true) }",
            "mutation($if: Boolean!) { a @include(if: $if) { b } }",
            "mutation { __typename }",
            "mutation { a: __typename }",
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
        assert_eq!(kind(&read(text).unwrap(), Some("B"), false).unwrap(), ExecutionKind::Query);
        assert_eq!(refused(text, None, false), ErrorCode::InvalidRequest);
        assert_eq!(refused(text, Some("C"), false), ErrorCode::InvalidRequest);
        assert_eq!(refused("{ a }", Some("A"), false), ErrorCode::InvalidRequest);
    }

    #[test]
    fn a_documents_only_operation_is_chosen_without_its_name() {
        let chosen = |text| kind(&read(text).unwrap(), None, true).unwrap();
        assert_eq!(chosen("mutation Charge { chargePayment { id } }"), ExecutionKind::Mutation);
        assert_eq!(chosen("mutation { chargePayment { id } }"), ExecutionKind::Mutation);
        assert_eq!(kind(&read("query A { a }").unwrap(), None, false).unwrap(), ExecutionKind::Query);
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
