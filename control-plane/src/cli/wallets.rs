//! `control-plane wallets …`: sets up and checks the domains on which pages show wallets.

mod domain_notes;
mod unreached;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use edge_core::request::is_domain;
use payments::ports::clock::SystemClock;
use payments_providers::{DomainStatus, Outgoing, Settings, register_stripe_domain};
use reqwest::Client;
use reqwest::redirect::Policy;

use self::domain_notes::DomainNotes;
use super::envoy_bootstrap::{ASSOCIATION_BYTES_MAX as BYTES_MAX, ASSOCIATION_PATH, association_file};
use super::operator::{Access, Operator, Recorded, open_trail};
use crate::config::{GatewaySettings, Source, unusable};

#[derive(Subcommand)]
pub enum Command {
    /// Fetch a domain's association file as Apple does, and say what is wrong: TLS, a redirect, the bytes, `WALLET_DOMAINS`,
    /// what Stripe says of the domain if its key is among the settings; exit 1 if anything is
    Check(CheckArgs),
    /// Register a domain with the provider, have it look at the domain, and print what it says; exit 1 if a wallet is not
    /// usable there
    Register(RegisterArgs),
}

#[derive(Args)]
pub struct CheckArgs {
    /// The domain of the page, e.g. `shop.example`
    #[arg(value_parser = domain)]
    domain: String,
    /// The provider's file that the domain has to give [default: the domain's in WALLET_ASSOCIATION_FILES]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Connect to this address instead of the one that the domain resolves to, e.g. before its DNS is changed
    #[arg(long, value_name = "ADDRESS:PORT")]
    at: Option<SocketAddr>,
    /// A PEM file of the authorities to trust instead of those of this machine, for a test
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

#[derive(Args)]
pub struct RegisterArgs {
    /// The domain of the page, e.g. `shop.example`
    #[arg(value_parser = domain)]
    domain: String,
    #[arg(long, value_enum)]
    provider: RegisteringProvider,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RegisteringProvider {
    Stripe,
    Paypal,
}

fn domain(name: &str) -> Result<String, &'static str> {
    let fits = is_domain(name);
    fits.then(|| name.to_owned())
        .ok_or("must be a domain in lower case without scheme and port, e.g. shop.example")
}

/// Runs the command and returns what it prints.
///
/// # Errors
/// What is wrong with the domain, or why it could not be checked.
pub async fn run(command: Command, source: &Source) -> anyhow::Result<String> {
    match command {
        Command::Check(args) => check(args, source).await,
        Command::Register(args) => register(args, source).await,
    }
}

/// Longer than a provider waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a domain answered at the place where Apple looks.
struct FileAnswer {
    status: u16,
    location: Option<String>,
    /// The body, cut off one byte after the limit.
    body: Vec<u8>,
}

async fn check(args: CheckArgs, source: &Source) -> anyhow::Result<String> {
    let CheckArgs { domain, file, at, ca } = args;
    let file = file.or_else(|| association_file(source, &domain).map(PathBuf::from));
    let expected = file.as_ref().map(|path| {
        std::fs::read(path).with_context(|| format!("the provider's file {} cannot be read", path.display()))
    });
    let seen = match fetch(&domain, at, ca).await? {
        Ok(answer) => judged(&domain, &answer, expected.transpose()?.as_deref()),
        Err(problem) => Err(format!("https://{domain}{ASSOCIATION_PATH} cannot be fetched: {problem}")),
    };
    let notes = DomainNotes::of(&domain, source).await?;
    notes.told_with(seen).map_err(anyhow::Error::msg)
}

/// Judges the response; an error if Apple would reject it.
fn judged(domain: &str, answer: &FileAnswer, expected: Option<&[u8]>) -> Result<String, String> {
    let problems = problems(domain, answer, expected);
    if !problems.is_empty() {
        return Err(format!("{domain} cannot show Apple Pay:\n  {}", problems.join("\n  ")));
    }
    let length = answer.body.len();
    let compared = if expected.is_some() {
        ", which are the provider's"
    } else {
        "; name the provider's file by --file to compare them"
    };
    Ok(format!("{domain} gives Apple {length} bytes over TLS{compared}"))
}

/// Fetches the file. The inner error is the domain's.
async fn fetch(
    domain: &str,
    at: Option<SocketAddr>,
    ca: Option<PathBuf>,
) -> anyhow::Result<Result<FileAnswer, String>> {
    let mut client = Client::builder()
        .user_agent(concat!("payment-gateway/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .https_only(true)
        .timeout(PATIENCE);
    if let Some(address) = at {
        client = client.resolve(domain, address);
    }
    let mut outgoing = Outgoing::default();
    if let Some(ca) = ca {
        let pem = std::fs::read(&ca).with_context(|| format!("--ca: {} cannot be read", ca.display()))?;
        outgoing = outgoing.trusting(&pem).context("--ca")?;
    }
    let client = outgoing.apply(client)?.build()?;
    let port = at.map_or(443, |address| address.port());
    let url = format!("https://{domain}:{port}{ASSOCIATION_PATH}");
    Ok(read(&client, &url).await.map_err(|problem| unreached::words(&problem.without_url())))
}

async fn read(client: &Client, url: &str) -> reqwest::Result<FileAnswer> {
    let mut answer = client.get(url).send().await?;
    let location = answer.headers().get("location").and_then(|to| to.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > BYTES_MAX {
            body.truncate(BYTES_MAX + 1);
            break;
        }
    }
    Ok(FileAnswer { status: answer.status().as_u16(), location, body })
}

/// Everything that keeps Apple from believing the domain.
fn problems(domain: &str, answer: &FileAnswer, expected: Option<&[u8]>) -> Vec<String> {
    let mut problems = Vec::new();
    if let (300..=399, to) = (answer.status, answer.location.as_deref()) {
        let to = to.unwrap_or("nowhere");
        problems.push(format!(
            "it redirects to {to}, which Apple does not follow: give the file at {domain} itself, or register the other domain"
        ));
        return problems;
    }
    if answer.status != 200 {
        problems.push(format!(
            "it answers with status {} instead of the file; WALLET_ASSOCIATION_FILES names a file for each domain",
            answer.status
        ));
        return problems;
    }
    let start: String = String::from_utf8_lossy(&answer.body).trim_start().chars().take(15).collect();
    if start.to_ascii_lowercase().starts_with("<!doctype") || start.starts_with('<') {
        problems.push("it answers with a web page instead of the file".to_owned());
    }
    if answer.body.len() > BYTES_MAX {
        problems
            .push(format!("it answers with more than {BYTES_MAX} bytes, so this is not a provider's file"));
    } else if answer.body.is_empty() {
        problems.push("it answers with an empty file".to_owned());
    }
    match expected {
        Some(expected) if problems.is_empty() && expected != answer.body => {
            problems.push(difference(expected, &answer.body));
        }
        _ => {}
    }
    problems
}

fn difference(expected: &[u8], got: &[u8]) -> String {
    if expected.trim_ascii() == got.trim_ascii() {
        return "its bytes differ from the provider's file in white space at an end: give the file unchanged"
            .to_owned();
    }
    let at = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    format!(
        "its bytes are not the provider's file: it has {} bytes instead of {}, and differs from byte {at} on; each provider \
         has a file of its own",
        got.len(),
        expected.len()
    )
}

async fn register(args: RegisterArgs, source: &Source) -> anyhow::Result<String> {
    if args.provider == RegisteringProvider::Paypal {
        bail!(
            "PayPal takes domains in its dashboard only: Apps & Credentials, the app, Apple Pay, Manage; then run \
             `control-plane wallets check {}`. Google Pay needs no registration at PayPal",
            args.domain
        );
    }
    let settings = GatewaySettings::read(source).map_err(|errors| unusable(&errors))?;
    let trail = open_trail(settings.database).await?;
    let operator = Operator::new(None, source);
    let recorded = Recorded {
        store: &*trail,
        operator: &operator,
        access: Access::Changes,
        action: "wallets register",
        object: &args.domain,
        reason: None,
    };
    recorded.run(register_with_stripe(settings.providers, &args.domain)).await
}

async fn register_with_stripe(settings: Settings, domain: &str) -> anyhow::Result<String> {
    let stripe = settings.stripe.context("STRIPE_SECRET_KEY is needed to register a domain with Stripe")?;
    let wallets = register_stripe_domain(stripe, settings.timeouts, Arc::new(SystemClock), domain).await??;
    told_statuses(domain, &wallets).map_err(anyhow::Error::msg)
}

/// What Stripe says of each wallet, as an error unless all are usable.
fn told_statuses(domain: &str, wallets: &[DomainStatus]) -> Result<String, String> {
    let are_usable = wallets.iter().all(|wallet| wallet.status == "active");
    let which = if are_usable { "every wallet is" } else { "not every wallet is" };
    let mut text = format!("{which} usable on {domain}:");
    for DomainStatus { wallet, status, problem } in wallets {
        let problem = problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
        let _ = write!(text, "\n  {wallet}: {status}{problem}");
    }
    if are_usable { Ok(text) } else { Err(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, location: Option<&str>, body: &[u8], expected: Option<&[u8]>) -> String {
        let answer = FileAnswer { status, location: location.map(str::to_owned), body: body.to_vec() };
        problems("shop.example", &answer, expected).join("\n")
    }

    #[test]
    fn the_providers_own_bytes_without_a_detour_are_fine() {
        assert_eq!(told(200, None, b"7B2270", Some(b"7B2270")), "");
        assert_eq!(told(200, None, b"7B2270", None), "");
    }

    #[test]
    fn each_mistake_is_told_by_its_cause() {
        for (status, location, body, words) in [
            (301, Some("https://www.shop.example/"), &b""[..], "redirects to https://www.shop.example/"),
            (404, None, &b""[..], "status 404"),
            (401, None, &b""[..], "status 401"),
            (200, None, &b" <!DOCTYPE html><html>"[..], "a web page"),
            (200, None, &b""[..], "an empty file"),
            (200, None, &[b'7'; BYTES_MAX + 1][..], "more than 16384 bytes"),
            (200, None, &b"7B2270\n"[..], "white space"),
            (200, None, &b"7B9999"[..], "differs from byte 2 on"),
        ] {
            let told = told(status, location, body, Some(b"7B2270"));
            assert!(told.contains(words), "{words} in {told}");
        }
    }

    #[test]
    fn a_wallet_that_is_not_usable_is_an_error_that_says_so() {
        let wallet = |status: &str, problem: Option<&str>| DomainStatus {
            wallet: "apple_pay".to_owned(),
            status: status.to_owned(),
            problem: problem.map(str::to_owned),
        };
        let told = |wallets: &[DomainStatus]| told_statuses("shop.example", wallets);
        let (active, inactive) = (wallet("active", None), wallet("inactive", Some("no file")));
        assert_eq!(
            told(std::slice::from_ref(&active)).unwrap(),
            "every wallet is usable on shop.example:\n  apple_pay: active"
        );
        assert_eq!(
            told(&[active, inactive]).unwrap_err(),
            "not every wallet is usable on shop.example:\n  apple_pay: active\n  apple_pay: inactive: no file"
        );
    }

    #[test]
    fn a_domain_is_a_name_alone() {
        assert!(domain("shop.example").is_ok());
        for wrong in ["https://shop.example", "shop.example:443", "Shop.example", "localhost", ""] {
            assert!(domain(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_host_without_tls_is_told_as_unreachable() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        drop(listener);
        assert!(fetch("shop.example", Some(at), None).await.unwrap().is_err());
    }
}
