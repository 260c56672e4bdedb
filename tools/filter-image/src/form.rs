//! The two forms of an image that holds a wasm module.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use oci_client::client::{Config, ImageLayer};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// How a module lies in a registry. Istio and Envoy Gateway take both.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Form {
    /// An image of one layer with one file, as `FROM scratch` and one `COPY` make it: every registry takes it
    Image,
    /// An artifact: the module itself is the layer
    Artifact,
}

/// The name that fetchers look for in an image.
const FILE: &str = "plugin.wasm";

/// Media types of the artifact, by the specification of wasm images that Istio and Envoy Gateway follow.
const ARTIFACT_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
const ARTIFACT_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// What is pushed.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) layer: ImageLayer,
}

impl Form {
    /// Without times and owners: the same module gives the same bytes.
    pub(crate) fn of(self, module: Vec<u8>) -> io::Result<Parts> {
        match self {
            Self::Image => {
                let archive = archived(&module)?;
                let config = json!({
                    // Engines want a platform. Nothing of it runs on one.
                    "architecture": "amd64",
                    "os": "linux",
                    "config": {},
                    "rootfs": { "type": "layers", "diff_ids": [digest(&archive)] },
                });
                let config = Config::oci_v1(config.to_string(), None);
                Ok(Parts { config, layer: ImageLayer::oci_v1_gzip(compressed(&archive)?, None) })
            }
            Self::Artifact => {
                let title = ("org.opencontainers.image.title".to_owned(), FILE.to_owned());
                let config = Config::new("{}", ARTIFACT_CONFIG.to_owned(), None);
                let layer = ImageLayer::new(module, ARTIFACT_LAYER.to_owned(), Some(BTreeMap::from([title])));
                Ok(Parts { config, layer })
            }
        }
    }
}

fn archived(module: &[u8]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, FILE, module)?;
    archive.into_inner()
}

fn compressed(archive: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(archive)?;
    gzip.finish()
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
