//! Bootstraps of both profiles, with settings that are right and wrong.

use super::*;
use crate::config::envoy_setting_names;

const NEEDED: [(&str, &str); 3] = [
    ("EDGE_FILTER_WASM", "/opt/edge_filter.wasm"),
    ("TLS_CERTIFICATE", "/etc/tls/cert.pem"),
    ("TLS_PRIVATE_KEY", "/etc/tls/key.pem"),
];
const PRODUCTION: [(&str, &str); 5] = [
    ("GATEWAY_CLIENTS", "shop:a-long-enough-key:#1"),
    ("CONTROL_PLANE_ADDRESS", "control-plane:8081"),
    ("EDGE_CACHE_ADDRESS", "edge-cache:8082"),
    ("CONTROL_PLANE_CA", "/etc/tls/ca.pem"),
    ("EDGE_CACHE_CA", "/etc/tls/ca.pem"),
];

const WRONG: [(&str, &str); 32] = [
    ("EDGE_FILTER_CONFIG", "/etc/envoy/filter.json"),
    ("WALLET_ASSOCIATION_FILES", "shop.example"),
    ("WALLET_ASSOCIATION_FILES", "https://shop.example=/etc/a"),
    ("GATEWAY_LISTEN", "8080"),
    ("GATEWAY_TLS_LISTEN", "localhost:8443"),
    ("ENVOY_ADMIN_LISTEN", "0.0.0.0:9901"),
    ("ENVOY_STATS_LISTEN", "9902"),
    ("CONTROL_PLANE_ADDRESS", "control-plane"),
    ("GATEWAY_CLIENTS", "demo"),
    ("RETURN_URL_HOSTS", "shop.example,https://shop.example"),
    ("GATEWAY_CLIENTS", "de mo:key"),
    ("GATEWAY_CLIENTS", "demo:ключ"),
    ("GATEWAY_CLIENTS", "demo:same,other:same"),
    ("WEBHOOK_TOLERANCE_SECONDS", "0"),
    ("PAYPAL_WEBHOOK_ID", "a b"),
    ("PAYPAL_CERTIFICATE_REFRESH_SECONDS", "86401"),
    ("EDGE_CACHE_TIMEOUT_MS", "0"),
    ("IDEMPOTENCY_LEASE_MS", "600001"),
    ("EDGE_CACHE_DOWN", "open"),
    ("EDGE_CACHE_DOWN", "pass,list=reject"),
    ("EDGE_CACHE_DOWN", "pass,refund"),
    ("GATEWAY_REQUESTS_PER_SECOND", "0"),
    ("GATEWAY_ADDRESS_REQUESTS_PER_SECOND", "0"),
    ("GATEWAY_ADDRESS_WEBHOOKS_PER_SECOND", "1000001"),
    ("GATEWAY_WEBHOOKS_PER_SECOND", "many"),
    ("GATEWAY_TICKET_STREAMS_PER_SECOND", "0"),
    ("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "500,nobody=1"),
    ("GATEWAY_CLIENT_REQUESTS_IN_FLIGHT", "16385"),
    ("GATEWAY_ADDRESS_CONNECTIONS", "10001"),
    ("GATEWAY_ADDRESS_NEW_CONNECTIONS_PER_SECOND", "0"),
    ("GATEWAY_RATE_LIMIT_SERVICE", "limits"),
    ("GATEWAY_TRUSTED_PROXIES", "-1"),
];

fn with(profile: Profile, settings: &[(&str, &str)]) -> Result<String, String> {
    let all = NEEDED.iter().chain(settings).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    render(profile, &Source::new(all, None).unwrap(), None)
        .map(|bootstrap| bootstrap.text)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn both_profiles_fill_every_place_of_the_template() {
    for (profile, settings) in [(Profile::Local, &[][..]), (Profile::Production, &PRODUCTION[..])] {
        let yaml = with(profile, settings).unwrap();
        assert!(!yaml.contains("${"), "{yaml}");
    }
}

#[test]
fn a_value_cannot_break_out_of_its_place() {
    let yaml = with(Profile::Local, &[("ENVOY_ACCESS_LOG", "/tmp/a\", b: {")]).unwrap();
    assert!(yaml.contains(r#"path: "/tmp/a\", b: {""#), "{yaml}");
}

#[test]
fn each_domain_gives_apple_its_own_file_and_without_any_there_is_no_route() {
    let without = with(Profile::Local, &[]).unwrap();
    assert!(!without.contains("apple-developer-merchantid"), "{without}");
    let files = "shop.example=/etc/apple/stripe,b.example=/etc/apple/paypal";
    let yaml = with(Profile::Local, &[("WALLET_ASSOCIATION_FILES", files)]).unwrap();
    for part in ["/etc/apple/stripe", "/etc/apple/paypal", r"(?i)^shop[.]example[.]?(:[0-9]+)?$"] {
        assert!(yaml.contains(part), "{part} in {yaml}");
    }
    let items =
        yaml.lines().filter(|line| line.trim_start().starts_with("- {") && line.contains("apple-dev"));
    assert_eq!(items.count(), 2, "{yaml}");
}

#[test]
fn a_name_without_a_dot_is_told_that_a_domain_needs_one() {
    let error =
        with(Profile::Local, &[("WALLET_ASSOCIATION_FILES", "localhost=/etc/apple/stripe")]).unwrap_err();
    assert!(error.contains("entry 1 needs a domain with a dot, in lower case"), "{error}");
}

#[test]
fn a_domain_that_is_given_two_files_is_named() {
    let files = "shop.example=/etc/apple/stripe,b.example=/etc/b, shop.example=/etc/apple/paypal";
    let error = with(Profile::Local, &[("WALLET_ASSOCIATION_FILES", files)]).unwrap_err();
    assert!(error.starts_with("WALLET_ASSOCIATION_FILES"), "{error}");
    assert!(error.contains("entry 3 gives shop.example a second file"), "{error}");
}

#[test]
fn local_has_the_demo_clients_and_production_none() {
    assert!(with(Profile::Local, &[]).unwrap().contains(r#"{"client":"demo","key":"demo-key"}"#));
    let error = with(Profile::Production, &PRODUCTION[1..]).unwrap_err();
    assert!(error.starts_with("GATEWAY_CLIENTS"), "{error}");
}

#[test]
fn production_listens_without_tls_only_when_told_to() {
    let silent = with(Profile::Production, &PRODUCTION).unwrap();
    assert!(silent.contains("bind_to_port: false"), "{silent}");
    let told = |address| [&PRODUCTION[..], &[("GATEWAY_LISTEN", address)]].concat();
    assert!(with(Profile::Production, &told("127.0.0.1:80")).unwrap().contains("bind_to_port: true"));
    let error = with(Profile::Production, &told("0.0.0.0:80")).unwrap_err();
    assert!(error.starts_with("GATEWAY_LISTEN") && error.contains("ALLOW_PLAINTEXT=gateway"), "{error}");
    let allowed = [&told("0.0.0.0:80")[..], &[("ALLOW_PLAINTEXT", "gateway")]].concat();
    assert!(with(Profile::Production, &allowed).is_ok());
}

#[test]
fn metrics_stay_on_loopback_unless_a_setting_names_another_address() {
    let stats = |settings: &[(&str, &str)]| {
        let yaml = with(Profile::Production, &[&PRODUCTION[..], settings].concat()).unwrap();
        let (_, listener) = yaml.split_once("- name: stats\n").unwrap();
        listener.lines().next().unwrap().to_owned()
    };
    assert!(stats(&[]).contains(r#""address":"127.0.0.1","port_value":9902"#), "{}", stats(&[]));
    let named = stats(&[("ENVOY_STATS_LISTEN", "0.0.0.0:9100")]);
    assert!(named.contains(r#""address":"0.0.0.0","port_value":9100"#), "{named}");
}

#[test]
fn production_speaks_tls_to_services_behind_it_unless_a_setting_allows_otherwise() {
    let identity = [
        ("ENVOY_CLIENT_CERTIFICATE", "/etc/tls/envoy.pem"),
        ("ENVOY_CLIENT_PRIVATE_KEY", "/etc/tls/envoy.key"),
    ];
    let yaml = with(Profile::Production, &[&PRODUCTION[..], &identity].concat()).unwrap();
    for part in
        ["/etc/tls/ca.pem", "/etc/tls/envoy.key", r#""sni":"edge-cache""#, "match_typed_subject_alt_names"]
    {
        assert!(yaml.contains(part), "{part} in {yaml}");
    }
    let plain = &PRODUCTION[..3];
    let error = with(Profile::Production, plain).unwrap_err();
    for part in ["CONTROL_PLANE_ADDRESS", "set CONTROL_PLANE_CA", "ALLOW_PLAINTEXT=edge-cache"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let allowed = ("ALLOW_PLAINTEXT", "control-plane,edge-cache");
    assert!(with(Profile::Production, &[plain, &[allowed]].concat()).is_ok());
    let half = with(Profile::Local, &identity[..1]).unwrap();
    assert!(!half.contains("envoy.pem"), "nobody is spoken to over TLS");
    let error = with(Profile::Production, &[&PRODUCTION[..], &identity[..1]].concat()).unwrap_err();
    assert!(error.starts_with("ENVOY_CLIENT_PRIVATE_KEY"), "{error}");
}

#[test]
fn with_a_file_for_the_bootstrap_certificates_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("envoy.yaml");
    let settings = NEEDED.iter().chain(&PRODUCTION).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let source = Source::new(settings, None).unwrap();
    let bootstrap = render(Profile::Production, &source, Some(&file)).unwrap();
    assert!(bootstrap.text.contains("envoy.control_plane.json"), "{}", bootstrap.text);
    write(&file, &bootstrap).unwrap();
    for name in ["envoy.yaml", "envoy.listener.json", "envoy.control_plane.json", "envoy.edge_cache.json"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn the_filter_goes_into_a_file_of_its_own_where_a_setting_names_one() {
    let folder = tempfile::tempdir().unwrap();
    let [file, of_filter] = ["envoy.yaml", "filter.yaml"].map(|name| folder.path().join(name));
    let named = ("EDGE_FILTER_CONFIG", of_filter.to_str().unwrap());
    let settings = NEEDED.iter().chain([&named]).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let source = Source::new(settings, None).unwrap();
    let bootstrap = render(Profile::Local, &source, Some(&file)).unwrap();
    write(&file, &bootstrap).unwrap();
    let [whole, filter] = [&file, &of_filter].map(|file| fs::read_to_string(file).unwrap());
    let watched = format!("\"watched_directory\":{{\"path\":\"{}\"}}", folder.path().display());
    assert!(whole.contains("config_discovery: {") && whole.contains(&watched), "{whole}");
    for part in ["allow_on_headers_stop_iteration: true", "failure_policy: FAIL_RELOAD", "proxy_on_tick: {}"]
    {
        assert!(filter.contains(part) && !whole.contains(part), "{part} in {filter}");
    }
    assert!(filter.contains("\n    typed_config:\n      \"@type\""), "{filter}");
    assert!(filter.contains("/opt/edge_filter.wasm") && !filter.contains("${"), "{filter}");
    let inline = render(Profile::Local, &source, None).unwrap();
    assert!(!inline.text.contains("config_discovery") && inline.files.is_empty(), "{}", inline.text);
}

/// What comes before and after the filter must not move with it.
#[test]
fn the_filter_and_nothing_else_leaves_the_template() {
    let (bootstrap, filter) = filter_config::apart(TEMPLATE).unwrap();
    assert_eq!(bootstrap.matches("${FILTER_DISCOVERY}").count(), 1);
    assert!(bootstrap.contains("name: gateway.edge\n                    config_discovery"), "{bootstrap}");
    assert!(bootstrap.contains("- name: envoy.filters.http.router"), "{bootstrap}");
    for name in ["shared_limit", "envoy.filters.http.router", "address_limit"] {
        assert!(!filter.contains(name), "{name} in {filter}");
    }
    assert_eq!(filter.matches("- ").count(), 1, "{filter}");
}

#[test]
fn a_rate_limit_service_is_asked_where_a_setting_names_it_and_only_there() {
    let without = with(Profile::Local, &[]).unwrap();
    assert!(without.contains("name: shared_limit\n                    disabled: true"), "{without}");
    let service = [("GATEWAY_RATE_LIMIT_SERVICE", "limits:8086")];
    let named = with(Profile::Local, &service).unwrap();
    for part in
        ["name: shared_limit\n                    disabled: false", r#""address":"limits","port_value":8086"#]
    {
        assert!(named.contains(part), "{part} in {named}");
    }
    let encrypted =
        with(Profile::Local, &[service[0], ("GATEWAY_RATE_LIMIT_SERVICE_CA", "/etc/limits.pem")]).unwrap();
    for part in ["/etc/limits.pem", r#""sni":"limits""#] {
        assert!(encrypted.contains(part), "{part} in {encrypted}");
    }
}

#[test]
fn the_filter_reads_the_limits_of_clients_and_of_addresses() {
    let key =
        ("EDGE_ATTESTATION_KEYS", "k1:0101010101010101010101010101010101010101010101010101010101010101");
    let settings = [key, ("GATEWAY_CLIENT_REQUESTS_IN_FLIGHT", "7"), ("GATEWAY_ADDRESS_CONNECTIONS", "9")];
    let all = NEEDED.iter().copied().chain(settings);
    let read = read_by_the_filter(all.clone(), key.1);
    assert_eq!(read.in_flight_per_client, 7);
    let clients: Vec<_> = read.clients.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(clients, ["demo", "demo-2"]);
    let source = Source::new(all.map(|(k, v)| (k.to_owned(), v.to_owned())), None).unwrap();
    let values = values::read(Profile::Local, &source, &mut Certificates::beside(None)).unwrap();
    let settings = values["CONNECTION_SETTINGS"].as_str().unwrap();
    let connections = edge_core::connections::ConnectionSettings::read(settings.as_bytes()).unwrap();
    assert_eq!(connections.per_address, Some(9));
}

#[test]
fn the_filter_reads_what_is_said_of_a_cache_that_is_down() {
    let key =
        ("EDGE_ATTESTATION_KEYS", "k1:0101010101010101010101010101010101010101010101010101010101010101");
    for down in ["pass", "reject", "reject,charge=pass", "pass, refund=reject, cancel=reject"] {
        let all = NEEDED.iter().copied().chain([("EDGE_CACHE_DOWN", down), key]);
        read_by_the_filter(all, key.1);
    }
}

#[test]
fn the_filter_reads_where_paypals_certificates_are() {
    let key =
        ("EDGE_ATTESTATION_KEYS", "k1:0101010101010101010101010101010101010101010101010101010101010101");
    for (base, host) in [
        ("https://api-m.paypal.com", "api.paypal.com"),
        ("https://api-m.sandbox.paypal.com", "api-m.sandbox.paypal.com"),
        ("http://127.0.0.1:8090", "127.0.0.1:8090"),
    ] {
        let paypal = [("PAYPAL_WEBHOOK_ID", "1AB"), ("PAYPAL_API_BASE", base), key];
        let config = read_by_the_filter(NEEDED.iter().copied().chain(paypal), key.1);
        let paypal = config.webhooks.paypal.unwrap();
        assert!(paypal.clusters.contains_key(host), "{:?}", paypal.clusters);
    }
    let elsewhere = [("PAYPAL_WEBHOOK_ID", "1AB"), ("PAYPAL_API_BASE", "http://sandbox:8090")];
    assert!(with(Profile::Local, &elsewhere).unwrap_err().starts_with("PAYPAL_API_BASE"));
    let untrusted = [("PAYPAL_WEBHOOK_ID", "1AB"), ("PAYPAL_WEBHOOK_TRUST", "/nowhere")];
    assert!(with(Profile::Local, &untrusted).unwrap_err().starts_with("PAYPAL_WEBHOOK_TRUST"));
}

/// Envoy ends a stream that is held longer, so the timeout must not be shorter than the filter's longest wait.
#[test]
fn a_request_may_be_held_as_long_as_the_filter_waits_and_little_longer() {
    for (cache_ms, held) in [("1", "8.000s"), ("500", "8.000s"), ("3000", "9.000s"), ("10000", "23.000s")] {
        let yaml = with(Profile::Local, &[("EDGE_CACHE_TIMEOUT_MS", cache_ms)]).unwrap();
        assert!(yaml.contains(&format!("stream_idle_timeout: \"{held}\"")), "{cache_ms} ms: {yaml}");
    }
}

fn read_by_the_filter<'a>(
    settings: impl Iterator<Item = (&'a str, &'a str)>,
    keys: &str,
) -> edge_core::config::EdgeConfig {
    let source = Source::new(settings.map(|(k, v)| (k.to_owned(), v.to_owned())), None).unwrap();
    let values = values::read(Profile::Local, &source, &mut Certificates::beside(None)).unwrap();
    let settings = values["FILTER_SETTINGS"].as_str().unwrap();
    let secrets = edge_core::config::EdgeSecrets { keys: Some(keys), stripe: None };
    edge_core::config::EdgeConfig::read(settings.as_bytes(), secrets).unwrap()
}

#[test]
fn a_wrong_setting_is_named() {
    for (key, value) in WRONG {
        let error = with(Profile::Local, &[(key, value)]).unwrap_err();
        assert!(error.starts_with(key), "{error}");
    }
}

#[test]
fn everything_that_is_missing_or_wrong_is_named_at_once() {
    let settings = [("GATEWAY_TLS_LISTEN", "here"), ("EDGE_CACHE_TIMEOUT_MS", "0")];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let errors = render(Profile::Production, &Source::new(settings, None).unwrap(), None).unwrap_err();
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    for key in [
        "EDGE_FILTER_WASM",
        "TLS_CERTIFICATE",
        "TLS_PRIVATE_KEY",
        "GATEWAY_CLIENTS",
        "CONTROL_PLANE_ADDRESS",
        "EDGE_CACHE_ADDRESS",
        "GATEWAY_TLS_LISTEN",
        "EDGE_CACHE_TIMEOUT_MS",
    ] {
        assert_eq!(errors.iter().filter(|error| error.starts_with(key)).count(), 1, "{key} in {errors:?}");
    }
}

#[test]
fn the_help_explains_each_setting_that_the_bootstrap_reads() {
    let explained: Vec<_> = envoy_setting_names().collect();
    for (name, _) in WRONG.iter().chain(&NEEDED).chain(&PRODUCTION) {
        assert!(explained.contains(name), "{name} in {explained:?}");
    }
}

#[test]
fn production_refuses_a_short_key_without_repeating_it() {
    let settings = [&[("GATEWAY_CLIENTS", "demo:demo-key")], &PRODUCTION[1..]].concat();
    let error = with(Profile::Production, &settings).unwrap_err();
    assert!(error.starts_with("GATEWAY_CLIENTS") && !error.contains("demo-key"), "{error}");
}
