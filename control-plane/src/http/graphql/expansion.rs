//! How large a document is with its fragments in the places where they are used. Validation and execution walk it in
//! that form, and a fragment that contains another one twice doubles it.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};

/// What a document, or a part of it, has with each fragment counted in every place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    /// Fields and fragments.
    pub(super) selections: usize,
    /// Fields under another name than their own.
    pub(super) aliases: usize,
}

/// The size of all operations, expanded. Everything is `usize::MAX` if a fragment contains itself. The work is
/// proportional to the text: the size of each fragment is found once.
pub(super) fn expanded(document: &ExecutableDocument) -> Expanded {
    let mut fragments = Fragments { document, sizes: HashMap::new() };
    let operations = document.operations.iter();
    let sizes = operations.map(|(_, operation)| fragments.size_of(&operation.node.selection_set.node));
    sizes.fold(Expanded::default(), Expanded::and)
}

impl Expanded {
    const ENDLESS: Self = Self { selections: usize::MAX, aliases: usize::MAX };

    const fn and(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            aliases: self.aliases.saturating_add(other.aliases),
        }
    }
}

struct Fragments<'d> {
    document: &'d ExecutableDocument,
    sizes: HashMap<&'d str, Expanded>,
}

impl<'d> Fragments<'d> {
    fn size_of(&mut self, selections: &'d SelectionSet) -> Expanded {
        let sizes = selections.items.iter().map(|selection| {
            let (inside, aliases) = match &selection.node {
                Selection::Field(field) => {
                    (self.size_of(&field.node.selection_set.node), usize::from(is_renamed(&field.node)))
                }
                Selection::InlineFragment(inline) => (self.size_of(&inline.node.selection_set.node), 0),
                Selection::FragmentSpread(spread) => {
                    (self.size_of_fragment(&spread.node.fragment_name.node), 0)
                }
            };
            inside.and(Expanded { selections: 1, aliases })
        });
        sizes.fold(Expanded::default(), Expanded::and)
    }

    fn size_of_fragment(&mut self, name: &'d str) -> Expanded {
        if let Some(size) = self.sizes.get(name) {
            return *size;
        }
        // Validation refuses a fragment that is not there.
        let Some(fragment) = self.document.fragments.get(name) else { return Expanded::default() };
        // What is found while its size is not known yet contains itself.
        self.sizes.insert(name, Expanded::ENDLESS);
        let size = self.size_of(&fragment.node.selection_set.node);
        self.sizes.insert(name, size);
        size
    }
}

/// Fields with a selection that come again in their object under their own name: each is executed by itself. The document is
/// walked with each fragment in every place, so its size must have been found to be bounded.
pub(super) fn repeats(document: &ExecutableDocument) -> usize {
    let operations = document.operations.iter();
    let all = operations
        .map(|(_, operation)| repeated(document, &operation.node.selection_set.node, &mut HashSet::new()));
    all.sum()
}

/// `seen`: the names of the object's fields so far.
fn repeated<'d>(
    document: &'d ExecutableDocument,
    selections: &'d SelectionSet,
    seen: &mut HashSet<&'d str>,
) -> usize {
    let mut count = 0;
    for selection in &selections.items {
        count += match &selection.node {
            Selection::Field(field) => {
                let (field, inside) = (&field.node, &field.node.selection_set.node);
                let is_again = !inside.items.is_empty()
                    && !seen.insert(field.response_key().node.as_str())
                    // Counted as an alias.
                    && !is_renamed(field);
                usize::from(is_again) + repeated(document, inside, &mut HashSet::new())
            }
            Selection::InlineFragment(inline) => repeated(document, &inline.node.selection_set.node, seen),
            Selection::FragmentSpread(spread) => document
                .fragments
                .get(&spread.node.fragment_name.node)
                .map_or(0, |fragment| repeated(document, &fragment.node.selection_set.node, seen)),
        };
    }
    count
}

fn is_renamed(field: &Field) -> bool {
    field.alias.as_ref().is_some_and(|alias| alias.node != field.name.node)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn size(text: &str) -> usize {
        expanded(&parse_query(text).unwrap()).selections
    }

    fn aliases(text: &str) -> usize {
        expanded(&parse_query(text).unwrap()).aliases
    }

    #[test]
    fn fields_under_another_name_count_wherever_they_are() {
        assert_eq!(aliases("{ a b: b c { d } }"), 0);
        assert_eq!(aliases("{ a: b c { d: e ... { f: g } } }"), 3);
        assert_eq!(aliases("{ a: b { ...f } c: b { ...f } } fragment f on B { d: e }"), 4);
        assert_eq!(aliases("query A { a: b } query B { a: b }"), 2);
    }

    #[test]
    fn objects_that_are_asked_for_again_under_their_name_count() {
        let again = |text: &str| repeats(&parse_query(text).unwrap());
        assert_eq!(again("{ a a b { c } d { c } }"), 0, "a value is no read");
        assert_eq!(again("{ a { b } a { b } a { b } }"), 2);
        assert_eq!(again("{ a: b { c } a: b { c } }"), 0, "aliases");
        assert_eq!(again("{ a { b { c } b { c } } ... { a { b { c } } } }"), 2);
        assert_eq!(again("{ ...f ...f ...f } fragment f on Query { a { b } }"), 2);
        assert_eq!(again("query A { a { b } } query B { a { b } }"), 0);
    }

    #[test]
    fn each_use_of_a_fragment_counts() {
        assert_eq!(size("{ a b { c } }"), 3);
        assert_eq!(size("{ ...f ...f } fragment f on Query { a ... { b } }"), 8);
        assert_eq!(size("query A { a } query B { ...f } fragment f on Query { b }"), 3);
        assert_eq!(size("{ ...missing }"), 1);
    }

    #[test]
    fn fragments_that_double_each_other_are_counted_without_being_walked() {
        let doubling: String =
            (0..60).map(|n| format!("fragment F{n} on Query {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
        assert!(size(&format!("{{ ...F0 }} {doubling} fragment F60 on Query {{ a }}")) > 1 << 60);
        assert_eq!(size("{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }"), usize::MAX);
    }
}
