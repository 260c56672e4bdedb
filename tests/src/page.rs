//! A page of somebody else in a real browser, driven over the browser's own protocol (chromedevtools.github.io): the test
//! clicks and reads, as a person would.

use std::path::Path;
use std::process::Child;
use std::time::Duration;
use std::{env, fs};

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::browser::start_browser;
use crate::until_within;

/// For a browser to start, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Where screenshots of the pages are kept, if it is set.
const SCREENSHOTS: &str = "GATEWAY_SCREENSHOTS";

/// A page in a browser of its own. Both end when this is dropped.
#[derive(Debug)]
pub struct Page {
    child: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    calls: u64,
    _profile: TempDir,
}

impl Page {
    /// Opens the page at `url`. `None` if this machine has no browser.
    ///
    /// # Panics
    /// If the browser cannot be driven.
    pub async fn open(url: &str) -> Option<Self> {
        let profile = tempfile::Builder::new().prefix("gateway-page-").tempdir().unwrap();
        let more = ["--remote-debugging-port=0", "--window-size=1100,900"];
        let child = start_browser(url, profile.path(), &more)?;
        let address = until_within(PATIENCE, "the browser's port", async || port(profile.path())).await;
        let http = Client::builder().no_proxy().build().unwrap();
        let target = until_within(PATIENCE, "the page in the browser", async || {
            let listed = http.get(format!("http://127.0.0.1:{address}/json")).send().await.ok()?;
            let targets: Value = serde_json::from_slice(&listed.bytes().await.ok()?).ok()?;
            let page = targets.as_array()?.iter().find(|target| target["type"] == "page")?.clone();
            page["webSocketDebuggerUrl"].as_str().map(str::to_owned)
        })
        .await;
        let (socket, _) = connect_async(target).await.unwrap();
        Some(Self { child, socket, calls: 0, _profile: profile })
    }

    /// Evaluates an expression in the page; `null` for what is no JSON.
    ///
    /// # Panics
    /// If it throws.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let result = self.call("Runtime.evaluate", parameters).await;
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until the expression is true.
    ///
    /// # Panics
    /// If that takes too long, with the text of the page.
    pub async fn wait_for(&mut self, expression: &str) {
        for _ in 0..TRIES {
            if self.evaluate(&format!("Boolean({expression})")).await == true {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let text = self.evaluate("document.body.innerText").await;
        panic!("never: {expression}; the page says {text}");
    }

    pub async fn navigate(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url })).await;
    }

    /// Keeps a picture of the page for people to look at, where `GATEWAY_SCREENSHOTS` names a folder.
    pub async fn screenshot(&mut self, name: &str) {
        let Some(folder) = env::var_os(SCREENSHOTS) else { return };
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        let png = shot["data"].as_str().unwrap_or_default();
        let png = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, png).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let call = json!({ "id": id, "method": method, "params": parameters });
        self.socket.send(Message::text(call.to_string())).await.unwrap();
        loop {
            let message = self.socket.next().await.expect("the browser has ended").unwrap();
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            // The rest are events.
            if message["id"] == id {
                return message["result"].clone();
            }
        }
    }
}

/// For a charge and what follows it, on a busy machine.
const TRIES: u32 = 240;
const PAUSE: Duration = Duration::from_millis(250);

impl Drop for Page {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

/// The port on which the browser takes commands, once it has written it.
fn port(profile: &Path) -> Option<u16> {
    let written = fs::read_to_string(profile.join("DevToolsActivePort")).ok()?;
    written.split_once('\n')?.0.parse().ok()
}
