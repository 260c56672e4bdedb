//! Certificates stored outside of a worker's memory, which is lost when its VM dies.
//!
//! Others may write there too, so an entry is only a candidate: its reader verifies it.

use serde::{Deserialize, Serialize};

use super::{CertificateUrl, Environment};

/// Two names around a certificate change, on both of PayPal's hosts, and as many again.
const CERTIFICATES_MAX: usize = 8;
/// A certificate with its whole chain takes about eight kilobytes.
const PEM_BYTES_MAX: usize = 16 * 1024;
/// Includes the URLs and JSON's escapes of line ends.
const BYTES_MAX: usize = CERTIFICATES_MAX * (PEM_BYTES_MAX + 2048);

/// The trusted certificates that were fetched last: at most eight, of at most 16 KiB each.
#[derive(Debug, Default)]
pub struct SharedCertificates(Vec<Entry>);

#[derive(Debug, Deserialize, Serialize)]
struct Entry {
    url: String,
    pem: String,
    fetched_at_s: u64,
}

impl SharedCertificates {
    /// Unreadable bytes give an empty list.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let entries =
            if bytes.len() > BYTES_MAX { None } else { serde_json::from_slice::<Vec<Entry>>(bytes).ok() };
        let mut entries = entries.unwrap_or_default();
        entries.truncate(CERTIFICATES_MAX);
        Self(entries)
    }

    /// Adds a certificate. It replaces the one of the same URL; past the maximum, the oldest goes.
    #[must_use]
    pub fn with(mut self, url: &CertificateUrl, pem: &[u8], fetched_at_s: u64) -> Self {
        let Ok(pem) = std::str::from_utf8(pem) else { return self };
        if pem.len() > PEM_BYTES_MAX {
            return self;
        }
        let url = url.to_string();
        self.0.retain(|entry| entry.url != url);
        // Newest first, because `read` truncates.
        self.0.insert(0, Entry { url, pem: pem.to_owned(), fetched_at_s });
        self.0.sort_by_key(|entry| std::cmp::Reverse(entry.fetched_at_s));
        self.0.truncate(CERTIFICATES_MAX);
        self
    }

    /// The form that [`Self::read`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers always serialize.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    /// The certificates of this environment: URL, PEM, and when it was fetched.
    pub fn certificates(
        &self,
        environment: &Environment,
    ) -> impl Iterator<Item = (CertificateUrl, &[u8], u64)> {
        self.0.iter().filter_map(move |entry| {
            let url = CertificateUrl::parse(&entry.url, environment).ok()?;
            Some((url, entry.pem.as_bytes(), entry.fetched_at_s))
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

    fn names(shared: &SharedCertificates, environment: &Environment) -> Vec<(String, u64)> {
        let all = shared.certificates(environment);
        all.map(|(url, _, at_s)| (url.to_string().trim_start_matches(LIVE).to_owned(), at_s)).collect()
    }

    #[test]
    fn a_certificate_is_read_back_in_its_own_environment_only() {
        let pem = "-----BEGIN CERTIFICATE-----\r\nMAA=\r\n-----END CERTIFICATE-----\r\n";
        let shared = SharedCertificates::default().with(&url(1), pem.as_bytes(), 7);
        let read = SharedCertificates::read(&shared.to_bytes());
        let all: Vec<_> = read.certificates(&Environment::live()).collect();
        assert_eq!(all, [(url(1), pem.as_bytes(), 7)]);
        assert_eq!(names(&read, &Environment::sandbox()), []);
    }

    #[test]
    fn the_newest_eight_are_kept_one_per_url() {
        let mut shared = SharedCertificates::default();
        for n in 0..20 {
            shared = shared.with(&url(n), b"pem", n.into());
        }
        shared = shared.with(&url(12), b"newer", 99);
        let wanted = [(12, 99), (19, 19), (18, 18), (17, 17), (16, 16), (15, 15), (14, 14), (13, 13)];
        let wanted = wanted.map(|(n, at_s): (u32, u64)| (format!("{n:08x}"), at_s));
        assert_eq!(names(&shared, &Environment::live()), wanted);
        let read = SharedCertificates::read(&shared.to_bytes());
        assert_eq!(names(&read, &Environment::live()), wanted);
    }

    #[test]
    fn malformed_and_oversized_certificates_are_ignored() {
        let large = vec![b'x'; PEM_BYTES_MAX + 1];
        for pem in [large.as_slice(), b"\xff"] {
            assert!(SharedCertificates::default().with(&url(1), pem, 1).0.is_empty());
        }
        let long = format!("[{}]", " ".repeat(BYTES_MAX));
        for bytes in ["", "nonsense", "{}", r#"[{"url":1}]"#, long.as_str()] {
            assert!(SharedCertificates::read(bytes.as_bytes()).0.is_empty());
        }
        let many = r#"{"url":"x","pem":"","fetched_at_s":1},"#.repeat(20);
        let many = format!("[{}]", many.trim_end_matches(','));
        assert_eq!(SharedCertificates::read(many.as_bytes()).0.len(), CERTIFICATES_MAX);
    }
}
