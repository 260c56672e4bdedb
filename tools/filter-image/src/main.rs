//! `filter-image`: pushes the filter to a registry, without a container engine, for Istio and Envoy Gateway to fetch.

mod form;
mod push;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Parser;
use oci_client::Reference;

use self::form::Form;

/// Push the filter to a registry, in a form that Istio and Envoy Gateway fetch, and print its name with its digest.
///
/// The same filter always has the same digest.
#[derive(Parser)]
#[command(version, after_help = HELP)]
struct Cli {
    #[arg(long, value_enum, default_value_t = Form::Image)]
    form: Form,
    /// The filter, which `make filter` builds
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// Where to, as in registry.example/payments/payment-gateway-edge-filter:0.1.0
    #[arg(value_name = "NAME:TAG")]
    name: Reference,
}

const HELP: &str = "\
REGISTRY_USERNAME and REGISTRY_PASSWORD, if both are set, are what it signs in with. A registry on this machine is asked
without TLS, any other with it.";

/// What every wasm module begins with.
const MAGIC: &[u8] = b"\0asm";

fn main() -> ExitCode {
    use std::io::Write as _;
    match run(&Cli::parse()) {
        Ok(pushed) => match writeln!(std::io::stdout(), "{pushed}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            // Nobody may read it.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(cli: &Cli) -> anyhow::Result<String> {
    ensure!(cli.name.digest().is_none(), "{}: give a tag; the digest comes of what is pushed", cli.name);
    let file = cli.file.display();
    let module = fs::read(&cli.file).with_context(|| format!("{file}"))?;
    ensure!(module.starts_with(MAGIC), "{file} is no wasm module");
    let parts = cli.form.of(module).context("the layer could not be packed")?;
    push::push(&cli.name, parts).await
}
