//! `control-plane webhook verify`: shows how the edge would judge a webhook, and why.
//!
//! The verdict comes from the same code that the filter runs. Everything else here looks for the cause of a failure.

mod bodies;
mod fetch;
mod headers;
mod json_layout;
mod paypal;
mod report;
mod stripe;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use edge_core::provider::Provider;
use edge_core::webhook::paypal::Environment;
use edge_core::webhook::stripe::TOLERANCE_S;
use jiff::Timestamp;
use payments::ports::clock::{Clock as _, SystemClock};

pub use report::{NotVerified, VerifyReport};

const EXAMPLES: &str = "\
Exit code: 0 when the webhook is verified, 1 when it is not.

Examples:
  control-plane webhook verify --provider stripe --headers headers.txt --body body.json --secret whsec_…
  control-plane webhook verify --provider paypal --headers headers.txt --body body.json \\
      --webhook-id 4JH86294D6297924G --environment live --at 2026-01-31T12:00:00Z";

/// Check whether a webhook is from the provider, and if not, report the likely cause
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// The provider of the webhook
    #[arg(long, value_parser = provider, value_name = "stripe|paypal")]
    provider: Provider,
    /// The webhook's headers, one `Name: value` per line
    #[arg(long, value_name = "FILE")]
    headers: PathBuf,
    /// The body, byte for byte as received
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// Stripe: the endpoint's signing secret; may be given several times
    #[arg(
        long,
        value_name = "SECRET",
        env = "STRIPE_WEBHOOK_SECRETS",
        hide_env_values = true,
        value_delimiter = ',',
        required_if_eq("provider", "stripe")
    )]
    secret: Vec<String>,
    /// Stripe: the largest accepted difference between signing time and now, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = TOLERANCE_S)]
    tolerance: u64,
    /// PayPal: the endpoint's id, e.g. 4JH86294D6297924G
    #[arg(long, value_name = "ID", env = "PAYPAL_WEBHOOK_ID", required_if_eq("provider", "paypal"))]
    webhook_id: Option<String>,
    /// PayPal: the certificate in PEM, instead of fetching it
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// PayPal: roots and intermediates in PEM, instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// PayPal: the environment; by default, that of the certificate's URL
    #[arg(long, value_enum)]
    environment: Option<PaypalEnvironment>,
    /// The time to check at (RFC 3339), instead of now
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Print one JSON object: {provider, verdict, checks: [{name, ok, detail}], causes: […]}
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PaypalEnvironment {
    Live,
    Sandbox,
}

impl PaypalEnvironment {
    const ALL: [Self; 2] = [Self::Live, Self::Sandbox];

    fn rules(self) -> Environment {
        match self {
            Self::Live => Environment::live(),
            Self::Sandbox => Environment::sandbox(),
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Live => Self::Sandbox,
            Self::Sandbox => Self::Live,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sandbox => "sandbox",
        }
    }
}

/// A webhook as read from the files.
struct Delivery {
    /// Header names are in lower case.
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    at: Timestamp,
}

impl Delivery {
    /// The time in Unix seconds. Times before 1970 become 0, which makes no difference to certificates and signatures.
    fn at_s(&self) -> u64 {
        self.at.as_second().try_into().unwrap_or(0)
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_slice())
    }
}

/// Verifies the webhook that the arguments name.
///
/// # Errors
/// A file cannot be read. Problems of the webhook are in the report.
pub async fn verify(args: &VerifyArgs) -> anyhow::Result<VerifyReport> {
    let headers =
        headers::parse(&read(&args.headers)?).with_context(|| args.headers.display().to_string())?;
    let delivery =
        Delivery { headers, body: read(&args.body)?, at: args.at.unwrap_or_else(|| SystemClock.now()) };
    match args.provider {
        Provider::Stripe => Ok(stripe::verify(&delivery, &args.secret, args.tolerance)),
        Provider::Paypal => paypal::verify(&delivery, args).await,
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn provider(name: &str) -> Result<Provider, &'static str> {
    Provider::from_name(name).ok_or("must be stripe or paypal")
}

/// A Unix time in human-readable form.
fn date(unix_s: u64) -> String {
    let second = i64::try_from(unix_s).ok().and_then(|s| Timestamp::from_second(s).ok());
    second.map_or_else(|| format!("{unix_s} s after 1970"), |time| time.to_string())
}
