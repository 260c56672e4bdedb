//! Whose name the audit trail has of a command.

use super::retention::texts;
use super::run;

/// Further words of the command, the environment, and the name that is recorded.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn a_payment_is_resolved_under_the_name_of_the_account_unless_one_is_given() {
    const RESOLVED: &str = "SELECT outcome || ' by ' || operator FROM operator_actions
        WHERE action = 'payments resolve' ORDER BY seq";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (migrated, text) = run(folder, &["migrate"], &[]);
    assert!(migrated, "{text}");
    // As in containers, where nothing names the account.
    let number = format!("user {}", rustix::process::getuid().as_raw());
    let sudo = [("USER", "root"), ("SUDO_USER", "ada")];
    let cases: [Case<'_>; 3] =
        [(&[], &[], &number), (&[], &sudo, "ada"), (&["--by", "Ada Lovelace"], &sudo, "Ada Lovelace")];
    let mut expected = Vec::new();
    for (by, settings, name) in cases {
        let words = ["payments", "resolve", "txn_01890000-0000-7000-8000-000000000000"];
        let words = [&words[..], &["--as", "canceled", "--reason", "seen there"], by].concat();
        let (worked, text) = run(folder, &words, settings);
        assert!(!worked && text.contains("there is no such payment"), "{text}");
        expected.extend(["begun", "failure"].map(|end| format!("{end} by {name}")));
    }
    assert_eq!(texts(folder, RESOLVED), expected);
}
