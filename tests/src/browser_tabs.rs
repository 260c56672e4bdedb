//! The tabs of a browser, over the HTTP endpoints of its protocol (chromedevtools.github.io, "HTTP Endpoints").

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use crate::until_within;

/// For a browser to start and a page to do its work, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Debug)]
pub(crate) struct BrowserTabs {
    http: Client,
    url: String,
}

#[derive(Debug)]
pub(crate) struct Tab {
    pub(crate) id: String,
    /// Where the tab takes commands.
    pub(crate) socket: String,
}

impl BrowserTabs {
    pub(crate) fn new(port: u16) -> Self {
        let http = Client::builder().no_proxy().build().unwrap();
        Self { http, url: format!("http://127.0.0.1:{port}/json") }
    }

    /// The tab that the browser has begun with.
    pub(crate) async fn first(&self) -> Tab {
        until_within(PATIENCE, "the page in the browser", async || {
            let targets = answer(self.http.get(&self.url)).await?;
            targets.as_array()?.iter().find(|target| target["type"] == "page").and_then(tab)
        })
        .await
    }

    /// A new tab with a blank page.
    pub(crate) async fn open(&self) -> Tab {
        let opened = answer(self.http.put(format!("{}/new?about:blank", self.url))).await;
        opened.as_ref().and_then(tab).unwrap_or_else(|| panic!("the browser opens no tab: {opened:?}"))
    }

    /// Returns when the tab is gone.
    pub(crate) async fn close(&self, id: &str) {
        self.http.get(format!("{}/close/{id}", self.url)).send().await.unwrap();
        until_within(PATIENCE, "the end of the tab", async || {
            let targets = answer(self.http.get(&self.url)).await?;
            targets.as_array()?.iter().all(|target| target["id"] != id).then_some(())
        })
        .await;
    }
}

fn tab(target: &Value) -> Option<Tab> {
    let text = |name: &str| target[name].as_str().map(str::to_owned);
    Some(Tab { id: text("id")?, socket: text("webSocketDebuggerUrl")? })
}

/// `None` while the browser does not answer with JSON.
async fn answer(request: RequestBuilder) -> Option<Value> {
    let answer = request.send().await.ok()?;
    serde_json::from_slice(&answer.bytes().await.ok()?).ok()
}
