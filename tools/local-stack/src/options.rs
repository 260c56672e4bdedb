//! The options of a stack.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{Addresses, Destination, Destinations, Environment, Programs};

/// How a stack is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// State, secrets, logs and pid files; created if missing.
    pub run_dir: PathBuf,
    pub addresses: Addresses,
    pub programs: Programs,
    pub providers: Destinations,
    /// The environment of the parts. It overrides the stack's own values.
    pub environment: Environment,
    /// Worker threads of Envoy.
    pub envoy_workers: u16,
    /// Routes that Envoy matches before its own, each as JSON: for measurements only.
    pub extra_routes: Vec<String>,
    /// Clusters for these routes, likewise.
    pub extra_clusters: Vec<String>,
    /// The time from the first process to a response through the gateway.
    pub start_within: Duration,
}

/// Variables that programs need to run properly; a test inherits nothing else from its shell.
const SURROUNDINGS: [&str; 5] = ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE", SHARED];

/// Names the folder with the providers' published contracts; the sandbox does without if it is absent.
const SHARED: &str = "GATEWAY_SHARED";

/// Tests send everything from one address and as one or two clients, as fast as the machine can. Tests of limits set
/// their own.
const NO_LIMITS: [(&str, &str); 9] = [
    ("GATEWAY_ADDRESS_REQUESTS_PER_SECOND", "1000000"),
    ("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "1000000"),
    ("GATEWAY_REQUESTS_PER_SECOND", "1000000"),
    ("GATEWAY_ADDRESS_WEBHOOKS_PER_SECOND", "1000000"),
    ("GATEWAY_WEBHOOKS_PER_SECOND", "1000000"),
    ("GATEWAY_TICKET_STREAMS_PER_SECOND", "1000000"),
    ("GATEWAY_CLIENT_REQUESTS_IN_FLIGHT", "16384"),
    ("GATEWAY_ADDRESS_CONNECTIONS", "10000"),
    ("GATEWAY_ADDRESS_NEW_CONNECTIONS_PER_SECOND", "10000"),
];

impl Options {
    /// A stack for a test: free ports, both providers in the sandbox, no limits within a test's reach, and none of the
    /// caller's settings.
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

    /// The stack of `make run`, configured by the caller's environment. An empty variable counts as unset.
    pub fn from_environment(
        run_dir: PathBuf,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self> {
        // The parts only read text, and surrounding white space is not significant. Other variables are not passed on.
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

    /// Sets a variable of the parts.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }
}
