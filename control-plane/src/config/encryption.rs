//! The keys that stored values are sealed with.

use std::sync::Arc;

use payments_stores::Encryption;
use sealing::{KeyRing, Several, Wrapping};

use super::{ConfigError, Source, keep};
use crate::key_services::{InvalidVault, VaultTransit};

/// Reads every setting and reports everything that is wrong at once.
pub(super) fn encryption(source: &Source) -> Result<Encryption, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let ring = source.read_with("ENCRYPTION_KEYS", |list| {
        let ring = KeyRing::parse(list).map_err(|problem| problem.to_string())?;
        Ok(Arc::new(ring) as Arc<dyn Wrapping>)
    });
    let ring = keep(&mut errors, ring);
    let services = keep(&mut errors, services(source));
    let rejects_plain = source.read_with("ENCRYPTION_PLAIN", |text| match text {
        "accept" => Ok(false),
        "reject" => Ok(true),
        _ => Err("must be `accept` or `reject`".to_owned()),
    });
    let rejects_plain = keep(&mut errors, rejects_plain);
    let (Some(ring), Some(services), Some(rejects_plain)) = (ring, services, rejects_plain) else {
        return Err(errors);
    };
    let mut all = services.into_iter().chain(ring);
    let wrapping: Option<Arc<dyn Wrapping>> = all.next().map(|first| {
        let others: Vec<_> = all.collect();
        if others.is_empty() { first } else { Arc::new(Several::new(first, others)) as Arc<dyn Wrapping> }
    });
    let rejects_plain = rejects_plain.unwrap_or(false);
    if rejects_plain && wrapping.is_none() {
        let problem = "can be `reject` only with ENCRYPTION_KEYS or KMS_KEY";
        return Err(vec![source.invalid("ENCRYPTION_PLAIN", problem)]);
    }
    Ok(Encryption { wrapping, rejects_plain })
}

/// The keys in key management services, of which the first one wraps.
fn services(source: &Source) -> Result<Vec<Arc<dyn Wrapping>>, ConfigError> {
    let Some(keys) = source.get("KMS_KEY") else { return Ok(Vec::new()) };
    keys.split(',').map(|key| service(source, key.trim())).collect()
}

fn service(source: &Source, key: &str) -> Result<Arc<dyn Wrapping>, ConfigError> {
    if key.starts_with(VaultTransit::SCHEME) {
        return vault(source, key);
    }
    #[cfg(feature = "aws-kms")]
    if key.starts_with(crate::key_services::AwsKms::SCHEME) {
        let aws = crate::key_services::AwsKms::new(key);
        let aws = aws.map_err(|problem| source.invalid("KMS_KEY", problem.to_string()))?;
        return Ok(Arc::new(aws));
    }
    let other = if cfg!(feature = "aws-kms") {
        "or `awskms:arn:aws:kms:…`"
    } else {
        "(`awskms:…` needs a build with the feature `aws-kms`)"
    };
    Err(source.invalid("KMS_KEY", format!("must be `vault:MOUNT/KEY` {other}")))
}

fn vault(source: &Source, key: &str) -> Result<Arc<dyn Wrapping>, ConfigError> {
    const ADDRESS: &str = "VAULT_ADDR";
    const AUTHORITIES: &str = "VAULT_CA";
    let missing = |key, expected| ConfigError::Missing { key, expected };
    let address = source.get(ADDRESS).ok_or(missing(ADDRESS, "Vault's address, for KMS_KEY"))?;
    let token = source.get("VAULT_TOKEN");
    let token = token.ok_or(missing("VAULT_TOKEN", "a token that may use the key of KMS_KEY"))?;
    let authorities = source
        .read_with(AUTHORITIES, |path| std::fs::read(path).map_err(|error| format!("{path}: {error}")))?;
    match VaultTransit::new(key, address, token.to_owned().into(), authorities.as_deref()) {
        Ok(vault) => Ok(Arc::new(vault)),
        Err(problem @ InvalidVault::Address) => Err(source.invalid(ADDRESS, problem.to_string())),
        Err(problem @ InvalidVault::Authorities) => Err(source.invalid(AUTHORITIES, problem.to_string())),
        Err(problem) => Err(source.invalid("KMS_KEY", problem.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn read(settings: &[(&str, &str)]) -> Result<Encryption, Vec<String>> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        encryption(&Source::new(settings, None).unwrap())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_are_sealed_if_there_are_keys() {
        assert!(read(&[]).unwrap().wrapping.is_none());
        let sealed = read(&[("ENCRYPTION_KEYS", KEY), ("ENCRYPTION_PLAIN", "reject")]).unwrap();
        assert_eq!(sealed.wrapping.unwrap().first(), "k1");
        assert!(sealed.rejects_plain);
    }

    #[test]
    fn what_is_wrong_is_named_without_the_key() {
        let errors = read(&[("ENCRYPTION_KEYS", "k1:abcd"), ("ENCRYPTION_PLAIN", "yes")]).unwrap_err();
        assert!(errors[0].starts_with("ENCRYPTION_KEYS") && !errors[0].contains("abcd"), "{errors:?}");
        assert!(errors[1].starts_with("ENCRYPTION_PLAIN"), "{errors:?}");
        let errors = read(&[("ENCRYPTION_PLAIN", "reject")]).unwrap_err();
        assert!(errors[0].contains("only with ENCRYPTION_KEYS"), "{errors:?}");
    }

    #[test]
    fn a_key_of_a_service_wraps_before_those_at_hand() {
        let vault = [
            ("KMS_KEY", "vault:transit/payments"),
            ("VAULT_ADDR", "https://vault.internal:8200"),
            ("VAULT_TOKEN", "hidden"),
        ];
        let both: Vec<_> = vault.into_iter().chain([("ENCRYPTION_KEYS", KEY)]).collect();
        let wrapping = read(&both).unwrap().wrapping.unwrap();
        assert_eq!(wrapping.first(), "vault:transit/payments");
        assert!(wrapping.has("k1"));
        let keys = ("KMS_KEY", "vault:transit/new, vault:transit/payments");
        let wrapping = read(&[keys, vault[1], vault[2]]).unwrap().wrapping.unwrap();
        assert_eq!(wrapping.first(), "vault:transit/new");
        assert!(wrapping.has("vault:transit/payments") && !wrapping.has("k1"));
        for (n, name) in [(1, "VAULT_ADDR"), (2, "VAULT_TOKEN")] {
            let others: Vec<_> = vault.iter().filter(|one| *one != &vault[n]).copied().collect();
            let errors = read(&others).unwrap_err();
            assert!(errors[0].starts_with(name) && !errors[0].contains("hidden"), "{errors:?}");
        }
        let errors = read(&[("KMS_KEY", "gcpkms:a")]).unwrap_err();
        assert!(errors[0].starts_with("KMS_KEY") && errors[0].contains("vault:MOUNT/KEY"), "{errors:?}");
    }
}
