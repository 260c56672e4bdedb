//! Another server's page in a real browser, driven by the browser's own protocol (chromedevtools.github.io): the test
//! clicks and reads, as a person would. The browser finds no host but this machine.

use std::path::Path;
use std::time::Duration;
use std::{env, fs, mem};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::browser_process::{BrowserProcess, BrowserTraces};
use crate::browser_tabs::{BrowserTabs, PATIENCE, Tab};
use crate::until_within;

const PAUSE: Duration = Duration::from_millis(100);
/// Where screenshots of the pages are kept, if it is set.
const SCREENSHOTS: &str = "GATEWAY_SCREENSHOTS";

const ARGUMENTS: [&str; 3] = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
    "--window-size=1100,900",
];

/// How the browser says that a page was left while an expression was evaluated in it.
const LEFT_PAGE: [&str; 3] = [
    "Inspected target navigated or closed",
    "Execution context was destroyed",
    "Cannot find default execution context",
];

/// The page was left while an expression was evaluated in it.
#[derive(Debug, PartialEq, Eq)]
struct LeftPage;

/// A page in a browser of its own. Both end when this is dropped.
#[derive(Debug)]
pub struct Page {
    process: BrowserProcess,
    tabs: BrowserTabs,
    /// The id of the page's tab.
    tab: String,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    calls: u64,
    /// The URLs that the page has asked for, in order.
    pub requested: Vec<String>,
    /// What the browser complains of: errors of scripts, and what the page's policy has blocked.
    pub complaints: Vec<String>,
}

impl Page {
    /// Opens the page at `url`. `None` if this machine has no browser.
    ///
    /// # Panics
    /// If the browser cannot be driven.
    pub async fn open(url: &str) -> Option<Self> {
        let process = BrowserProcess::start("about:blank", "gateway-page-", &ARGUMENTS)?;
        let port = until_within(PATIENCE, "the browser's port", async || port(process.profile())).await;
        let tabs = BrowserTabs::new(port);
        let Tab { id: tab, socket } = tabs.first().await;
        let (socket, _) = connect_async(socket.as_str()).await.unwrap();
        let (requested, complaints) = (Vec::new(), Vec::new());
        let mut page = Self { process, tabs, tab, socket, calls: 0, requested, complaints };
        page.listen().await;
        page.navigate(url).await;
        Some(page)
    }

    /// Closes the page's tab and continues in a new one, which is blank. What the page has stored for its site is still
    /// there; what it has stored for its tab is not.
    ///
    /// # Panics
    /// If the browser cannot be driven.
    pub async fn close_tab(&mut self) {
        // Opened first: a browser without a tab may end.
        let Tab { id, socket } = self.tabs.open().await;
        (self.socket, _) = connect_async(socket.as_str()).await.unwrap();
        let closed = mem::replace(&mut self.tab, id);
        self.listen().await;
        self.tabs.close(&closed).await;
    }

    async fn listen(&mut self) {
        for domain in ["Network", "Log", "Runtime", "Page"] {
            self.call(&format!("{domain}.enable"), json!({})).await;
        }
    }

    /// What its browser has on this machine.
    #[must_use]
    pub fn traces(&self) -> BrowserTraces {
        self.process.traces()
    }

    /// Evaluates an expression in the page; `null` for what is no JSON.
    ///
    /// # Panics
    /// If it throws, or the page goes elsewhere meanwhile.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        self.try_evaluate(expression)
            .await
            .unwrap_or_else(|LeftPage| panic!("{expression}: the page has gone"))
    }

    /// Does what may lead to another page, like a click: the browser then ends the evaluation without a result.
    ///
    /// # Panics
    /// If it throws.
    pub async fn act(&mut self, expression: &str) {
        // A click's value is of no interest, nor is its absence.
        let _: Result<Value, LeftPage> = self.try_evaluate(expression).await;
    }

    async fn try_evaluate(&mut self, expression: &str) -> Result<Value, LeftPage> {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let message = self.ask("Runtime.evaluate", parameters).await;
        let problem = message["error"]["message"].as_str();
        if problem.is_some_and(|problem| LEFT_PAGE.iter().any(|left| problem.contains(left))) {
            return Err(LeftPage);
        }
        let result = &message["result"];
        assert!(problem.is_none() && result["exceptionDetails"].is_null(), "{expression}: {message}");
        Ok(result["result"]["value"].clone())
    }

    /// Presses a key and lets it go, as on a keyboard: what has the focus gets it.
    ///
    /// # Panics
    /// For other keys than `Enter` and `Escape`.
    pub async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            _ => panic!("this keyboard has no {key}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Waits until the expression is true. While the page is being built or left, it may throw.
    ///
    /// # Panics
    /// If that takes too long, with the text of the page.
    pub async fn wait_for(&mut self, expression: &str) {
        let tried =
            format!("(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()");
        let becomes_true = async {
            while self.try_evaluate(&tried).await != Ok(Value::Bool(true)) {
                sleep(PAUSE).await;
            }
        };
        if timeout(PATIENCE, becomes_true).await.is_err() {
            let text = self.evaluate("document.body.innerText").await;
            panic!("never: {expression}; the page says {text}");
        }
    }

    pub async fn navigate(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url })).await;
    }

    /// Has the page believe that the payer's device is set to `light` or `dark`.
    pub async fn prefer_scheme(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// The accessibility tree of the page and of the frames in it.
    ///
    /// # Panics
    /// If the browser cannot be asked.
    pub async fn told(&mut self) -> Vec<AccessibleNode> {
        let tree = self.call("Page.getFrameTree", json!({})).await["frameTree"].clone();
        let frames = tree["childFrames"].as_array().cloned().unwrap_or_default();
        let mut told = Vec::new();
        for frame in [&tree].into_iter().chain(&frames) {
            let which = json!({ "frameId": frame["frame"]["id"] });
            let answer = self.call("Accessibility.getFullAXTree", which).await;
            let nodes = answer["nodes"].as_array().unwrap();
            told.extend(nodes.iter().filter(|node| node["ignored"] != true).map(AccessibleNode::of));
        }
        told
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
        let message = self.ask(method, parameters).await;
        assert!(message["error"].is_null(), "{method}: {message}");
        message["result"].clone()
    }

    /// The browser's answer: a result or an error.
    async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let call = json!({ "id": self.calls, "method": method, "params": parameters });
        self.socket.send(Message::text(call.to_string())).await.unwrap();
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("the browser is silent");
            let message = message.expect("the browser has ended").unwrap();
            let message: Value = serde_json::from_slice(&message.into_data()).unwrap_or_default();
            if message["id"] == self.calls {
                return message;
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

/// A node of the accessibility tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessibleNode {
    /// `button`, `radio`, `heading`, …
    pub role: String,
    pub name: String,
    /// By keys or by scripts.
    pub is_focusable: bool,
}

impl AccessibleNode {
    fn of(node: &Value) -> Self {
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().trim().to_owned();
        let mut properties = node["properties"].as_array().into_iter().flatten();
        let is_focusable = properties.any(|one| one["name"] == "focusable" && one["value"]["value"] == true);
        Self { role: text(&node["role"]), name: text(&node["name"]), is_focusable }
    }
}

/// The port on which the browser takes commands, once it has written it.
fn port(profile: &Path) -> Option<u16> {
    let written = fs::read_to_string(profile.join("DevToolsActivePort")).ok()?;
    written.lines().next()?.parse().ok()
}
