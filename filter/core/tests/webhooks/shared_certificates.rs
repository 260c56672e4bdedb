//! A certificate that another worker has fetched, or this one before it died.

use edge_core::webhook::FetchFailure;
use edge_core::webhook::paypal::{CertificateCache, CertificateUrl, Environment, Lookup, SharedCertificates};
use edge_core::webhook::rsa::PureRust;
use edge_core::webhook::x509::Trust;

use crate::authority::{NAME, NOW, bundle, good, named};
use crate::certificates::from_root;

const ORIGIN: &str = "https://paypal.test";
const HALF_A_DAY: u64 = 43_200;

fn environment() -> Environment {
    Environment::stand_in([ORIGIN], NAME).unwrap()
}

fn url(n: u32) -> CertificateUrl {
    let text = format!("{ORIGIN}/v1/notifications/certs/CERT-360caa42-fca2a594-{n:08x}");
    CertificateUrl::parse(&text, &environment()).unwrap()
}

fn shared(n: u32, pem: &str, fetched_at_s: u64) -> SharedCertificates {
    let shared = SharedCertificates::default().with(&url(n), pem.as_bytes(), fetched_at_s);
    SharedCertificates::read(&shared.to_bytes())
}

fn load(cache: &mut CertificateCache, shared: &SharedCertificates, now_s: u64) {
    let trust = Trust::from_pem(bundle().as_bytes()).unwrap();
    cache.load_shared(shared, &environment(), &trust, &PureRust, now_s);
}

fn cache() -> CertificateCache {
    CertificateCache::new(HALF_A_DAY)
}

#[test]
fn a_new_worker_has_the_key_that_the_dead_one_has_fetched() {
    let mut cache = cache();
    load(&mut cache, &shared(1, &good(), NOW - HALF_A_DAY), NOW);
    assert!(cache.in_use().is_none());
    assert!(matches!(cache.lookup(&url(1), NOW), Lookup::Ready(_)));
    assert_eq!(cache.refresh(NOW), [url(1)], "as old as it is");
}

#[test]
fn what_is_kept_is_not_believed_for_being_there() {
    let stranger = from_root(&named("elsewhere.test", &["elsewhere.test"]));
    for (pem, now_s) in [(stranger, NOW), ("nonsense".to_owned(), NOW), (good(), NOW + 3_650 * 86_400)] {
        let mut cache = cache();
        load(&mut cache, &shared(1, &pem, now_s), now_s);
        assert_eq!(cache.lookup(&url(1), now_s), Lookup::Fetch, "{pem}");
    }
    // Nor is what is of another place.
    let mut cache = cache();
    let other = r#"[{"url":"https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-00000001","pem":"","fetched_at_s":1}]"#;
    load(&mut cache, &SharedCertificates::read(other.as_bytes()), NOW);
    assert!(!cache.has(&url(1), NOW));
}

#[test]
fn a_time_to_come_makes_no_key_good_for_longer_without_a_refresh() {
    let mut cache = cache();
    load(&mut cache, &shared(1, &good(), u64::MAX), NOW);
    cache.lookup(&url(1), NOW);
    assert_eq!(cache.refresh(NOW + HALF_A_DAY), [url(1)]);
}

#[test]
fn what_another_worker_has_refreshed_is_not_asked_for_again() {
    let mut cache = cache();
    load(&mut cache, &shared(1, &good(), NOW), NOW);
    cache.lookup(&url(1), NOW);
    load(&mut cache, &shared(1, &good(), NOW + HALF_A_DAY - 60), NOW + HALF_A_DAY);
    assert_eq!(cache.refresh(NOW + HALF_A_DAY), []);
    // An older one changes nothing.
    load(&mut cache, &shared(1, &good(), NOW), NOW + HALF_A_DAY);
    assert_eq!(cache.refresh(NOW + HALF_A_DAY), []);
}

#[test]
fn what_was_not_to_be_had_here_is_there_as_soon_as_another_worker_has_it() {
    let mut cache = cache();
    assert_eq!(cache.lookup(&url(1), NOW), Lookup::Fetch);
    cache.fetched(&url(1), Err(FetchFailure::Unreachable.into()), NOW);
    assert!(matches!(cache.lookup(&url(1), NOW + 1), Lookup::Failed(_)));
    load(&mut cache, &shared(1, &good(), NOW + 1), NOW + 2);
    assert!(matches!(cache.lookup(&url(1), NOW + 2), Lookup::Ready(_)));
}
