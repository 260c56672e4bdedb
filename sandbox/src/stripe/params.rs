//! Parses parameters strictly: each is read once with its type, and unread ones are unknown.

use super::{
    errors::{Result, StripeError},
    form::{Form, Node},
};
use crate::redact::shown;

/// Metadata as Stripe limits it: up to 50 keys of 40 characters, values of 500.
pub(crate) type Metadata = Vec<(String, String)>;

/// The unread parameters of a request or of one of its hashes.
#[derive(Debug)]
pub(crate) struct Params {
    fields: Vec<(String, Node)>,
    /// The hash that contains these parameters, e.g. `automatic_payment_methods`.
    within: Option<String>,
}

impl From<Form> for Params {
    fn from(form: Form) -> Self {
        Self { fields: form.fields, within: None }
    }
}

impl Params {
    fn full_name(&self, name: &str) -> String {
        self.within.as_ref().map_or_else(|| name.to_owned(), |hash| format!("{hash}[{name}]"))
    }

    fn take(&mut self, name: &str) -> Option<Node> {
        let index = self.fields.iter().position(|(field, _)| field == name)?;
        Some(self.fields.swap_remove(index).1)
    }

    pub(crate) fn peek(&self, name: &str) -> Option<&Node> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, node)| node)
    }

    /// A non-empty text.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>> {
        self.text_up_to(5000, name)
    }

    /// A text of 1 to `limit` characters.
    pub(crate) fn text_up_to(&mut self, limit: usize, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Node::Text(text)) if text.is_empty() => StripeError::invalid(format!(
                "You passed an empty string for '{name}'. We assume empty values are an attempt to unset a \
                 parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or \
                 supply a non-empty value."
            ))
            .code("parameter_invalid_empty")
            .param(self.full_name(name))
            .refuse(),
            Some(Node::Text(text)) if text.chars().count() > limit => {
                StripeError::invalid(format!("Invalid {name}: must be at most {limit} characters"))
                    .code("parameter_invalid_string_blank")
                    .param(self.full_name(name))
                    .refuse()
            }
            Some(Node::Text(text)) => Ok(Some(text)),
            Some(_) => StripeError::invalid("Invalid string").param(self.full_name(name)).refuse(),
        }
    }

    pub(crate) fn integer(&mut self, name: &str) -> Result<Option<i64>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let well_formed = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if well_formed => Ok(Some(number)),
            _ => StripeError::invalid(format!("Invalid integer: {}", shown(&text)))
                .code("parameter_invalid_integer")
                .param(self.full_name(name))
                .refuse(),
        }
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        self.choice(name, &[("true", true), ("false", false)])
    }

    pub(crate) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match choices.iter().find(|(choice, _)| *choice == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let known: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
                StripeError::invalid(format!("Invalid {name}: must be one of {}", known.join(", ")))
                    .param(self.full_name(name))
                    .refuse()
            }
        }
    }

    pub(crate) fn hash(&mut self, name: &str) -> Result<Option<Params>> {
        match self.take(name) {
            None => Ok(None),
            Some(Node::Hash(fields)) => Ok(Some(Self { fields, within: Some(self.full_name(name)) })),
            Some(_) => StripeError::invalid("Invalid hash").param(self.full_name(name)).refuse(),
        }
    }

    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        let Some(node) = self.take(name) else { return Ok(Vec::new()) };
        let texts = node.into_items().and_then(|items| {
            items
                .into_iter()
                .map(|item| if let Node::Text(text) = item { Some(text) } else { None })
                .collect()
        });
        texts.ok_or_else(|| Box::new(StripeError::invalid("Invalid array").param(self.full_name(name))))
    }

    pub(crate) fn metadata(&mut self) -> Result<Metadata> {
        let invalid =
            |message: &str, param: String| Err(Box::new(StripeError::invalid(message).param(param)));
        let Some(hash) = self.hash("metadata")? else { return Ok(Vec::new()) };
        if hash.fields.len() > 50 {
            return invalid("Metadata can have at most 50 keys.", "metadata".to_owned());
        }
        let mut metadata = Vec::with_capacity(hash.fields.len());
        for (name, node) in hash.fields {
            let param = format!("metadata[{name}]");
            let Node::Text(value) = node else {
                return invalid("Metadata values must be strings.", param);
            };
            if name.chars().count() > 40 || value.chars().count() > 500 {
                return invalid("Metadata keys can be up to 40 characters long, values up to 500.", param);
            }
            metadata.push((name, value));
        }
        Ok(metadata)
    }

    /// Documented parameters that have no effect in a sandbox.
    pub(crate) fn ignore(&mut self, names: &[&str]) {
        self.fields.retain(|(field, _)| !names.contains(&field.as_str()));
    }

    /// Documented parameters that the sandbox does not support and must not silently accept.
    pub(crate) fn unsupported(&self, names: &[&str]) -> Result<()> {
        match names.iter().find(|name| self.fields.iter().any(|(field, _)| field == *name)) {
            Some(name) => StripeError::invalid(format!("The sandbox does not support the parameter {name}."))
                .param(*name)
                .refuse(),
            None => Ok(()),
        }
    }

    /// Rejects unread parameters.
    pub(crate) fn finish(self) -> Result<()> {
        match self.fields.first() {
            Some((name, _)) => {
                let name = self.full_name(&shown(name));
                StripeError::invalid(format!("Received unknown parameter: {name}"))
                    .code("parameter_unknown")
                    .param(name)
                    .refuse()
            }
            None => Ok(()),
        }
    }
}

/// Merges new metadata; an empty value removes its key.
pub(crate) fn merge(metadata: &mut Metadata, later: &Metadata) {
    for (name, value) in later {
        metadata.retain(|(existing, _)| existing != name);
        if !value.is_empty() {
            metadata.push((name.clone(), value.clone()));
        }
    }
}

/// Turns a missing required parameter into Stripe's error.
pub(crate) fn required<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| {
        Box::new(
            StripeError::invalid(format!("Missing required param: {name}."))
                .code("parameter_missing")
                .param(name),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(body: &str) -> Params {
        Form::parse(body.as_bytes()).unwrap().into()
    }

    #[test]
    fn only_plain_digits_are_an_integer() {
        assert_eq!(params("amount=4999").integer("amount").unwrap(), Some(4999));
        assert_eq!(params("amount=-5").integer("amount").unwrap(), Some(-5));
        for bad in ["1e2", "1.0", "+1", " 1", "0x1", "18446744073709551616", "abc", "-", "%2B5"] {
            let error = params(&format!("amount={bad}")).integer("amount").unwrap_err();
            assert_eq!(error.view()["code"], "parameter_invalid_integer", "{bad}");
            assert_eq!(error.view()["param"], "amount");
        }
    }

    #[test]
    fn unread_parameters_are_unknown() {
        let mut read =
            params("amount=1&automatic_payment_methods[enabled]=true&automatic_payment_methods[color]=red");
        read.integer("amount").unwrap();
        let mut hash = read.hash("automatic_payment_methods").unwrap().unwrap();
        assert_eq!(hash.flag("enabled").unwrap(), Some(true));
        let error = hash.finish().unwrap_err();
        assert_eq!(error.view()["code"], "parameter_unknown");
        assert_eq!(error.view()["param"], "automatic_payment_methods[color]");
        read.finish().unwrap();
    }

    #[test]
    fn metadata_keeps_to_the_limits() {
        assert_eq!(params("metadata[a]=b").metadata().unwrap(), [("a".to_owned(), "b".to_owned())]);
        assert!(params(&format!("metadata[a]={}", "x".repeat(501))).metadata().is_err());
        assert!(params(&format!("metadata[{}]=x", "a".repeat(41))).metadata().is_err());
        assert!(params("metadata[a][b]=x").metadata().is_err());
        assert!(params("metadata=x").metadata().is_err());
    }
}
