//! The files by which Apple sees that a domain belongs to the merchant of a wallet. Envoy answers with them itself:
//! without a key, without the filter and without a redirect, which Apple does not follow.

use std::collections::HashSet;
use std::fs;

use edge_core::request::is_domain;
use serde_json::{Value, json};

use crate::config::{ConfigError, Source};

pub(super) const KEY: &str = "WALLET_ASSOCIATION_FILES";
/// Where Apple looks (developer.apple.com, "Setting up your server").
pub(crate) const PATH: &str = "/.well-known/apple-developer-merchantid-domain-association";
/// More than any provider's file, of which each has about 9 KiB.
pub(crate) const BYTES_MAX: usize = 16 * 1024;
/// Each becomes a route that every request is held against.
const DOMAINS_MAX: usize = 100;

/// The routes, one for each domain.
pub(super) fn read(source: &Source) -> Result<Value, ConfigError> {
    let routes = source.read_with(KEY, |list| {
        let entries: Vec<_> = list.split(',').map(str::trim).collect();
        if entries.len() > DOMAINS_MAX {
            return Err(format!("has more than {DOMAINS_MAX} entries"));
        }
        let mut domains = HashSet::new();
        let routes = (1..).zip(entries).map(|(n, entry)| {
            let (domain, file) = parts(entry).map_err(|problem| format!("entry {n} {problem}"))?;
            if !domains.insert(domain) {
                return Err(format!("entry {n} gives {domain} a second file"));
            }
            Ok(route(domain, file))
        });
        routes.collect()
    })?;
    Ok(Value::Array(routes.unwrap_or_default()))
}

/// The files that Envoy has to find.
pub(super) fn files(source: &Source) -> impl Iterator<Item = &str> {
    let entries = source.get(KEY).into_iter().flat_map(|list| list.split(','));
    entries.filter_map(|entry| Some(entry.trim().split_once('=')?.1))
}

/// Those of them that are here and cannot be a provider's. Envoy would give them to Apple all the same.
pub(super) fn warnings(source: &Source) -> impl Iterator<Item = String> {
    files(source).filter_map(|file| {
        let found = fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
        let problem = match usize::try_from(found.len()) {
            Ok(0) => "is empty".to_owned(),
            Ok(1..=BYTES_MAX) => return None,
            _ => format!("has more than {BYTES_MAX} bytes"),
        };
        Some(format!(
            "{KEY}: the file {file} {problem}, so it is not a provider's, and Apple does not believe it"
        ))
    })
}

/// The file of a domain, if it has one.
pub(crate) fn file_of<'a>(source: &'a Source, domain: &str) -> Option<&'a str> {
    let mut entries = source.get(KEY).into_iter().flat_map(|list| list.split(','));
    entries
        .find_map(|entry| entry.trim().split_once('=').filter(|(of, _)| *of == domain).map(|(_, file)| file))
}

/// The domain and its file.
fn parts(entry: &str) -> Result<(&str, &str), String> {
    let (domain, file) = entry.split_once('=').ok_or("is not `domain=path`")?;
    if !is_domain(domain) {
        return Err("needs a domain with a dot, in lower case, e.g. `shop.example`".to_owned());
    }
    if file.is_empty() {
        return Err("names no file".to_owned());
    }
    Ok((domain, file))
}

fn route(domain: &str, file: &str) -> Value {
    let disabled =
        json!({ "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true });
    // In any case, with or without the dot of a full name and a port (RFC 9110, section 4.2.3; RFC 1034, section 3.1).
    let host = format!("(?i)^{}[.]?(:[0-9]+)?$", domain.replace('.', "[.]"));
    json!({
        "name": "apple_association",
        "match": {
            "path": PATH,
            "headers": [
                { "name": ":authority", "string_match": { "safe_regex": { "google_re2": {}, "regex": host } } },
                { "name": ":method", "string_match": { "safe_regex": { "google_re2": {}, "regex": "GET|HEAD" } } },
            ],
        },
        "direct_response": { "status": 200, "body": { "filename": file } },
        "typed_per_filter_config": {
            "authorization_scheme": disabled,
            "envoy.filters.http.api_key_auth": disabled,
            "client_limit": disabled,
            "gateway_limit": disabled,
            "gateway.edge": disabled,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_empty_or_too_large_is_warned_of_and_a_providers_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let warnings = |bytes: usize| {
            let file = folder.path().join("association");
            fs::write(&file, vec![b'7'; bytes]).unwrap();
            // What is not there is warned of with the files of the other settings.
            let list = format!("shop.example={}, b.example=/nowhere/association", file.display());
            super::warnings(&Source::new([(KEY.to_owned(), list)], None).unwrap()).collect::<Vec<_>>()
        };
        for fine in [1, 9_220, BYTES_MAX] {
            assert_eq!(warnings(fine), Vec::<String>::new(), "{fine}");
        }
        for (wrong, words) in [(0, "association is empty"), (BYTES_MAX + 1, "has more than 16384 bytes")] {
            let told = warnings(wrong);
            let [warning] = told.as_slice() else { panic!("{wrong}: {told:?}") };
            assert!(warning.starts_with(KEY) && warning.contains(words), "{warning}");
        }
    }
}
