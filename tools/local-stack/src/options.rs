//! What a caller may choose about a stack.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{Addresses, Destination, Destinations, Environment, Programs};

/// How a stack is to be started.
#[derive(Clone, Debug)]
pub struct Options {
    /// State, secrets, logs and pid files; made if it is not there.
    pub run_dir: PathBuf,
    pub addresses: Addresses,
    pub programs: Programs,
    pub providers: Destinations,
    /// The environment of the parts. A setting named here wins over the stack's own value for it.
    pub environment: Environment,
    /// Worker threads of Envoy.
    pub envoy_workers: u16,
    /// Routes that Envoy looks at before its own, each as JSON: for measuring, and in no bootstrap of a user's.
    pub extra_routes: Vec<String>,
    /// Clusters for them, likewise.
    pub extra_clusters: Vec<String>,
    /// From the first process to an answer through the gateway.
    pub start_within: Duration,
}

/// Without these, programs do not run as they should; a test takes nothing else from the shell around it.
const SURROUNDINGS: [&str; 5] = ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE", SHARED];

/// Names the folder with the providers' published contracts; the sandbox does without where it is absent.
const SHARED: &str = "GATEWAY_SHARED";

/// A test sends everything from one address and as one or two clients, and as fast as this machine can. Those that are
/// about limits set their own.
const NO_LIMITS: [(&str, &str); 8] = [
    ("GATEWAY_ADDRESS_REQUESTS_PER_SECOND", "1000000"),
    ("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "1000000"),
    ("GATEWAY_REQUESTS_PER_SECOND", "1000000"),
    ("GATEWAY_ADDRESS_WEBHOOKS_PER_SECOND", "1000000"),
    ("GATEWAY_WEBHOOKS_PER_SECOND", "1000000"),
    ("GATEWAY_CLIENT_REQUESTS_IN_FLIGHT", "16384"),
    ("GATEWAY_ADDRESS_CONNECTIONS", "10000"),
    ("GATEWAY_ADDRESS_NEW_CONNECTIONS_PER_SECOND", "10000"),
];

impl Options {
    /// A stack of its own for a test: free ports, both providers in the sandbox, no limits that it could meet, nothing of
    /// the caller's settings.
    pub fn for_test(run_dir: impl Into<PathBuf>) -> Result<Self> {
        let mut environment: Environment =
            SURROUNDINGS.iter().filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?))).collect();
        let beside_repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
        let shared = environment.entry(SHARED.to_owned());
        shared.or_insert_with(|| beside_repository.display().to_string());
        environment.extend(NO_LIMITS.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(Self {
            run_dir: run_dir.into(),
            addresses: Addresses::FREE,
            programs: Programs::of_this_build()?,
            providers: Destinations { stripe: Destination::Sandbox, paypal: Destination::Sandbox },
            environment,
            envoy_workers: 1,
            extra_routes: Vec::new(),
            extra_clusters: Vec::new(),
            start_within: Duration::from_secs(60),
        })
    }

    /// The stack that `make run` starts, as the caller's environment wants it. An empty variable is an unset one.
    pub fn from_environment(
        run_dir: PathBuf,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self> {
        // None of what the parts read is anything but text, and blanks and line ends around it are no part of it. What
        // else stands there is not handed on.
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.to_str()?.trim().to_owned()))
        };
        let environment: Environment =
            variables.into_iter().filter_map(text).filter(|(_, value)| !value.is_empty()).collect();
        let envoy_workers = match environment.get("ENVOY_WORKERS") {
            Some(text) => text.parse().with_context(|| format!("ENVOY_WORKERS is `{text}`, not a number"))?,
            None => 1,
        };
        Ok(Self {
            run_dir,
            addresses: Addresses::from_environment(&environment)?,
            programs: Programs::of_this_build()?,
            providers: Destinations::from_environment(&environment)?,
            environment,
            envoy_workers,
            extra_routes: Vec::new(),
            extra_clusters: Vec::new(),
            start_within: Duration::from_secs(60),
        })
    }

    /// Sets one variable of the parts.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }
}
