//! The sandbox as a program.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected stops there")]

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, path::Path, process::Stdio, time::Duration};

use tokio::{
    process::{Child, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provider-sandbox"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

async fn address(file: &Path) -> String {
    let written = async {
        loop {
            match fs::read_to_string(file) {
                Ok(address) => return address.trim().to_owned(),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(PATIENCE, written).await.unwrap()
}

async fn signal(child: &Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args([format!("-{name}"), pid]).status().await.unwrap().success());
}

#[tokio::test]
async fn it_says_where_it_listens_and_stops_in_order_when_told() {
    for name in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("address");
        let child =
            program(&["serve", "--listen", "127.0.0.1:0", "--shared", "/nonexistent", "--address-file"])
                .arg(&file)
                .env("STRIPE_SECRET_KEY", " sk_test_1\r\n")
                .spawn()
                .unwrap();
        let url = format!("http://{}/_sandbox/health", address(&file).await);
        assert_eq!(reqwest::get(&url).await.unwrap().status(), 200);
        // The gateway has the same variable, and takes away what is around its value.
        let list = format!("http://{}/v1/payment_intents", address(&file).await);
        let list = reqwest::Client::new().get(list).basic_auth("sk_test_1", None::<&str>);
        assert_eq!(list.send().await.unwrap().status(), 200);
        // A terminal that is closed, and a file that may grow no further, end it as little.
        for survived in ["HUP", "XFSZ"] {
            signal(&child, survived).await;
            assert_eq!(reqwest::get(&url).await.unwrap().status(), 200, "{survived}");
        }
        signal(&child, name).await;
        let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(log.contains("listening") && log.contains("stopping"), "{log}");
    }
}

/// What a composed environment hands on without a value is not a setting.
#[tokio::test]
async fn empty_variables_are_unset_ones_and_the_certificates_root_is_where_it_was_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (file, ca) = (folder.path().join("address"), folder.path().join("ca"));
    let mut command =
        program(&["serve", "--listen", "127.0.0.1:0", "--shared", "/nonexistent", "--address-file"]);
    command.arg(&file).env("SANDBOX_PAYPAL_CA_DIR", &ca).env("STRIPE_WEBHOOK_SECRETS", "whsec_1,whsec_2");
    for unset in [
        "SANDBOX_STRIPE_WEBHOOK_URL",
        "SANDBOX_PAYPAL_WEBHOOK_URL",
        "PAYPAL_WEBHOOK_ID",
        "LOG_LEVEL",
        "STRIPE_SECRET_KEY",
        "PAYPAL_CLIENT_ID",
        "PAYPAL_CLIENT_SECRET",
    ] {
        command.env(unset, "");
    }
    let _child = command.spawn().unwrap();
    let url = format!("http://{}/_sandbox/webhooks", address(&file).await);
    let shown: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(shown.pointer("/targets/stripe/secrets").unwrap(), 2);
    assert!(fs::read_to_string(ca.join("root.pem")).unwrap().contains("BEGIN CERTIFICATE"));
}

#[tokio::test]
async fn a_variable_that_is_wrong_is_named() {
    for (name, value) in [
        ("SANDBOX_PAYPAL_TOKEN_SECONDS", b"-1".as_slice()),
        ("SANDBOX_WEBHOOK_TRIES", b"many"),
        ("SANDBOX_GATEWAY_URL", b"caf\xe9"),
    ] {
        let mut command = program(&["serve", "--listen", "127.0.0.1:0", "--shared", "/nonexistent"]);
        command.env(name, OsStr::from_bytes(value));
        let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        let named = format!("error: {name} (from the environment)\n");
        assert!(!output.status.success() && log.starts_with(&named), "{log}");
    }
}

#[tokio::test]
async fn what_it_cannot_do_it_says_and_fails() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (arguments, reason) in [
        (vec!["serve", "--shared", "/nonexistent", "--listen", address.as_str()], "could not start on"),
        (
            vec!["serve", "--listen", "127.0.0.1:0", "--contracts", "/nonexistent"],
            "/nonexistent is not a folder",
        ),
        (vec!["serve", "--listen", "nowhere"], "--listen"),
        (vec!["ready", "127.0.0.1:1"], "error: "),
        (vec!["serve", "--log-level", "warning"], "must be off, error, warn, info"),
        (
            vec!["serve", "--listen", "127.0.0.1:0", "--stripe-secret-key", "sk_live_1"],
            "must begin with sk_test_",
        ),
        (
            vec!["serve", "--listen", "127.0.0.1:0", "--stripe-webhook-url", "http://127.0.0.1:1/"],
            "stripe.secrets: must name at least one secret",
        ),
        (vec!["serve", "--listen", "127.0.0.1:0", "--paypal-ca-dir", "/dev/null/ca"], "/dev/null/ca"),
    ] {
        let output = timeout(PATIENCE, program(&arguments).output()).await.unwrap().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && log.contains(reason), "{arguments:?}: {log}");
    }
}
