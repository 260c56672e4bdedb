//! The secrets of a stack, generated once per run directory, so that a restarted gateway keeps its keys.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::{Environment, RunDir, run_dir::write_private};

fn random_hex<const BYTES: usize>() -> String {
    hex::encode(rand::random::<[u8; BYTES]>())
}

/// The generated secrets by setting: those of the last start, and new ones for the missing ones.
pub(crate) fn keep(run_dir: &RunDir) -> Result<Environment> {
    let path = run_dir.path().join("secrets");
    let mut kept: Environment = fs::read_to_string(&path)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (name, secret) in generate() {
        kept.entry(name.to_owned()).or_insert(secret);
    }
    write_private(&path, &lines(&kept))?;
    Ok(kept)
}

fn generate() -> [(&'static str, String); 8] {
    [
        // 32 bytes, the strength of the HMAC-SHA256 that it keys.
        ("EDGE_ATTESTATION_KEYS", format!("k1:{}", random_hex::<32>())),
        // What it seals cannot be read without it, so it goes with the database in the same folder.
        ("ENCRYPTION_KEYS", format!("k1:{}", random_hex::<32>())),
        ("STRIPE_SECRET_KEY", format!("sk_test_{}", random_hex::<24>())),
        ("PAYPAL_CLIENT_ID", format!("client-{}", random_hex::<16>())),
        ("PAYPAL_CLIENT_SECRET", random_hex::<24>()),
        ("STRIPE_WEBHOOK_SECRETS", format!("whsec_{}", random_hex::<24>())),
        // Not secret, but part of what PayPal signs: another webhook's events must not pass as ours.
        ("PAYPAL_WEBHOOK_ID", random_hex::<9>().to_uppercase()),
        // The log's name and the seed of its Ed25519 key.
        ("AUDIT_SIGNING_KEY", format!("localhost/audit:{}", random_hex::<32>())),
    ]
}

/// `KEY=value` lines.
pub(crate) fn lines(environment: &BTreeMap<String, String>) -> String {
    environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

/// A self-signed certificate for this machine's own names.
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
}

impl Certificate {
    pub(crate) fn keep(run_dir: &RunDir) -> Result<Self> {
        let tls = run_dir.path().join("tls");
        let files =
            Self { certificate: tls.join("certificate.pem"), private_key: tls.join("private-key.pem") };
        if !(files.certificate.is_file() && files.private_key.is_file()) {
            let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
            let made = rcgen::generate_simple_self_signed(names).context("no certificate could be made")?;
            write_private(&files.private_key, &made.signing_key.serialize_pem())?;
            write_private(&files.certificate, &made.cert.pem())?;
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_keeps_the_secrets_of_the_first_and_another_folder_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunDir::open(&folder.path().join("first")).unwrap();
        let other = RunDir::open(&folder.path().join("other")).unwrap();
        let secrets = keep(&first).unwrap();
        assert_eq!(keep(&first).unwrap(), secrets);
        for (name, secret) in keep(&other).unwrap() {
            assert_ne!(secrets.get(&name), Some(&secret), "{name}");
        }
    }

    #[test]
    fn a_secret_added_by_hand_survives_and_a_missing_one_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::open(folder.path()).unwrap();
        fs::write(folder.path().join("secrets"), "STRIPE_SECRET_KEY=sk_test_mine\n").unwrap();
        let secrets = keep(&run_dir).unwrap();
        assert_eq!(secrets["STRIPE_SECRET_KEY"], "sk_test_mine");
        assert_eq!(secrets["EDGE_ATTESTATION_KEYS"].len(), "k1:".len() + 64);
    }
}
