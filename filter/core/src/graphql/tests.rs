//! Names that a GraphQL document gives twice, and names found with their values.

use super::*;
use crate::test;

fn repeated(document: &str) -> Option<String> {
    check_names(document).err().and_then(|refused| refused.param)
}

#[test]
fn a_name_given_twice_is_refused_by_its_name() {
    for (document, name) in [
        ("mutation { pay(input: { amount: 1, amount: 4999 }) { id } }", "amount"),
        ("mutation { pay(input: $a input: $b) { id } }", "input"),
        ("query($a: Int, $b: [Int!]! = [1], $a: Int) { c }", "a"),
        ("query($a: In = { b: 1, c: { b: 2 }, b: 3 }) { c }", "b"),
        (r#"{ a(m: [{ key: "a", key: "b", value: "1" }]) }"#, "key"),
        ("{ a @include(if: true, if: false) }", "if"),
        ("{ a(b: \"\"\"{ \\\"\"\" } )\"\"\" # )\n b: 1) }", "b"),
    ] {
        assert_eq!(repeated(document).as_deref(), Some(name), "{document}");
    }
}

#[test]
fn aliases_and_names_of_several_objects_are_no_repeats() {
    for document in [
        "{ a: payment(id: 1) { id } a: payment(id: 1) { b: id b: id } }",
        "query($a: In = { a: 1 }, $b: In = { a: 1 }) { a(a: $a, b: { a: { a: 1 } }) }",
        "{ a(l: [{ b: 1 }, { b: 2 }]) @d(a: 1) @e(a: 1) { a(l: 1) } }",
        r#"{ a(b: "c: 1, c: 2", d: """e: 1 e: 2""") # f: 1 f: 1
        }"#,
        "",
        "}})(:::",
    ] {
        assert_eq!(check_names(document), Ok(()), "{document}");
    }
}

#[test]
fn names_are_found_with_their_values() {
    let document = r#"query($a: Int, $b: In = { c: "d" }) { e: f(g: $a, h: [{ key: "i", value: "j" }]) }"#;
    let found: Vec<_> = inputs(document).map(|input| (input.name, input.value)).collect();
    let wanted = [
        ("a", None),
        ("b", None),
        ("b", Some(Token::Mark('{'))),
        ("c", Some(Token::Text("d"))),
        ("g", Some(Token::Mark('$'))),
        ("h", Some(Token::Mark('['))),
        ("key", Some(Token::Text("i"))),
        ("value", Some(Token::Text("j"))),
        ("i", Some(Token::Text("j"))),
    ];
    assert_eq!(found, wanted);
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{check_names, repeated};

    /// An input value in which no object gives a name twice.
    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("$a".to_owned()),
            Just("A".to_owned()),
            (-9..9_i32).prop_map(|number| number.to_string()),
            r"[a-c:{}() ,#]{0,6}".prop_map(|text| format!("\"{text}\"")),
            r"[a-c:{}() ,#\n]{0,6}".prop_map(|text| format!("\"\"\"{text}\"\"\"")),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|all| format!("[{}]", all.join(" "))),
                prop::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|all| format!("{{{}}}", fields(&all))),
            ]
        })
    }

    fn fields(all: &BTreeMap<String, String>) -> String {
        all.iter().map(|(name, value)| format!("{name}: {value}, ")).collect()
    }

    proptest! {
        #[test]
        fn a_document_without_repeats_is_never_refused(
            arguments in prop::collection::vec(prop::collection::btree_map("[a-c]", value(), 1..3), 1..4),
        ) {
            let selections: String =
                arguments.iter().map(|all| format!("a: b({}) {{ a: c a: c }} ", fields(all))).collect();
            prop_assert_eq!(check_names(&format!("query($a: In, $b: In) {{ {selections} }}")), Ok(()));
        }

        #[test]
        fn a_repeat_beside_any_values_is_refused(one in value(), other in value(), last in value()) {
            let document = format!("{{ a(i: {{ d: {one}, e: {other}, d: {last} }}) }}");
            let repeated = repeated(&document);
            prop_assert_eq!(repeated.as_deref(), Some("d"));
        }

        #[test]
        fn no_text_breaks_the_reading(text in r#"[{}()\[\]"\\a1 #\n:$=é]{0,200}"#) {
            let _ = check_names(&text);
        }
    }
}
