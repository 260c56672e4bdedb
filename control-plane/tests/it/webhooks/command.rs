//! The operator's commands.

use clap::Parser;
use control_plane::cli::webhook_events::{Command, run};
use control_plane::config::Source;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

async fn command(test: &TestGateway, words: &str) -> Result<String, String> {
    command_of(test, "ann", words).await
}

async fn command_of(test: &TestGateway, user: &str, words: &str) -> Result<String, String> {
    let key = "k1:0101010101010101010101010101010101010101010101010101010101010101";
    let settings = [
        ("DB_URI", test.store.uri().to_owned()),
        ("ENCRYPTION_KEYS", ENCRYPTION_KEYS.to_owned()),
        ("EDGE_ATTESTATION_KEYS", key.to_owned()),
        ("STRIPE_SECRET_KEY", "sk_test_x".to_owned()),
        // Nobody listens there.
        ("STRIPE_API_BASE", "http://127.0.0.1:9".to_owned()),
        ("USER", user.to_owned()),
    ];
    let source = Source::new(settings.map(|(key, value)| (key.to_owned(), value)), None).unwrap();
    // `··` stands for a space within a word.
    let words = words.split(' ').map(|word| word.replace("··", " "));
    let cli = Cli::try_parse_from(std::iter::once("x".to_owned()).chain(words)).map_err(|e| e.to_string())?;
    run(cli.command, &source).await.map_err(|error| format!("{error:#}"))
}

#[tokio::test]
async fn events_are_listed_by_provider_and_state() {
    let test = TestGateway::start().await;
    told_raw(&test, Provider::Stripe, r#"{"id":"evt_1","about":"customer.created"}"#).await;
    worked_off(&test.gateway).await;
    told_raw(&test, Provider::Paypal, r#"{"id":"WH-1","about":"customer.created"}"#).await;
    let listed = command(&test, "list").await.unwrap();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let ignored = command(&test, "list --provider stripe --state ignored --json").await.unwrap();
    let line: serde_json::Value = serde_json::from_str(&ignored).unwrap();
    assert_eq!((line["id"].as_str(), line["state"].as_str()), (Some("evt_1"), Some("ignored")));
    assert_eq!(command(&test, "list --state failed").await.unwrap(), "there is no such event");
    assert_eq!(command(&test, "list --state failed --json").await.unwrap(), "");
    assert!(command(&test, "list --state lost").await.unwrap_err().contains("invalid value"));
}

#[tokio::test]
async fn replaying_says_what_became_of_the_event() {
    let test = TestGateway::start().await;
    let event = r#"{"id":"evt_1","type":"customer.created","about":"customer.created"}"#;
    told_raw(&test, Provider::Stripe, event).await;
    let said = command(&test, "replay evt_1").await.unwrap();
    assert!(said.starts_with("stripe evt_1 (customer.created): ignored, since "), "{said}");
    assert!(command(&test, "replay evt_9").await.unwrap_err().contains("there is no event `evt_9`"));
    let payment = r#"{"id":"evt_2","type":"payment_intent.succeeded","about":"payment","data":{"object":{"id":"pi_1"}}}"#;
    told_raw(&test, Provider::Stripe, payment).await;
    let failed = command(&test, "replay evt_2").await.unwrap_err();
    assert!(failed.contains("no connection"), "{failed}");
}

#[tokio::test]
async fn dismissing_takes_a_reason_and_is_final() {
    let test = TestGateway::start().await;
    let event = r#"{"id":"evt_1","type":"payment_intent.succeeded","about":"payment","data":{"object":{"id":"pi_1"}}}"#;
    told_raw(&test, Provider::Stripe, event).await;
    let too_early = command(&test, "dismiss evt_1 --reason no").await.unwrap_err();
    assert!(too_early.contains("it is received"), "{too_early}");
    command(&test, "replay evt_1").await.unwrap_err();
    for (words, problem) in [
        ("dismiss evt_1", "--reason"),
        ("dismiss evt_1 --reason ··", "must not be empty"),
        ("dismiss evt_1 --reason no --by ··", "must not be empty"),
        ("dismiss evt_1 --reason a\nb", "one line"),
        ("dismiss evt_9 --reason no", "there is no event `evt_9`"),
        ("dismiss evt_1 --provider paypal --reason no", "there is no event `evt_1`"),
    ] {
        let said = command(&test, words).await.unwrap_err();
        assert!(said.contains(problem), "{words}: {said}");
    }
    let said = command(&test, "dismiss evt_1 --reason of··another··shop").await.unwrap();
    assert_eq!(said, "stripe evt_1 (payment): dismissed");
    let listed = command(&test, "list --state dismissed --json").await.unwrap();
    let line: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&line["dismissedBy"], &line["reason"]), (&"ann".into(), &"of another shop".into()));
    for words in ["dismiss evt_1 --reason again --by bob", "replay evt_1"] {
        let said = command(&test, words).await.unwrap_err();
        assert!(said.contains("dismissed by ann") && said.contains("of another shop"), "{said}");
    }
}
