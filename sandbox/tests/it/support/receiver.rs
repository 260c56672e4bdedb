//! A receiver of webhooks, in place of the gateway.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use bytes::Bytes;
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle, time::timeout};

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A received webhook.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedWebhook {
    pub(crate) headers: HeaderMap,
    pub(crate) text: Bytes,
    pub(crate) body: Value,
}

impl ReceivedWebhook {
    /// The event's name, of either provider.
    pub(crate) fn kind(&self) -> &str {
        self.body["type"].as_str().or(self.body["event_type"].as_str()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

#[derive(Debug, Default)]
struct Inbox {
    arrived: Mutex<Vec<ReceivedWebhook>>,
    /// The responses to come, in reverse order; then 200.
    answers: Mutex<Vec<StatusCode>>,
    more: Notify,
}

/// Listens on a free port and accepts everything by default; stops when dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    inbox: Arc<Inbox>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let inbox = Arc::new(Inbox::default());
        let router = Router::new().route("/webhooks", post(take)).with_state(Arc::clone(&inbox));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inbox, serving }
    }

    /// Sets the responses to the next webhooks, in this order.
    pub(crate) fn answer_with(&self, statuses: &[u16]) {
        let statuses = statuses.iter().rev().map(|status| StatusCode::from_u16(*status).unwrap());
        *self.inbox.answers.lock().unwrap() = statuses.collect();
    }

    pub(crate) fn arrived(&self) -> Vec<ReceivedWebhook> {
        self.inbox.arrived.lock().unwrap().clone()
    }

    /// Waits until this many have arrived in total.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<ReceivedWebhook> {
        let enough = async {
            loop {
                let arrived = self.arrived();
                if arrived.len() >= count {
                    return arrived;
                }
                self.inbox.more.notified().await;
            }
        };
        timeout(PATIENCE, enough).await.unwrap_or_else(|_| panic!("not {count}: {:?}", self.kinds()))
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.arrived().iter().map(|it| it.kind().to_owned()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, text: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&text).unwrap();
    inbox.arrived.lock().unwrap().push(ReceivedWebhook { headers, text, body });
    inbox.more.notify_one();
    inbox.answers.lock().unwrap().pop().unwrap_or(StatusCode::OK)
}
