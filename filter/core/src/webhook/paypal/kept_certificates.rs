//! Certificates as they are kept outside of a worker's memory, which ends when its VM dies.
//!
//! Others may write there too, so what is read is nothing but certificates to look at.

use serde::{Deserialize, Serialize};

use super::{CertificateUrl, Environment};

/// Those of the two names around a change, of both of PayPal's hosts, and as many again.
const KEPT_MAX: usize = 8;
/// A certificate with the whole chain to its root has some eight kilobytes.
const PEM_BYTES_MAX: usize = 16 * 1024;
/// With the names and what JSON adds for line ends.
const BYTES_MAX: usize = KEPT_MAX * (PEM_BYTES_MAX + 2048);

/// The certificates that were fetched last and found good, at most eight of 16 KiB.
#[derive(Debug, Default)]
pub struct KeptCertificates(Vec<Kept>);

#[derive(Debug, Deserialize, Serialize)]
struct Kept {
    url: String,
    pem: String,
    fetched_at_s: u64,
}

impl KeptCertificates {
    /// What cannot be read holds none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let kept =
            if bytes.len() > BYTES_MAX { None } else { serde_json::from_slice::<Vec<Kept>>(bytes).ok() };
        let mut kept = kept.unwrap_or_default();
        kept.truncate(KEPT_MAX);
        Self(kept)
    }

    /// Adds one, in the place of an older one of the same name, or else of the oldest.
    #[must_use]
    pub fn with(mut self, url: &CertificateUrl, pem: &[u8], fetched_at_s: u64) -> Self {
        let Ok(pem) = std::str::from_utf8(pem) else { return self };
        if pem.len() > PEM_BYTES_MAX {
            return self;
        }
        let url = url.to_string();
        self.0.retain(|kept| kept.url != url);
        // The newest first, as `read` cuts the end off.
        self.0.insert(0, Kept { url, pem: pem.to_owned(), fetched_at_s });
        self.0.sort_by_key(|kept| std::cmp::Reverse(kept.fetched_at_s));
        self.0.truncate(KEPT_MAX);
        self
    }

    /// As [`Self::read`] takes it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers can be written.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    /// Those of this environment: where each is from, what came, and when.
    pub fn certificates(
        &self,
        environment: &Environment,
    ) -> impl Iterator<Item = (CertificateUrl, &[u8], u64)> {
        self.0.iter().filter_map(move |kept| {
            let url = CertificateUrl::parse(&kept.url, environment).ok()?;
            Some((url, kept.pem.as_bytes(), kept.fetched_at_s))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const LIVE: &str = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-";

    fn url(n: u32) -> CertificateUrl {
        CertificateUrl::parse(&format!("{LIVE}{n:08x}"), &Environment::live()).unwrap()
    }

    fn names(kept: &KeptCertificates, environment: &Environment) -> Vec<(String, u64)> {
        let all = kept.certificates(environment);
        all.map(|(url, _, at_s)| (url.to_string().trim_start_matches(LIVE).to_owned(), at_s)).collect()
    }

    #[test]
    fn what_is_kept_is_read_again_and_only_in_its_own_environment() {
        let pem = "-----BEGIN CERTIFICATE-----\r\nMAA=\r\n-----END CERTIFICATE-----\r\n";
        let kept = KeptCertificates::default().with(&url(1), pem.as_bytes(), 7);
        let read = KeptCertificates::read(&kept.to_bytes());
        let all: Vec<_> = read.certificates(&Environment::live()).collect();
        assert_eq!(all, [(url(1), pem.as_bytes(), 7)]);
        assert_eq!(names(&read, &Environment::sandbox()), []);
    }

    #[test]
    fn the_newest_eight_are_kept_and_one_of_each_name() {
        let mut kept = KeptCertificates::default();
        for n in 0..20 {
            kept = kept.with(&url(n), b"pem", n.into());
        }
        kept = kept.with(&url(12), b"newer", 99);
        let wanted = [(12, 99), (19, 19), (18, 18), (17, 17), (16, 16), (15, 15), (14, 14), (13, 13)];
        let wanted = wanted.map(|(n, at_s): (u32, u64)| (format!("{n:08x}"), at_s));
        assert_eq!(names(&kept, &Environment::live()), wanted);
        let read = KeptCertificates::read(&kept.to_bytes());
        assert_eq!(names(&read, &Environment::live()), wanted);
    }

    #[test]
    fn what_is_strange_or_too_large_is_not_kept_and_not_read() {
        let large = vec![b'x'; PEM_BYTES_MAX + 1];
        for pem in [large.as_slice(), b"\xff"] {
            assert!(KeptCertificates::default().with(&url(1), pem, 1).0.is_empty());
        }
        let long = format!("[{}]", " ".repeat(BYTES_MAX));
        for bytes in ["", "nonsense", "{}", r#"[{"url":1}]"#, long.as_str()] {
            assert!(KeptCertificates::read(bytes.as_bytes()).0.is_empty());
        }
        let many = r#"{"url":"x","pem":"","fetched_at_s":1},"#.repeat(20);
        let many = format!("[{}]", many.trim_end_matches(','));
        assert_eq!(KeptCertificates::read(many.as_bytes()).0.len(), KEPT_MAX);
    }
}
