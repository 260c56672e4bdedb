//! The programs of a stack.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

/// The paths of the programs, and of what Envoy reads besides.
#[derive(Clone, Debug)]
pub struct Programs {
    pub control_plane: PathBuf,
    pub sandbox: PathBuf,
    pub envoy: PathBuf,
    /// The filter that Envoy loads, a `.wasm` file.
    pub filter: PathBuf,
    /// The folder with the API's documentation, which Envoy serves.
    pub docs: PathBuf,
}

impl Programs {
    /// The programs of this build: the binaries beside the running one (or the running test), the filter above them,
    /// and the Envoy that the set-up fetched.
    pub fn of_this_build() -> Result<Self> {
        let own = env::current_exe().context("the running program has no path")?;
        let Some(beside) = own.ancestors().skip(1).find(|folder| folder.join("control-plane").is_file())
        else {
            bail!("there is no control-plane beside {}; `make build` builds it", own.display());
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let filter = beside.parent().unwrap_or(beside).join("edge_filter.wasm");
        let programs = Self {
            control_plane: beside.join("control-plane"),
            sandbox: beside.join("provider-sandbox"),
            envoy: root.join(".tools/bin/envoy"),
            filter,
            docs: root.join("docs"),
        };
        for (path, target) in
            [(&programs.sandbox, "build"), (&programs.envoy, "envoy"), (&programs.filter, "filter")]
        {
            if !path.is_file() {
                bail!("{} is missing; `make {target}` brings it", path.display());
            }
        }
        Ok(programs)
    }
}
