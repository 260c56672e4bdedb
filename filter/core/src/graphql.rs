//! What the text of a GraphQL document shows without a parser (specification of October 2021): its tokens, and the
//! names that it gives values: arguments, fields of input objects and variables.

mod tokens;

use std::collections::BTreeSet;
use std::iter::Peekable;

pub use tokens::{Token, Tokens};

use crate::request::InvalidRequest;

/// Nesting of brackets, so that no parser's stack is exhausted. A document with more is not executed, and not read
/// further.
pub const NESTING_MAX: usize = 32;

/// A name with a value.
pub(crate) struct Input<'a> {
    /// As it is spelled: in a pair of `key` and `value`, a string's escapes are not resolved.
    pub(crate) name: &'a str,
    /// The first token of the value. `None` where a variable is declared.
    pub(crate) value: Option<Token<'a>>,
    /// The same arguments, input object or variables have the name already.
    is_repeated: bool,
}

/// Refuses a document that gives a name twice (sections 5.4.2, 5.6.3 and 5.8.1): a parser keeps one of the values.
///
/// # Errors
/// Names the argument, the field or the variable.
pub fn check_names(document: &str) -> Result<(), InvalidRequest> {
    match inputs(document).find(|input| input.is_repeated) {
        Some(Input { name, .. }) => Err(InvalidRequest::named(name, "is given twice; give each name once")),
        None => Ok(()),
    }
}

/// The names with values, in order; after an object of `key` and `value`, the pair as well.
pub(crate) fn inputs(document: &str) -> impl Iterator<Item = Input<'_>> {
    let mut reader =
        TokenReader { tokens: Tokens::new(document).peekable(), open: Vec::new(), before: [None; 2] };
    std::iter::from_fn(move || {
        loop {
            let token = reader.tokens.next().filter(|_| reader.open.len() <= NESTING_MAX)?;
            let input = reader.take(token);
            let [_, last] = reader.before;
            reader.before = [last, Some(token)];
            if input.is_some() {
                return input;
            }
        }
    })
}

struct TokenReader<'a> {
    tokens: Peekable<Tokens<'a>>,
    /// The brackets that are open. `None`: a selection set, whose aliases may repeat.
    open: Vec<Option<Names<'a>>>,
    /// The last two tokens.
    before: [Option<Token<'a>>; 2],
}

/// The names of one list of arguments or variables, or of one input object.
#[derive(Default)]
struct Names<'a> {
    all: BTreeSet<&'a str>,
    key: Option<&'a str>,
    value: Option<Token<'a>>,
    /// The variable that was declared last.
    variable: Option<&'a str>,
}

impl<'a> TokenReader<'a> {
    fn take(&mut self, token: Token<'a>) -> Option<Input<'a>> {
        match token {
            Token::Mark('(') => self.open.push(Some(Names::default())),
            Token::Mark('{' | '[') => {
                let is_input = self.open.last().is_some_and(Option::is_some);
                self.open.push(is_input.then(Names::default));
            }
            Token::Mark(')' | ']' | '}') => return self.open.pop().flatten().as_ref().and_then(pair),
            Token::Mark(':') => return self.name(),
            Token::Mark('=') => {
                let name = self.open.last()?.as_ref()?.variable?;
                return Some(Input { name, value: self.tokens.peek().copied(), is_repeated: false });
            }
            _ => {}
        }
        None
    }

    fn name(&mut self) -> Option<Input<'a>> {
        let [mark, Some(Token::Word(name))] = self.before else { return None };
        let names = self.open.last_mut()?.as_mut()?;
        let value = self.tokens.peek().copied();
        match (name, value) {
            ("key", Some(Token::Text(key))) => names.key = Some(key),
            ("value", value) => names.value = value,
            _ => {}
        }
        let is_variable = mark == Some(Token::Mark('$'));
        if is_variable {
            names.variable = Some(name);
        }
        let is_repeated = !names.all.insert(name);
        Some(Input { name, value: value.filter(|_| !is_variable), is_repeated })
    }
}

/// A pair of metadata.
fn pair<'a>(names: &Names<'a>) -> Option<Input<'a>> {
    let (name, value) = (names.key?, names.value?);
    (names.all.len() == 2).then_some(Input { name, value: Some(value), is_repeated: false })
}

#[cfg(test)]
mod tests;
