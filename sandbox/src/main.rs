//! The provider sandbox as a program.

mod webhook_options;

use std::{env, fs, io, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use clap::{
    Arg, Args, CommandFactory as _, Parser, Subcommand,
    error::{ContextKind, ErrorKind},
};
use logging::{Format, Level, WrongLevel};
use provider_sandbox::{Config, DEFAULT_GATEWAY, DEFAULT_KEY, start};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use webhook_options::WebhookOptions;

/// Requests allocate a lot, from every thread, and measurements of a gateway include the sandbox's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A stand-in for Stripe and PayPal that keeps a ledger of every effect and fails on demand.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves Stripe at /v1, PayPal at /v1/oauth2 and /v2, and its own controls at /_sandbox.
    #[command(after_help = EXAMPLES)]
    Serve(Box<Serve>),
    /// Exits 0 if a sandbox answers at an address, else 1; for health checks.
    Ready {
        #[arg(value_name = "IP:PORT", default_value = "127.0.0.1:8090")]
        address: SocketAddr,
    },
}

const EXAMPLES: &str = "\
Examples:
  provider-sandbox serve
      listens on 127.0.0.1:8090
  provider-sandbox serve --listen 127.0.0.1:0 --address-file /tmp/sandbox.addr
      picks a free port and writes it to a file once it listens
  curl -u sk_test_demo: http://127.0.0.1:8090/v1/payment_intents -d amount=4999 -d currency=usd \\
      -d payment_method=pm_card_visa -d confirm=true -d 'payment_method_types[]=card'
      charges 49.99 USD
  http://127.0.0.1:8090/_sandbox/checkout
      in a browser: a checkout page that pays through a gateway on this machine
  curl http://127.0.0.1:8090/_sandbox/ledger
      shows what happened
  curl http://127.0.0.1:8090/_sandbox/faults -d '{\"operation\":\"charge\",\"fault\":\"drop_after\",\"every\":3}'
      cuts the connection after the effect of every third charge
  curl -X PUT http://127.0.0.1:8090/_sandbox/webhooks \\
      -d '{\"stripe\":{\"url\":\"http://127.0.0.1:8080/webhooks/stripe\",\"secrets\":[\"whsec_1\"]}}'
      delivers Stripe's webhooks there";

#[derive(Debug, Args)]
struct Serve {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, env = "SANDBOX_LISTEN", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,

    /// File that gets the address, e.g. `127.0.0.1:8090`, once the sandbox listens on it.
    #[arg(long, value_name = "PATH")]
    address_file: Option<PathBuf>,

    /// Base of the links to approval pages, if browsers reach the sandbox by another address.
    #[arg(long, env = "SANDBOX_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,

    /// Folder of the providers' published contracts, which requests are then held against; must exist.
    #[arg(long, value_name = "DIR")]
    contracts: Option<PathBuf>,

    /// Folder whose subfolder `contracts` is used if it is there and --contracts is not given, in a build with the
    /// feature `contracts`.
    #[arg(long, env = "GATEWAY_SHARED", default_value = "../shared", value_name = "DIR")]
    shared: PathBuf,

    /// The one Stripe key to accept; any sk_test_ key if absent.
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true, value_name = "KEY")]
    stripe_secret_key: Option<String>,

    /// Shows what was authorized and not captured as refunds, as older Stripe accounts do.
    #[arg(long, env = "SANDBOX_STRIPE_RELEASES_AS_REFUNDS")]
    stripe_releases_as_refunds: bool,

    /// The one PayPal client id to accept; any if absent.
    #[arg(long, env = "PAYPAL_CLIENT_ID", requires = "paypal_client_secret", value_name = "ID")]
    paypal_client_id: Option<String>,

    /// The secret of the PayPal client.
    #[arg(
        long,
        env = "PAYPAL_CLIENT_SECRET",
        hide_env_values = true,
        requires = "paypal_client_id",
        value_name = "SECRET"
    )]
    paypal_client_secret: Option<String>,

    /// Lifetime of PayPal access tokens, in seconds.
    #[arg(long, env = "SANDBOX_PAYPAL_TOKEN_SECONDS", default_value_t = 32_400, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..))]
    paypal_token_seconds: u32,

    /// After this many seconds a PayPal payment under review (vault-pending) is accepted; 0 leaves that to
    /// POST /_sandbox/paypal/payments/{id}/review.
    #[arg(long, env = "SANDBOX_PAYPAL_REVIEW_SECONDS", default_value_t = 0, value_name = "SECONDS")]
    paypal_review_seconds: u32,

    /// The gateway that the pages at /_sandbox/checkout and /_sandbox/live use, as browsers reach it.
    #[arg(long, env = "SANDBOX_GATEWAY_URL", default_value = DEFAULT_GATEWAY, value_name = "URL")]
    gateway_url: String,

    /// The checkout page's client key at the gateway.
    #[arg(long, env = "SANDBOX_GATEWAY_KEY", default_value = DEFAULT_KEY, hide_env_values = true, value_name = "KEY")]
    gateway_key: String,

    /// off, error, warn, info, debug or trace, or a list as in `info,provider_sandbox::webhooks=debug`.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL", value_parser = log_level)]
    log_level: Level,

    #[command(flatten)]
    webhooks: WebhookOptions,
}

/// An empty variable is an unset one.
fn log_level(text: &str) -> Result<Level, WrongLevel> {
    if text.is_empty() { Ok(Level::default()) } else { text.parse() }
}

/// A credential as the gateway reads it from the same variable: without what files and orchestrators leave around it. An
/// empty variable is an unset one.
fn given(credential: Option<&str>) -> Option<String> {
    credential.map(str::trim).filter(|credential| !credential.is_empty()).map(str::to_owned)
}

impl Serve {
    fn config(&self) -> anyhow::Result<Config> {
        let stripe_secret_key = given(self.stripe_secret_key.as_deref());
        if stripe_secret_key.as_ref().is_some_and(|key| !key.starts_with("sk_test_")) {
            bail!("--stripe-secret-key: must begin with sk_test_, the sandbox accepts no other key");
        }
        Ok(Config {
            listen: self.listen,
            public_url: self.public_url.clone(),
            contracts: self.find_contracts()?,
            stripe_secret_key,
            stripe_releases_as_refunds: self.stripe_releases_as_refunds,
            paypal_credentials: given(self.paypal_client_id.as_deref())
                .zip(given(self.paypal_client_secret.as_deref())),
            paypal_token_seconds: self.paypal_token_seconds,
            gateway_url: self.gateway_url.clone(),
            gateway_key: self.gateway_key.clone(),
            paypal_review_after: (self.paypal_review_seconds > 0)
                .then(|| Duration::from_secs(self.paypal_review_seconds.into())),
            ..self.webhooks.add_to(Config::default())
        })
    }

    fn find_contracts(&self) -> anyhow::Result<Option<PathBuf>> {
        if let Some(folder) = &self.contracts {
            if !folder.is_dir() {
                bail!("--contracts: {} is not a folder", folder.display());
            }
            return Ok(Some(folder.clone()));
        }
        let folder = self.shared.join("contracts");
        Ok((cfg!(feature = "contracts") && folder.is_dir()).then_some(folder))
    }
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        if let Some(name) = variable_of(&error) {
            say_error(&format!("{name} (from the environment)"));
        }
        error.exit()
    });
    let arguments = match cli.command {
        Command::Serve(arguments) => arguments,
        Command::Ready { address } => {
            let Err(error) = ready(address) else { return ExitCode::SUCCESS };
            return fail(&format!("{error:#}"));
        }
    };
    if let Err(error) = logging::start(&arguments.log_level, Format::Human) {
        return fail(&error.to_string());
    }
    let code = match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the sandbox ends");
            ExitCode::FAILURE
        }
    };
    logging::flush();
    code
}

/// The variable that an error is about: it is told by the name of the argument alone, which nobody gave, or by none.
fn variable_of(error: &clap::Error) -> Option<String> {
    let about = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let mut command = Cli::command();
    command.build();
    command.find_subcommand("serve")?.get_arguments().find_map(|argument| {
        let name = argument.get_env()?;
        let value = env::var_os(name)?;
        let is_named = about.as_ref() == Some(&argument.to_string());
        let is_no_text = error.kind() == ErrorKind::InvalidUtf8 && value.to_str().is_none();
        let is_meant = (is_named || is_no_text) && !is_given(argument);
        is_meant.then(|| name.to_string_lossy().into_owned())
    })
}

/// Whether the command line has it.
fn is_given(argument: &Arg) -> bool {
    let Some(long) = argument.get_long() else { return false };
    env::args_os().filter_map(|word| word.into_string().ok()).any(|word| {
        let name = word.split('=').next().unwrap_or_default();
        name.strip_prefix("--") == Some(long)
    })
}

fn fail(why: &str) -> ExitCode {
    say_error(why);
    ExitCode::FAILURE
}

/// Waits briefly until it is said.
fn say_error(why: &str) {
    logging::say(&format!("error: {why}"));
    logging::flush();
}

#[tokio::main]
async fn run(arguments: &Serve) -> anyhow::Result<()> {
    logging::outlive_size_limits()?;
    // What a closed terminal sends ends a program by default, and this one has no file to read again.
    let _hang_up = signal(SignalKind::hangup())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let config = arguments.config()?;
    let contracts =
        config.contracts.as_ref().map_or_else(|| "none".to_owned(), |it| it.display().to_string());
    let sandbox = start(config).await.with_context(|| format!("could not start on {}", arguments.listen))?;
    if let Some(path) = &arguments.address_file {
        write_atomically(path, &sandbox.address().to_string())
            .with_context(|| format!("--address-file: could not write {}", path.display()))?;
    }
    info!(address = %sandbox.address(), url = sandbox.url(), contracts, "listening");
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    info!("stopping");
    sandbox.stop().await;
    Ok(())
}

/// Whether a sandbox answers there within 2.5 s.
#[tokio::main(flavor = "current_thread")]
async fn ready(address: SocketAddr) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(2500)).build()?;
    http.get(format!("http://{address}/_sandbox/requests?summary=1")).send().await?.error_for_status()?;
    Ok(())
}

/// Readers of the file see all of it or nothing.
fn write_atomically(path: &PathBuf, text: &str) -> io::Result<()> {
    let mut unfinished = path.clone().into_os_string();
    unfinished.push(".new");
    fs::write(&unfinished, format!("{text}\n"))?;
    fs::rename(&unfinished, path)
}
