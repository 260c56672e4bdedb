//! How the audit trail is sealed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit_proof::{InvalidKey, SigningKey};

use super::outgoing::outgoing;
use super::plaintext::{Plaintext, Wire};
use super::providers::http_url;
use super::{AuditSettings, ConfigError, Source, WitnessSettings, keep};
use crate::this_machine::is_this_machine;

const SIGNING_KEY: &str = "AUDIT_SIGNING_KEY";
const WITNESS: &str = "AUDIT_WITNESS_URL";
/// Each checkpoint takes about 400 bytes in the database and 200 in the anchor file: at most 5 MB a day.
const EVERY_DEFAULT: Duration = Duration::from_secs(10);

impl AuditSettings {
    /// Reads the settings. `None`: this process does not seal.
    pub(super) fn read(source: &Source) -> Result<Option<Self>, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let key = keep(&mut errors, signing_key(source));
        let every = keep(&mut errors, source.read_with("AUDIT_SEAL_SECONDS", every));
        let witness = keep(&mut errors, witness(source));
        match (key, every, witness) {
            (Some(key), Some(every), Some(witness)) => Ok(key.map(|key| Self {
                key: Arc::new(key),
                anchor_file: anchor_file(source),
                witness,
                every: every.unwrap_or(EVERY_DEFAULT),
            })),
            _ => Err(errors),
        }
    }
}

fn witness(source: &Source) -> Result<Option<WitnessSettings>, ConfigError> {
    let base = source.read_with(WITNESS, |text| http_url(text).map_err(str::to_owned))?;
    let Some(base) = base else { return Ok(None) };
    if base.scheme() != "https" && !base.host_str().is_some_and(is_this_machine) {
        Plaintext::read(source)?.check(source, Wire::Witness, WITNESS, "use https://")?;
    }
    Ok(Some(WitnessSettings { base, outgoing: outgoing(source)? }))
}

/// The key that signs checkpoints.
///
/// # Errors
/// The setting is not a key.
pub fn signing_key(source: &Source) -> Result<Option<SigningKey>, ConfigError> {
    source.read_with(SIGNING_KEY, |text| text.parse().map_err(|wrong: InvalidKey| wrong.to_string()))
}

#[must_use]
pub fn anchor_file(source: &Source) -> Option<PathBuf> {
    source.get("AUDIT_ANCHOR_FILE").map(PathBuf::from)
}

fn every(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=3_600) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a whole number of seconds, 1 to 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Option<AuditSettings>, String> {
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let source = Source::new(settings, None).unwrap();
        AuditSettings::read(&source).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nothing_is_sealed_without_a_key() {
        assert!(read(&[]).unwrap().is_none());
        let key = format!("shop.example/audit:{}", "01".repeat(32));
        let settings = read(&[(SIGNING_KEY, &key), ("AUDIT_ANCHOR_FILE", "/var/anchors")]).unwrap().unwrap();
        assert_eq!((settings.key.name(), settings.every.as_secs()), ("shop.example/audit", 10));
        assert_eq!(settings.anchor_file, Some(PathBuf::from("/var/anchors")));
    }

    #[test]
    fn a_wrong_key_is_refused_and_not_repeated() {
        for wrong in
            ["01".repeat(32), format!("a b:{}", "01".repeat(32)), "shop.example:0101hidden".to_owned()]
        {
            let error = read(&[(SIGNING_KEY, &wrong)]).unwrap_err();
            assert!(error.starts_with(SIGNING_KEY) && !error.contains("0101"), "{error}");
        }
        assert!(read(&[("AUDIT_SEAL_SECONDS", "0")]).unwrap_err().contains("1 to 3600"));
        assert!(read(&[(WITNESS, "witness")]).unwrap_err().starts_with(WITNESS));
    }

    #[test]
    fn a_witness_is_asked_in_clear_text_only_where_that_is_allowed() {
        let key = format!("shop.example/audit:{}", "01".repeat(32));
        let production = [(SIGNING_KEY, key.as_str()), ("GATEWAY_PROFILE", "production")];
        let with = |more: &[(&str, &str)]| read(&[&production[..], more].concat());
        let plain = (WITNESS, "http://witness.example/log");
        let error = with(&[plain]).unwrap_err();
        assert!(error.starts_with(WITNESS) && error.ends_with("by ALLOW_PLAINTEXT=witness"), "{error}");
        assert!(with(&[plain, ("ALLOW_PLAINTEXT", "witness")]).is_ok());
        for fine in ["https://witness.example/log", "http://127.0.0.1:1/log"] {
            assert!(with(&[(WITNESS, fine)]).is_ok(), "{fine}");
        }
        assert!(read(&[production[0], plain]).is_ok());
    }
}
