//! Settings that are wrong.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use super::{KEYS, program, run, said};

#[test]
fn every_wrong_value_is_named_by_its_key_with_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    for (key, value, right) in [
        ("LOG_LEVEL", "warning", "must be off, error, warn, info, debug or trace"),
        ("LOG_LEVEL", "loud", "must be off, error, warn, info, debug or trace"),
        ("LOG_LEVEL", "info,control_plane=verbose", "must be off, error, warn, info, debug or trace"),
        ("LOG_LEVEL", "info,payment_stores=debug", "`payment_stores` is no part that logs"),
        ("CONTROL_PLANE_LISTEN", "localhost:8081", "must be IP:PORT, e.g. 127.0.0.1:8081"),
        ("EDGE_CACHE_LISTEN", "8082", "must be IP:PORT, e.g. 127.0.0.1:8082"),
        ("DB_URI", "postgres://u:hid/den@db/gateway", "write `%40` for `@`"),
        (
            "DB_URI",
            "postgres://u:hidden@db/gateway?sslrootcert=/nowhere/ca.pem",
            "`sslrootcert` names the file /nowhere/ca.pem, which cannot be read: No such file",
        ),
        ("REDIS_URI", "redis://:hid/den@redis", "write `%40` for `@`"),
        ("AMQP_URI", "amqp://u:hid/den@broker", "write `%40` for `@`"),
        ("STRIPE_SECRET_KEY", "\"sk_test_hidden\"", "write it without"),
        ("PAYPAL_CLIENT_SECRET", "'hidden'", "write it without"),
        ("PAYPAL_CLIENT_SECRET", "hid\nden", "write it on one line"),
        ("STRIPE_SECRET_KEY", "sk_test_", "must be a secret key"),
        ("VAULT_TOKEN", "\u{201c}hidden\u{201d}", "write it without"),
        ("VAULT_TOKEN", "hid\u{200b}den", "an invisible one"),
        ("ENCRYPTION_KEYS", "k2:00,\"k1:hidden\"", "write it without"),
    ] {
        let (worked, text) = run(folder.path(), &["config", "check"], &[KEYS, (key, value)]);
        assert!(!worked && text.contains(&format!("{key} (from the environment)")), "{key}={value}: {text}");
        assert!(text.contains(right) && !text.contains("hid"), "{key}={value}: {text}");
    }
}

#[test]
fn each_part_gets_a_list_of_keys_that_only_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let printed = |part: &str| run(folder.path(), &["edge-keys", part], &[KEYS]);
    let [(edge_worked, edge), (cache_worked, cache)] = [printed("edge"), printed("edge-cache")];
    assert!(edge_worked && edge.starts_with("k1:edge:") && edge.trim_end().len() == 8 + 256, "{edge}");
    assert!(cache_worked && cache.starts_with("k1:edge-cache:"), "{cache}");
    assert_eq!(cache.trim_end().len(), "k1:edge-cache:".len() + 128);
    for list in [&edge, &cache] {
        let own = (KEYS.0, list.trim_end());
        let (worked, text) = run(folder.path(), &["config", "check"], &[own]);
        assert!(!worked && text.contains("is not a key of the control-plane"), "{text}");
        let (worked, text) = run(folder.path(), &["edge-keys", "edge"], &[own]);
        assert!(!worked && text.contains(KEYS.0), "{text}");
    }
    let redis = ("REDIS_URI", "redis://127.0.0.1:9");
    for (list, takes) in [(&edge, false), (&cache, true)] {
        let settings = [(KEYS.0, list.trim_end()), redis];
        let (worked, text) = run(folder.path(), &["config", "check", "--for", "edge-cache"], &settings);
        assert_eq!(worked, takes, "{text}");
        assert!(takes || text.contains("is not a key of the edge-cache"), "{text}");
    }
}

#[test]
fn blanks_and_line_ends_around_values_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let padded = format!(" {}\r\n", KEYS.1);
    let settings = [
        (KEYS.0, padded.as_str()),
        ("LOG_LEVEL", "info \n"),
        ("STRIPE_SECRET_KEY", "sk_test_1\n"),
        ("PAYPAL_CLIENT_ID", "id\n"),
        ("PAYPAL_CLIENT_SECRET", " secret\n"),
        ("WORKERS", "4\n"),
    ];
    let (worked, text) = run(folder.path(), &["config", "check"], &settings);
    assert!(worked && text.contains("the configuration is complete"), "{text}");
}

#[test]
fn a_file_is_read_as_it_was_meant_and_says_what_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.env");
    let check = || run(folder.path(), &["--config", "gateway.env", "config", "check"], &[]);
    // The first line after a byte order mark, and line ends of Windows.
    fs::write(&file, format!("\u{feff}DB_URI=mysql://x\r\n{}={}\r\n", KEYS.0, KEYS.1)).unwrap();
    let (worked, text) = check();
    assert!(!worked && text.contains("DB_URI (from gateway.env:1)"), "{text}");
    fs::write(&file, format!("{}={}\nDATABASE_URL=x\nPROVIDER_TIMEOUT_SECOND=3\n", KEYS.0, KEYS.1)).unwrap();
    let (worked, text) = check();
    assert!(!worked && text.contains("do you mean DB_URI?"), "{text}");
    assert!(text.contains("do you mean PROVIDER_TIMEOUT_SECONDS?"), "{text}");
}

#[test]
fn variables_that_are_not_text_stop_nobody_who_does_not_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let latin_1 = OsStr::from_bytes(b"caf\xe9");
    let check = |key: &str| {
        let mut command = program(folder.path(), &["config", "check"], &[KEYS]);
        said(&command.env(key, latin_1).output().unwrap())
    };
    let (worked, text) = check("UNRELATED_NAME");
    assert!(worked, "{text}");
    let (worked, text) = check("STRIPE_SECRET_KEY");
    assert!(
        !worked && text.contains("STRIPE_SECRET_KEY (from the environment): is not UTF-8 text"),
        "{text}"
    );
}

#[test]
fn a_misspelled_variable_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let (worked, text) = run(folder.path(), &["config", "check"], &[KEYS, ("PROVIDER_TIMEOUT_SECOND", "3")]);
    assert!(
        worked && text.contains("warning") && text.contains("do you mean PROVIDER_TIMEOUT_SECONDS?"),
        "{text}"
    );
}

#[test]
fn all_that_a_production_bootstrap_lacks_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (worked, text) = run(folder.path(), &["envoy-bootstrap", "--profile", "production"], &[]);
    assert!(!worked);
    for key in
        ["EDGE_FILTER_WASM", "TLS_CERTIFICATE", "TLS_PRIVATE_KEY", "GATEWAY_CLIENTS", "CONTROL_PLANE_ADDRESS"]
    {
        assert!(text.contains(&format!("{key}: is required")), "{key}: {text}");
    }
}

#[test]
fn a_command_beside_no_database_says_so_once_and_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["payments", "review"][..], &["webhook", "list"], &["reconcile", "--since", "1h"]] {
        let (worked, text) = run(folder.path(), command, &[]);
        assert!(
            !worked && text.matches("gateway.db").count() == 1 && text.contains("--config FILE"),
            "{text}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_database_that_refuses_is_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let uri = format!("postgres://u:hidden@{closed}/gateway");
    let (worked, text) = run(folder.path(), &["payments", "review"], &[("DB_URI", &uri)]);
    assert!(!worked && text.contains("Connection refused"), "{text}");
    assert!(!text.contains("pool timed out") && !text.contains("hidden"), "{text}");
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, pipe) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = program(folder.path(), &["openapi"], &[]);
    let output = command.stdout(pipe).output().unwrap();
    let (worked, text) = said(&output);
    assert!(worked && text.is_empty(), "{text}");
}

/// `/dev/full` fails like a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_report_that_is_not_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let anna = [("USER", "anna")];
    let (migrated, text) = run(folder.path(), &["migrate"], &anna);
    assert!(migrated, "{text}");
    let words = ["reconcile", "--since", "1h"];
    let (worked, text) = run(folder.path(), &words, &anna);
    assert!(worked && text.contains("0 compared"), "{text}");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    for words in [&words[..], &["payments", "review"], &["openapi"]] {
        let stdout = full.try_clone().unwrap();
        let output = program(folder.path(), words, &anna).stdout(stdout).output().unwrap();
        let (worked, text) = said(&output);
        assert!(!worked && text.contains("error: standard output: No space left"), "{words:?}: {text}");
    }
}

#[test]
fn settings_are_explained_and_grants_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (worked, text) = run(folder.path(), &["config", "explain", "WORKERS"], &[]);
    assert!(worked && text.contains("| `WORKERS` | 16 |"), "{text}");
    let (worked, text) = run(folder.path(), &["config", "explain", "WORKER"], &[]);
    assert!(!worked && text.contains("do you mean WORKERS?"), "{text}");
    let (worked, text) = run(folder.path(), &["config", "explain", ""], &[]);
    assert!(!worked && text.contains("an empty name is no setting"), "{text}");
    let (worked, text) = run(folder.path(), &["config", "explain", "CRASH_POINTS"], &[]);
    assert!(worked && text.contains("for tests only"), "{text}");
    let (worked, text) = run(folder.path(), &["migrate", "--print-grants", "gateway"], &[]);
    assert!(worked && text.contains("GRANT SELECT, INSERT ON \"public\".events TO \"gateway\";"), "{text}");
    assert!(text.starts_with("-- DB_URI names no database"), "{text}");
    let place = [("DB_URI", "postgres://u:hidden@db/pay")];
    let (worked, text) = run(folder.path(), &["migrate", "--print-grants", "gateway"], &place);
    assert!(worked && text.starts_with("GRANT CONNECT ON DATABASE \"pay\" TO \"gateway\";\n"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was opened");
}

#[test]
fn a_bootstrap_is_made_of_misspelled_settings_and_missing_files_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("key.pem");
    fs::write(&there, "").unwrap();
    let settings = [
        ("EDGE_FILTER_WASM", "/nowhere/filter.wasm"),
        ("TLS_CERTIFICATE", "/nowhere/certificate.pem"),
        ("TLS_PRIVATE_KEY", there.to_str().unwrap()),
        ("EDGE_CACHE_DWON", "reject"),
    ];
    let output = program(folder.path(), &["envoy-bootstrap"], &settings).output().unwrap();
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !String::from_utf8(output.stdout).unwrap().contains("warning:"));
    for part in [
        "do you mean EDGE_CACHE_DOWN?",
        "EDGE_FILTER_WASM: there is no file",
        "TLS_CERTIFICATE: there is no file",
    ] {
        assert!(warnings.contains(part), "{part} in {warnings}");
    }
    assert!(!warnings.contains("TLS_PRIVATE_KEY"), "{warnings}");
}

#[test]
fn a_list_of_no_events_says_so_and_one_for_machines_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let (migrated, text) = run(folder.path(), &["migrate"], &[]);
    assert!(migrated, "{text}");
    assert_eq!(run(folder.path(), &["webhook", "list"], &[]), (true, "there is no such event\n".to_owned()));
    assert_eq!(run(folder.path(), &["webhook", "list", "--json"], &[]).1.trim(), "");
}

#[test]
fn an_empty_name_of_a_file_is_none_and_two_attestation_keys_of_one_id_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (worked, text) = run(folder.path(), &["config", "check"], &[KEYS, ("GATEWAY_CONFIG", "")]);
    assert!(worked, "{text}");
    let (worked, text) = run(folder.path(), &["config", "check"], &[KEYS, ("GATEWAY_CONFIG", "none")]);
    assert!(!worked && text.contains("none: No such file"), "{text}");
    let twice = format!("{0},k2:{1},{0}", KEYS.1, "02".repeat(32));
    let (worked, text) = run(folder.path(), &["config", "check"], &[(KEYS.0, &twice)]);
    let why = "EDGE_ATTESTATION_KEYS (from the environment): key 3 (counted from 1) has the id `k1`";
    assert!(!worked && text.contains(why) && !text.contains("0101"), "{text}");
}

#[test]
fn the_base_of_a_provider_that_holds_a_secret_is_refused_without_it() {
    let folder = tempfile::tempdir().unwrap();
    for base in ["https://user:hidden@proxy.example", "https://proxy.example/?key=hidden"] {
        let settings = [
            KEYS,
            ("STRIPE_SECRET_KEY", "sk_test_1"),
            ("STRIPE_API_BASE", base),
            ("PAYPAL_CLIENT_ID", "id"),
            ("PAYPAL_CLIENT_SECRET", "secret"),
            ("PAYPAL_API_BASE", base),
            ("PAYPAL_WEBHOOK_ID", "4JH86294D6297924G"),
        ];
        let (worked, text) = run(folder.path(), &["config", "check"], &settings);
        assert!(
            !worked && text.contains("STRIPE_API_BASE (from") && text.contains("PAYPAL_API_BASE (from"),
            "{text}"
        );
        assert!(!text.contains("hidden"), "{text}");
        let (worked, text) = run(folder.path(), &["envoy-bootstrap"], &settings);
        assert!(!worked && text.contains("PAYPAL_API_BASE (from") && !text.contains("hidden"), "{text}");
    }
}

#[test]
fn a_bootstrap_written_to_a_file_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("EDGE_FILTER_WASM", "/filter/plugin.wasm"),
        ("TLS_CERTIFICATE", "/tls/tls.crt"),
        ("TLS_PRIVATE_KEY", "/tls/tls.key"),
    ];
    let file = folder.path().join("envoy.yaml");
    // What an interrupted run left, readable by everybody, and the bootstrap of last time.
    for left in ["envoy.yaml.new", "envoy.yaml"] {
        fs::write(folder.path().join(left), "old").unwrap();
    }
    let (worked, text) = run(folder.path(), &["envoy-bootstrap", "--output", "envoy.yaml"], &settings);
    assert!(worked, "{text}");
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.contains("/filter/plugin.wasm") && written.ends_with('\n'), "{written}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!folder.path().join("envoy.yaml.new").exists());
    let (worked, text) = run(folder.path(), &["envoy-bootstrap", "--output", "no/such/file"], &settings);
    assert!(!worked && text.contains("--output: could not write no/such/file"), "{text}");
}
