//! How large a document is with its fragments in the places where they are used. Validation and execution walk it in
//! that form, and a fragment that contains another one twice doubles it.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// The fields and fragments of all operations, each fragment counted in every place. `usize::MAX` if a fragment contains
/// itself. The work is proportional to the text: the size of each fragment is found once.
pub(super) fn expanded(document: &ExecutableDocument) -> usize {
    let mut fragments = Fragments { document, sizes: HashMap::new() };
    let operations = document.operations.iter();
    let sizes = operations.map(|(_, operation)| fragments.size_of(&operation.node.selection_set.node));
    sizes.fold(0, usize::saturating_add)
}

struct Fragments<'d> {
    document: &'d ExecutableDocument,
    sizes: HashMap<&'d str, usize>,
}

impl<'d> Fragments<'d> {
    fn size_of(&mut self, selections: &'d SelectionSet) -> usize {
        let sizes = selections.items.iter().map(|selection| {
            let inside = match &selection.node {
                Selection::Field(field) => self.size_of(&field.node.selection_set.node),
                Selection::InlineFragment(inline) => self.size_of(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => self.size_of_fragment(&spread.node.fragment_name.node),
            };
            inside.saturating_add(1)
        });
        sizes.fold(0, usize::saturating_add)
    }

    fn size_of_fragment(&mut self, name: &'d str) -> usize {
        if let Some(size) = self.sizes.get(name) {
            return *size;
        }
        // Validation refuses a fragment that is not there.
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        // What is found while its size is not known yet contains itself.
        self.sizes.insert(name, usize::MAX);
        let size = self.size_of(&fragment.node.selection_set.node);
        self.sizes.insert(name, size);
        size
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn size(text: &str) -> usize {
        expanded(&parse_query(text).unwrap())
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
