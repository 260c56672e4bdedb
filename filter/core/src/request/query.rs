//! Queries read strictly: each parameter known, and given once.

use std::collections::BTreeSet;

use super::InvalidRequest;
use super::object::Field;

/// Reads what follows the `?`, percent-encoded (WHATWG URL, `application/x-www-form-urlencoded`): each of
/// `fields` at most once. `set` takes a value, or says what is wrong with it.
pub(super) fn read(
    query: &str,
    fields: &[Field],
    mut set: impl FnMut(&Field, &str) -> Result<(), InvalidRequest>,
) -> Result<(), InvalidRequest> {
    let mut seen = BTreeSet::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let field = fields.iter().find(|field| field.name == name).ok_or_else(|| unknown(&name, fields))?;
        if !seen.insert(field.name) {
            return Err(InvalidRequest::named(field.name, "is given twice; give each parameter once"));
        }
        set(field, &value)?;
    }
    Ok(())
}

fn unknown(name: &str, fields: &[Field]) -> InvalidRequest {
    let names: Vec<_> = fields.iter().map(|field| field.name).collect();
    InvalidRequest::named(name, &format!("is not a parameter here; there are {}", names.join(", ")))
}

/// An integer from 1 to `max`. Digits only: `str::parse` alone would take `+5`.
pub(super) fn limit(value: &str, max: u32) -> Option<u32> {
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|n| digits && (1..=max).contains(n))
}

pub(super) fn owned_if(fits: bool, value: &str) -> Option<String> {
    fits.then(|| value.to_owned())
}
