//! `control-plane edge-keys`: the attestation subkeys of the edge or of a separate edge cache.

use anyhow::Context as _;
use clap::ValueEnum;
use edge_core::attestation::Holder;

use crate::config::{Source, attestation_keys, unusable};

/// Print the EDGE_ATTESTATION_KEYS of Envoy or of a separate edge cache: the subkeys that this part needs, derived from
/// the control plane's EDGE_ATTESTATION_KEYS. No other subkey follows from them. What is printed is a secret
#[derive(clap::Args)]
pub(super) struct Args {
    /// Who gets them
    #[arg(value_enum, value_name = "PART")]
    part: EdgePart,
}

#[derive(Clone, Copy, ValueEnum)]
enum EdgePart {
    /// The filter in Envoy
    Edge,
    /// `control-plane edge-cache`
    EdgeCache,
}

/// One line, `id:PART:hex` for each key in the order of the control plane's.
pub(super) fn list(args: &Args, source: &Source) -> anyhow::Result<String> {
    let keys = attestation_keys(source, Holder::ControlPlane).map_err(|error| unusable(&[error]))?;
    let holder = match args.part {
        EdgePart::Edge => Holder::Edge,
        EdgePart::EdgeCache => Holder::EdgeCache,
    };
    keys.of(holder).context("EDGE_ATTESTATION_KEYS: the control plane's own list is needed")
}
