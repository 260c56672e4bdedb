//! The filter's configuration. The input is the list of attestation keys and, on the lines after it, the list of
//! Stripe's secrets and the settings in JSON.

use edge_core::attestation::Keys;
use edge_core::config::{EdgeConfig, EdgeSecrets};
use edge_core::connections::ConnectionSettings;
use edge_core::setting;

use crate::certificates::{NAME, ROOT};
use crate::fixture::{KEYS, split_line};

pub fn check(data: &[u8]) {
    let (keys, rest) = split_line(data);
    let (stripe, settings) = split_line(rest);
    if let (Ok(keys), Ok(stripe)) = (std::str::from_utf8(keys), std::str::from_utf8(stripe)) {
        clean(keys);
        no_secret_is_told(keys);
        judge(EdgeSecrets { keys: Some(keys), stripe: Some(stripe) }, settings);
    }
    judge(EdgeSecrets { keys: Some(KEYS), stripe: None }, settings);
    if let Ok(ConnectionSettings { per_address, new_per_second }) = ConnectionSettings::read(settings) {
        assert!(per_address.is_none_or(|max| (1..=10_000).contains(&max)));
        assert!((1..=10_000).contains(&new_per_second));
    }
}

/// What is accepted is within the documented ranges.
fn judge(secrets: EdgeSecrets<'_>, settings: &[u8]) {
    let config = match EdgeConfig::read(settings, secrets) {
        Ok(config) => config,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!((1..=1_048_576).contains(&config.body_bytes_max));
    assert!((1..=1_048_576).contains(&config.webhooks.body_bytes_max));
    assert!((1..=3_600).contains(&config.webhooks.tolerance_s));
    assert!((1..=16_384).contains(&config.in_flight_per_client));
    assert!((1..=10_000).contains(&config.claims.timeout.as_millis()));
    assert!((1..=600_000).contains(&config.claims.lease.as_ms()));
    assert!(config.claims.recent_answers <= 65_536 && !config.claims.cluster.is_empty());
    assert!(config.return_url_hosts.names().count() <= 256);
    let printed = format!("{config:?}");
    assert!(!printed.contains("0101010101"), "a key is printed");
}

fn clean(value: &str) {
    if let Ok(cleaned) = setting::clean(value) {
        assert_eq!(setting::clean(cleaned), Ok(cleaned));
    }
}

/// An error names the entry, and repeats nothing of the secret after its colon.
fn no_secret_is_told(list: &str) {
    let Err(error) = Keys::parse(list) else { return };
    let message = error.to_string();
    let entries = list.split(',').filter_map(|entry| entry.split_once(':'));
    for (id, secret) in entries {
        // No message of ours has so many hex digits.
        let is_hex = secret.len() >= 16 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(!is_hex || id.contains(secret) || !message.contains(secret), "{message}");
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let root = serde_json::to_string(std::str::from_utf8(ROOT).unwrap()).unwrap();
    let paypal = |environment: &str| {
        format!(
            r#"{{"webhooks":{{"maxBodyBytes":262144,"toleranceSeconds":300,"paypal":{{"environment":{environment},"webhookId":"4JH86294D6297924G","trust":{root},"clusters":{{"api.paypal.com":"paypal"}},"refreshSeconds":60}}}}}}"#
        )
    };
    let stand_in =
        format!(r#"{{"standIn":{{"origins":["http://127.0.0.1:8090"],"certificateName":"{NAME}"}}}}"#);
    [
        format!("{KEYS}\nwhsec_new,whsec_old\n"),
        format!("{KEYS}\n\n{{\"clients\":[\"demo\"],\"maxBodyBytes\":65536,\"returnUrlHosts\":[\"shop.example\"]}}"),
        format!("{KEYS}\n\n{{\"idempotency\":{{\"cluster\":\"edge_cache\",\"timeoutMs\":500,\"leaseMs\":15000,\"recentAnswers\":1024,\"required\":false,\"whenUnavailable\":\"reject\",\"routes\":{{\"charge\":{{\"required\":true}}}}}}}}"),
        format!("{KEYS}\n\n{}", paypal("\"live\"")),
        format!("{KEYS}\n\n{}", paypal(&stand_in)),
        "k1:00ff\n'whsec_1'\n{\"inFlightPerClient\":0}".to_owned(),
        format!("{KEYS},k1:{}\n\n", "03".repeat(32)),
        "\n\n{\"perAddress\":100,\"newPerSecond\":10}".to_owned(),
        "\n\n{\"perAddress\":null,\"newPerSecond\":10001}".to_owned(),
    ]
    .map(String::into_bytes)
    .into()
}
