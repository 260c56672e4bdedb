//! A page in a real browser, driven by the DevTools protocol. The browser finds no host but this machine.

use std::process::Child;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gateway_tests::{HttpResponse, start_browser, until};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// For a browser to start and a page to do its work, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

const ARGUMENTS: [&str; 2] =
    ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0"];

pub(super) struct Page {
    child: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    calls: u64,
    /// The URLs that the page has asked for, in order.
    pub(super) requested: Vec<String>,
    /// What the browser complains of: errors of scripts, and what the page's policy has blocked.
    pub(super) complaints: Vec<String>,
    _profile: TempDir,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

impl Page {
    /// `None` if this machine has no browser.
    pub(super) async fn open(url: &str) -> Option<Self> {
        let profile = tempfile::Builder::new().prefix("gateway-browser-").tempdir().unwrap();
        let child = start_browser("about:blank", profile.path(), &ARGUMENTS)?;
        let port = until("the browser's port", async || {
            let file = std::fs::read_to_string(profile.path().join("DevToolsActivePort")).ok()?;
            file.lines().next().map(str::to_owned)
        });
        let list = format!("http://127.0.0.1:{}/json/list", port.await);
        let http = Client::builder().no_proxy().build().unwrap();
        let address = until("the browser's page", async || {
            let targets = HttpResponse::of(http.get(&list)).await.json();
            let page = targets.as_array()?.iter().find(|target| target["type"] == "page")?;
            page["webSocketDebuggerUrl"].as_str().map(str::to_owned)
        });
        let (socket, _) = connect_async(address.await).await.unwrap();
        let (requested, complaints) = (Vec::new(), Vec::new());
        let mut page = Self { child, socket, calls: 0, requested, complaints, _profile: profile };
        for domain in ["Network", "Log", "Runtime", "Page"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page.call("Page.navigate", json!({ "url": url })).await;
        Some(page)
    }

    /// The script's value; a promise is waited for.
    pub(super) async fn evaluate(&mut self, script: &str) -> Value {
        let script = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let result = self.call("Runtime.evaluate", script).await;
        assert!(result["exceptionDetails"].is_null(), "{result}");
        result["result"]["value"].clone()
    }

    /// Waits until the script's value is true. While the page is being built, the script may fail.
    pub(super) async fn until(&mut self, script: &str) {
        let script = format!("(() => {{ try {{ return Boolean({script}); }} catch {{ return false; }} }})()");
        let becomes_true = async {
            while self.evaluate(&script).await != true {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, becomes_true).await.unwrap_or_else(|_| panic!("never true: {script}"));
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let call = json!({ "id": self.calls, "method": method, "params": parameters });
        self.socket.send(Message::text(call.to_string())).await.unwrap();
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("the browser is silent");
            let message = message.expect("the browser has ended").unwrap();
            let message: Value = serde_json::from_slice(&message.into_data()).unwrap_or_default();
            if message["id"] == self.calls {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.notice(&message);
        }
    }

    fn notice(&mut self, event: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                self.requested.push(text(&event["params"]["request"]["url"]));
            }
            Some("Log.entryAdded") => self.complaints.push(text(&event["params"]["entry"]["text"])),
            Some("Runtime.exceptionThrown") => self.complaints.push(event["params"].to_string()),
            _ => {}
        }
    }
}
