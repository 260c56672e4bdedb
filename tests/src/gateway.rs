//! A client of a gateway, with access to what happens behind it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use local_stack::{DEMO_KEY, Stack};
use reqwest::{Client, Method, RequestBuilder, redirect};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::http1::Request;
use crate::sandbox::Sandbox;
use crate::{HttpResponse, prometheus, until};

/// The key of the client `demo-2`, another client than `demo`.
pub const DEMO_2_KEY: &str = "demo-key-2";

/// An idempotency key that no other request has.
#[must_use]
pub fn fresh_key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("e2e-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The client `demo` by default.
#[derive(Debug)]
pub struct Gateway<'s> {
    stack: &'s Stack,
    key: &'static str,
    pub http: Client,
    /// For the control plane's own port.
    inside: Client,
    pub sandbox: Sandbox,
}

impl<'s> Gateway<'s> {
    pub(crate) fn of(stack: &'s Stack) -> Self {
        // One per test: a pooled connection dies with the runtime of the test that opened it.
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        let sandbox = Sandbox { url: stack.sandbox_url(), http: http.clone() };
        let inside = stack.client(Client::builder().no_proxy()).unwrap().build().unwrap();
        Self { stack, key: DEMO_KEY, http, inside, sandbox }
    }

    /// The same gateway for the client `demo-2`.
    #[must_use]
    pub fn as_demo_2(&self) -> Self {
        Self { key: DEMO_2_KEY, ..Self::of(self.stack) }
    }

    #[must_use]
    pub const fn stack(&self) -> &'s Stack {
        self.stack
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.stack.gateway_url().trim_start_matches("http://").parse().unwrap()
    }

    /// A request with this client's key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.stack.gateway_url());
        self.http.request(method, url).bearer_auth(self.key)
    }

    pub async fn get(&self, path: &str) -> HttpResponse {
        HttpResponse::of(self.request(Method::GET, path)).await
    }

    /// With a fresh key.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> HttpResponse {
        self.post_under(&fresh_key(), path, body).await
    }

    pub async fn post_under(&self, key: &str, path: &str, body: impl Into<reqwest::Body>) -> HttpResponse {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        HttpResponse::of(request.header("idempotency-key", key).body(body)).await
    }

    /// A charge under the given key.
    pub async fn charge_under(&self, key: &str, charge: &Value) -> HttpResponse {
        self.post_under(key, "/payments/charge", charge.to_string()).await
    }

    pub async fn charge(&self, charge: &Value) -> HttpResponse {
        self.post("/payments/charge", charge.to_string()).await
    }

    /// `amount`: `None` for the remainder.
    pub async fn refund(&self, transaction: &str, amount: Option<u64>) -> HttpResponse {
        let mut refund = json!({ "transactionId": transaction });
        if let Some(amount) = amount {
            refund["amount"] = amount.into();
        }
        self.post("/payments/refund", refund.to_string()).await
    }

    /// `amount`: `None` for the full amount.
    pub async fn capture(&self, transaction: &str, amount: Option<u64>) -> HttpResponse {
        let body = amount.map(|amount| json!({ "amount": amount }).to_string());
        self.post(&format!("/payments/{transaction}/capture"), body.unwrap_or_default()).await
    }

    pub async fn cancel(&self, transaction: &str) -> HttpResponse {
        self.post(&format!("/payments/{transaction}/cancel"), "").await
    }

    pub async fn payment(&self, transaction: &str) -> Value {
        let response = self.get(&format!("/payments/{transaction}")).await;
        response.succeeds(200, &json!({ "transactionId": transaction }));
        response.json()
    }

    /// The newest record of the payment's audit trail.
    ///
    /// # Panics
    /// If there is none.
    pub async fn last_event(&self, transaction: &str) -> Value {
        self.events(transaction).await.pop().expect("a payment has events")
    }

    pub async fn events(&self, transaction: &str) -> Vec<Value> {
        let response = self.get(&format!("/payments/{transaction}/events")).await;
        response.succeeds(200, &json!({}));
        response.json()["data"].as_array().expect("events are a list").clone()
    }

    /// The effects of a transaction at the providers, in order, each as `stripe charge 4999 USD`.
    pub async fn effects(&self, transaction: &str) -> Vec<String> {
        self.sandbox.effects(transaction).await
    }

    /// A charge as raw HTTP/1.1, which tests can modify at will.
    #[must_use]
    pub fn raw_charge(&self) -> Request {
        let key = format!("Bearer {}", self.key);
        let request = Request::new("POST", "/payments/charge").header("authorization", key);
        request.header("idempotency-key", fresh_key()).json()
    }

    pub async fn send_raw(&self, request: &Request) -> HttpResponse {
        request.send(self.address()).await
    }

    /// The control plane's own metrics.
    pub async fn control_plane_metrics(&self) -> String {
        let url = format!("{}/metrics", self.stack.control_plane_url());
        HttpResponse::of(self.inside.get(url)).await.text()
    }

    /// How many API requests the control plane has answered, including rejected ones.
    pub async fn control_plane_requests(&self) -> u64 {
        let metrics = self.control_plane_metrics().await;
        prometheus::sum(&metrics, "http_server_request_duration_seconds_count", "")
    }

    /// How many charge requests the control plane has received.
    pub async fn control_plane_charges(&self) -> u64 {
        let metrics = self.control_plane_metrics().await;
        let route = "http_route=\"/payments/charge\"";
        prometheus::sum(&metrics, "http_server_request_duration_seconds_count", route)
    }

    /// How many requests ended at the edge with this outcome, by the filter's metric.
    pub async fn edge_count(&self, outcome: &str) -> u64 {
        let url = format!("{}/stats/prometheus", self.stack.admin_url());
        let metrics = HttpResponse::of(self.http.get(url)).await.text();
        prometheus::sum(&metrics, "gateway_edge_requests", &format!("outcome=\"{outcome}\""))
    }

    /// How many claims had this verdict, by the filter's metric.
    pub async fn edge_claims(&self, verdict: &str) -> u64 {
        let url = format!("{}/stats/prometheus", self.stack.admin_url());
        let metrics = HttpResponse::of(self.http.get(url)).await.text();
        prometheus::sum(&metrics, "gateway_edge_claims", &format!("verdict=\"{verdict}\""))
    }

    /// How many webhooks had this signature result, by the filter's metric.
    pub async fn edge_webhooks(&self, worth: &str) -> u64 {
        let url = format!("{}/stats/prometheus", self.stack.admin_url());
        let metrics = HttpResponse::of(self.http.get(url)).await.text();
        prometheus::sum(&metrics, "gateway_edge_webhooks", &format!("signature=\"{worth}\""))
    }

    /// For how many days PayPal's `bundle`, `issuers` or `key` remains valid, by the filter's metric.
    pub async fn edge_days_left(&self, of: &str) -> u64 {
        let url = format!("{}/stats/prometheus", self.stack.admin_url());
        let metrics = HttpResponse::of(self.http.get(url)).await.text();
        prometheus::sum(&metrics, "gateway_edge_paypal_days_left", &format!("of=\"{of}\""))
    }

    /// The value of an Envoy counter, e.g. `cluster.edge_cache.upstream_rq_total`.
    pub async fn envoy_count(&self, name: &str) -> u64 {
        let url = format!("{}/stats?filter=^{name}$", self.stack.admin_url());
        let text = HttpResponse::of(self.http.get(url)).await.text();
        text.trim().rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// Waits until this many requests are in flight at Envoy.
    pub async fn wait_for_in_flight(&self, requests: u64) {
        until("the requests at the edge", async || {
            (self.envoy_count("http.gateway.downstream_rq_active").await == requests).then_some(())
        })
        .await;
    }

    /// How often the filter has crashed and been reloaded.
    pub async fn filter_reloads(&self) -> u64 {
        self.envoy_count("wasm.gateway_edge.vm_reload_success").await
    }

    /// The access log line of a response.
    pub async fn access_log_line(&self, response: &HttpResponse) -> Value {
        let id = response.header("x-request-id").expect("an answer has a request id");
        until("the line in the access log", async || {
            self.access_log_lines().into_iter().find(|line| line["request_id"] == id)
        })
        .await
    }

    /// All access log lines so far.
    #[must_use]
    pub fn access_log_lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.stack.run_dir().log("access")).unwrap_or_default();
        // The text after the last line feed may be an incomplete line.
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        whole.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Every file of the stack, including the database and the logs.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let run_dir = self.stack.run_dir().path();
        let folders = [run_dir.to_owned(), run_dir.join("logs")];
        let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("a run directory"));
        let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        // A temporary file of the database may disappear in between.
        files.filter_map(|path| fs::read(&path).ok().map(|contents| (path, contents))).collect()
    }

    /// Sends SIGTERM to a part: `control-plane`, `sandbox` or `envoy`.
    pub fn terminate(&self, part: &str) {
        kill_process(self.pid(part), Signal::TERM).unwrap();
    }

    /// Kills a part, like a crash.
    pub fn kill(&self, part: &str) {
        kill_process(self.pid(part), Signal::KILL).unwrap();
    }

    /// Freezes ([`Signal::STOP`]) and resumes ([`Signal::CONT`]) a part.
    pub fn signal(&self, part: &str, signal: Signal) {
        kill_process(self.pid(part), signal).unwrap();
    }

    /// The resident memory of a part, in bytes.
    #[must_use]
    pub fn resident_bytes(&self, part: &str) -> u64 {
        resident_bytes(self.pid(part))
    }

    fn pid(&self, part: &str) -> Pid {
        let file = self.stack.run_dir().path().join(format!("{part}.pid"));
        let pid = fs::read_to_string(file).expect("a running part has a pid file");
        Pid::from_raw(pid.trim().parse().unwrap()).unwrap()
    }
}

/// The resident memory of a process, in bytes.
///
/// # Panics
/// If the process has ended.
#[must_use]
pub fn resident_bytes(process: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
