//! Stripe's request bodies: `application/x-www-form-urlencoded` with brackets for nesting.

use url::form_urlencoded;

use super::errors::{Result, StripeError};
use crate::redact::shown;

/// No documented parameter nests deeper.
const DEPTH_MAX: usize = 6;
const FIELDS_MAX: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Text(String),
    /// From `a[b]=…`; lists with indices (`a[0]=…`) are parsed as this, too.
    Hash(Vec<(String, Node)>),
    /// From `a[]=…`.
    List(Vec<Node>),
}

/// The parameters of one request, in the order sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) fields: Vec<(String, Node)>,
}

impl Form {
    /// Parses a body or a query string. Rejects a repeated parameter, an unclosed bracket, and a name that is used both
    /// as a value and as a hash.
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self> {
        let mut form = Self::default();
        for (count, (name, value)) in form_urlencoded::parse(encoded).enumerate() {
            if count == FIELDS_MAX {
                return StripeError::invalid("Too many parameters.").refuse();
            }
            let path = split(&name).ok_or_else(|| malformed(&name))?;
            insert(&mut form.fields, &path, value.into_owned()).ok_or_else(|| malformed(&name))?;
        }
        Ok(form)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(field, node)| match node {
            Node::Text(text) if field == name => Some(text.as_str()),
            _ => None,
        })
    }
}

fn malformed(name: &str) -> Box<StripeError> {
    let name = shown(name);
    Box::new(StripeError::invalid(format!("Invalid or repeated parameter: {name}")).param(name))
}

/// `a[b][]` becomes `["a", "b", ""]`.
fn split(name: &str) -> Option<Vec<&str>> {
    let (head, mut rest) = match name.find('[') {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    let mut path = vec![head];
    while !rest.is_empty() {
        let (part, tail) = rest.strip_prefix('[')?.split_once(']')?;
        path.push(part);
        rest = tail;
    }
    let well_formed =
        !head.is_empty() && path.len() <= DEPTH_MAX && path.iter().all(|part| !part.contains('['));
    well_formed.then_some(path)
}

/// `None` if the name is already used.
fn insert(fields: &mut Vec<(String, Node)>, path: &[&str], value: String) -> Option<()> {
    let (name, rest) = path.split_first()?;
    let node = match fields.iter().position(|(field, _)| field == name) {
        Some(index) => &mut fields.get_mut(index)?.1,
        None => {
            fields.push(((*name).to_owned(), Node::new(rest, value)?));
            return Some(());
        }
    };
    match (node, rest) {
        (Node::List(items), [""]) => items.push(Node::Text(value)),
        (Node::Hash(inner), [first, ..]) if !first.is_empty() => insert(inner, rest, value)?,
        _ => return None,
    }
    Some(())
}

impl Node {
    fn new(path: &[&str], value: String) -> Option<Self> {
        match path {
            [] => Some(Self::Text(value)),
            [""] => Some(Self::List(vec![Self::Text(value)])),
            // `a[][b]`: no documented parameter needs it.
            ["", ..] => None,
            [first, rest @ ..] => Some(Self::Hash(vec![((*first).to_owned(), Self::new(rest, value)?)])),
        }
    }

    /// The items of a list, in either notation.
    pub(crate) fn into_items(self) -> Option<Vec<Node>> {
        match self {
            Self::List(items) => Some(items),
            Self::Hash(fields) => fields
                .into_iter()
                .enumerate()
                .map(|(index, (name, node))| (name == index.to_string()).then_some(node))
                .collect(),
            Self::Text(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &str) -> Node {
        Node::Text(value.to_owned())
    }

    #[test]
    fn brackets_nest_and_list_items_accumulate() {
        let form = Form::parse(b"a=1&m[x]=2&m[y][z]=3&l[]=4&l[]=5&e[0]=6&e[1]=7&s=a%20b%5B").unwrap();
        let expected = vec![
            ("a".to_owned(), text("1")),
            (
                "m".to_owned(),
                Node::Hash(vec![
                    ("x".to_owned(), text("2")),
                    ("y".to_owned(), Node::Hash(vec![("z".to_owned(), text("3"))])),
                ]),
            ),
            ("l".to_owned(), Node::List(vec![text("4"), text("5")])),
            ("e".to_owned(), Node::Hash(vec![("0".to_owned(), text("6")), ("1".to_owned(), text("7"))])),
            ("s".to_owned(), text("a b[")),
        ];
        assert_eq!(form.fields, expected);
    }

    #[test]
    fn indexed_and_bare_lists_are_the_same_list() {
        for body in [b"e[]=6&e[]=7".as_slice(), b"e[0]=6&e[1]=7"] {
            let (_, node) = Form::parse(body).unwrap().fields.remove(0);
            assert_eq!(node.into_items(), Some(vec![text("6"), text("7")]));
        }
    }

    #[test]
    fn malformed_names_are_rejected() {
        for body in
            ["a=1&a=2", "a[b=1", "[x]=2", "a=1&a[b]=2", "a[][b]=1", "a[b][b][b][b][b][b]=1", "a[b]c=1"]
        {
            let parsed = Form::parse(body.as_bytes());
            assert!(parsed.is_err(), "{body}: {parsed:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_rejected_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(&bytes);
        }

        #[test]
        fn an_encoded_form_parses_back_unchanged(
            pairs in proptest::collection::btree_map("[a-z_]{1,8}", ".{0,20}", 0..10)
        ) {
            let mut encoded = form_urlencoded::Serializer::new(String::new());
            encoded.extend_pairs(&pairs);
            let form = Form::parse(encoded.finish().as_bytes()).unwrap();
            let expected: Vec<_> = pairs.into_iter().map(|(name, value)| (name, Node::Text(value))).collect();
            prop_assert_eq!(form.fields, expected);
        }
    }
}
