//! The gateways of the tests: four shared ones, and dedicated ones.

use std::cell::RefCell;
use std::ops::Deref;
use std::path::Path;
use std::{env, fs};

use local_stack::{Addresses, Options, Stack};
use test_services::ScratchFolder;
use test_services::proxy::Proxy;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::{Gateway, until};

/// Beside the repository.
const SHARED_FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared");

/// A working gateway, shared by all tests that only look at their own transactions.
pub async fn shared() -> Gateway<'static> {
    static STACK: OnceCell<Result<Stack, String>> = OnceCell::const_new();
    Gateway::of(started(&STACK, &[]).await)
}

/// A gateway whose providers send no webhooks: only the test causes changes.
pub async fn without_webhooks() -> Gateway<'static> {
    static STACK: OnceCell<Result<Stack, String>> = OnceCell::const_new();
    Gateway::of(started(&STACK, &SILENCE).await)
}

/// Providers that send no webhooks.
const SILENCE: [(&str, &str); 2] = [("SANDBOX_STRIPE_WEBHOOK_URL", ""), ("SANDBOX_PAYPAL_WEBHOOK_URL", "")];

/// A gateway that only receives requests that the edge must reject, so that its control plane must never be called.
pub async fn rejecting() -> RejectingGateway {
    static STACK: OnceCell<Result<Stack, String>> = OnceCell::const_new();
    static REQUESTS_OF_THE_START: OnceCell<u64> = OnceCell::const_new();
    let gateway = Gateway::of(started(&STACK, &[]).await);
    let asked_before = *REQUESTS_OF_THE_START.get_or_init(|| gateway.control_plane_requests()).await;
    // The start itself makes requests: a counter of zero would mean that nothing is counted.
    assert_ne!(asked_before, 0, "the control plane counts no requests");
    RejectingGateway { gateway, asked_before }
}

/// A gateway with faulty providers, for one test at a time. Provider calls time out after two seconds, and nothing
/// repairs the results: no webhooks, and no retries.
pub async fn faulty() -> FaultyGateway {
    static STACK: OnceCell<Result<Stack, String>> = OnceCell::const_new();
    static LOCK: Mutex<()> = Mutex::const_new(());
    let guard = LOCK.lock().await;
    let settings = [
        SILENCE[0],
        SILENCE[1],
        ("PROVIDER_TIMEOUT_SECONDS", "2"),
        ("RETRY_BUDGET_PER_SECOND", "0"),
        ("CIRCUIT_BREAKERS", "off"),
    ];
    let gateway = Gateway::of(started(&STACK, &settings).await);
    gateway.sandbox.heal().await;
    FaultyGateway { gateway, _guard: guard }
}

/// See [`rejecting`].
#[derive(Debug)]
pub struct RejectingGateway {
    gateway: Gateway<'static>,
    asked_before: u64,
}

impl RejectingGateway {
    /// Asserts that nothing that any test sent to this gateway has reached the control plane.
    pub async fn nothing_reached_the_control_plane(&self) {
        assert_eq!(
            self.gateway.control_plane_requests().await,
            self.asked_before,
            "the control plane was asked"
        );
    }
}

impl Deref for RejectingGateway {
    type Target = Gateway<'static>;
    fn deref(&self) -> &Gateway<'static> {
        &self.gateway
    }
}

/// See [`faulty`].
#[derive(Debug)]
pub struct FaultyGateway {
    gateway: Gateway<'static>,
    _guard: MutexGuard<'static, ()>,
}

impl Deref for FaultyGateway {
    type Target = Gateway<'static>;
    fn deref(&self) -> &Gateway<'static> {
        &self.gateway
    }
}

/// A dedicated gateway, stopped when dropped.
#[derive(Debug)]
pub struct OwnGateway {
    // Dropped in this order.
    pub stack: Stack,
    _run_dir: ScratchFolder,
}

impl OwnGateway {
    /// Starts one with these settings.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::prepared(|_| {}, settings).await
    }

    /// The same, after `prepare` has run on the empty log folder.
    pub async fn prepared(prepare: impl FnOnce(&Path), settings: &[(&str, &str)]) -> Self {
        let run_dir = run_dir();
        let logs = run_dir.path().join("logs");
        fs::create_dir(&logs).unwrap();
        prepare(&logs);
        let stack = start(run_dir.path(), settings).await.unwrap_or_else(|error| panic!("{error}"));
        Self { stack, _run_dir: run_dir }
    }

    /// One whose Envoy reaches the control plane by a way that the test can break.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn by_a_way() -> (Self, Proxy) {
        // The way needs the port before the control plane has it, and another process may take it meanwhile.
        for _ in 0..5 {
            let run_dir = run_dir();
            let mut options = options(run_dir.path(), &[]).unwrap();
            options.addresses = Addresses::FREE.choose_ports().unwrap();
            let way = Proxy::to(options.addresses.control_plane).await;
            let options = options.with("CONTROL_PLANE_ADDRESS", way.address().to_string());
            match Stack::start(options).await {
                Ok(stack) => return (Self { stack, _run_dir: run_dir }, way),
                Err(error) => assert!(Addresses::is_port_conflict(&error), "{error:#}"),
            }
        }
        panic!("another process has taken one of its ports, five times");
    }

    #[must_use]
    pub fn gateway(&self) -> Gateway<'_> {
        Gateway::of(&self.stack)
    }

    /// Kills every part and restarts on the data on disk. The provider sandbox loses its state.
    pub async fn restarted(self, settings: &[(&str, &str)]) -> Self {
        let Self { stack, _run_dir: run_dir } = self;
        drop(stack);
        let stack = start(run_dir.path(), settings).await.unwrap_or_else(|error| panic!("{error}"));
        Self { stack, _run_dir: run_dir }
    }

    /// Waits until a part has ended by itself, and returns which, how, and the end of its log.
    pub async fn end_of_a_part(&mut self) -> String {
        let stack = RefCell::new(&mut self.stack);
        until("the end of a part", async || stack.borrow_mut().ended()).await
    }
}

async fn started(
    stack: &'static OnceCell<Result<Stack, String>>,
    settings: &[(&str, &str)],
) -> &'static Stack {
    // A failure is kept, so that a stack that cannot start delays only the first test.
    let started = stack.get_or_init(async || {
        // Its parts end with this process, and then it is removed: statics are never dropped.
        let run_dir = Box::leak(Box::new(run_dir()));
        start(run_dir.path(), settings).await
    });
    started.await.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// The folder that may have the providers' published contracts.
#[must_use]
pub fn shared_folder() -> String {
    env::var("GATEWAY_SHARED").unwrap_or_else(|_| SHARED_FOLDER.to_owned())
}

async fn start(run_dir: &Path, settings: &[(&str, &str)]) -> Result<Stack, String> {
    Stack::start(options(run_dir, settings)?).await.map_err(|error| format!("{error:#}"))
}

fn options(run_dir: &Path, settings: &[(&str, &str)]) -> Result<Options, String> {
    let options = Options::for_test(run_dir).map_err(|error| format!("{error:#}"))?;
    // The sandbox then checks the gateway's calls against the providers' published contracts, if present.
    let options = options.with("GATEWAY_SHARED", shared_folder());
    Ok(settings.iter().fold(options, |options, (name, value)| options.with(name, *value)))
}

fn run_dir() -> ScratchFolder {
    ScratchFolder::new("gateway-e2e-")
}
