//! The container files contain no secrets; the generated environment is for its owner only.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::compose::{Compose, Environment};
use crate::root;

/// The suffixes of settings with secret values.
const SECRET: [&str; 10] = [
    "_KEY",
    "_KEYS",
    "_SECRET",
    "_SECRETS",
    "_PASSWORD",
    "_PASS",
    "_CLIENTS",
    "_CLIENT_ID",
    "_TOKEN",
    "_AUTH",
];

/// The name of a key that a service keeps, and a key that every payer's browser gets.
const NO_SECRET: [&str; 2] = ["KMS_KEY", "STRIPE_PUBLISHABLE_KEY"];

/// Whether a setting of this name has a secret value.
pub(crate) fn is_secret(setting: &str) -> bool {
    !NO_SECRET.contains(&setting) && SECRET.iter().any(|end| setting.ends_with(end))
}

#[test]
fn nothing_secret_stands_in_the_compose_file() {
    for (name, service) in Compose::as_written().services {
        for (key, value) in service.environment {
            let is_path = value.starts_with('/');
            let is_left_out = value == format!("${{{key}:-}}");
            // It may be missing where there is no sandbox, and is not a key to anything else.
            let is_the_sandboxs = value == "whsec_sandbox_${SANDBOX_WEBHOOK_SECRET:-}";
            if is_secret(&key) && !is_path && !is_left_out && !is_the_sandboxs {
                assert!(
                    value.starts_with("${") && value.contains(":?"),
                    "{name}: {key} has a value or a default"
                );
            }
            if let Some((_, authority)) = value.split_once("://")
                && let Some((user, _)) = authority.rsplit_once('@')
            {
                let (_, password) = user.split_once(':').unwrap();
                assert!(
                    password.starts_with("${") && password.contains(":?"),
                    "{name}: {key} has a password"
                );
            }
        }
    }
}

#[test]
fn the_environment_is_written_once_whole_and_for_its_owner() {
    let made = Environment::made();
    let file = made.folder.path().join(".env");
    let (mode, text) =
        (fs::metadata(&file).unwrap().permissions().mode() & 0o777, fs::read_to_string(&file).unwrap());
    assert_eq!(mode, 0o600);
    assert_eq!(fs::metadata(made.folder.path().join(".tls")).unwrap().permissions().mode() & 0o777, 0o700);
    let again = Command::new(root().join("tools/compose-env.sh")).arg(made.folder.path()).status().unwrap();
    assert!(again.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "a database has this password");
    let other = Environment::made();
    for (name, value) in made.values.iter().filter(|(name, _)| is_secret(name)) {
        assert_ne!(other.values.get(name), Some(value), "{name} is the same for everybody");
    }
}

#[test]
fn what_is_written_is_kept_out_of_the_repository_and_of_the_images() {
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap();
    for name in [".env", ".tls/"] {
        assert!(ignored.lines().any(|line| line == name), "{name} in .gitignore");
    }
    let mut context = fs::read_to_string(root().join(".dockerignore")).unwrap();
    context.retain(|c| c != ' ');
    assert_eq!(context.lines().next(), Some("*"), "what .dockerignore does not name stays out");
    assert!(!context.contains(".env") && !context.contains(".tls"), "{context}");
}
