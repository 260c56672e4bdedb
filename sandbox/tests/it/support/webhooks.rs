//! A sandbox that delivers to a receiver.

use std::time::Duration;

use provider_sandbox::{DeliveryConfig, PaypalTarget, StripeTarget, WebhookConfig};
use reqwest::Method;
use serde_json::{Value, json};

use super::{HttpResponse, TestSandbox, receiver::Receiver};

pub(crate) const SECRET: &str = "whsec_sandbox_test";
pub(crate) const WEBHOOK_ID: &str = "4JH86294D6297924G";

impl TestSandbox {
    /// Delivers the events of both providers to a receiver.
    pub(crate) async fn with_receiver() -> (Self, Receiver) {
        let receiver = Receiver::start().await;
        let url = Some(receiver.url.clone());
        let webhooks = WebhookConfig {
            stripe: StripeTarget { url: url.clone(), secrets: vec![SECRET.to_owned()] },
            paypal: PaypalTarget { url, webhook_id: Some(WEBHOOK_ID.to_owned()) },
            delivery: DeliveryConfig { first_wait: Duration::from_millis(5), ..DeliveryConfig::default() },
        };
        let sandbox = Self::with(|config| provider_sandbox::Config { webhooks, ..config }).await;
        (sandbox, receiver)
    }

    pub(crate) async fn webhooks(&self, query: &str) -> Value {
        self.visit(Method::GET, &format!("/_sandbox/webhooks?{query}")).await.body
    }

    /// The names of the stored events, oldest first.
    pub(crate) async fn event_kinds(&self) -> Vec<String> {
        let webhooks = self.webhooks("").await;
        let events = webhooks["events"].as_array().unwrap();
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn control_post(&self, path: &str, body: &Value) -> HttpResponse {
        HttpResponse::of(self.http.post(self.url(&format!("/_sandbox/{path}"))).json(body)).await
    }

    /// Triggers a scripted event at a provider; returns its response.
    pub(crate) async fn happens(&self, script: Value) -> HttpResponse {
        let reply = self.control_post("happen", &script).await;
        assert_eq!(reply.status, 201, "{script}: {reply:?}");
        reply
    }

    pub(crate) async fn aim(&self, targets: &Value) -> HttpResponse {
        HttpResponse::of(self.http.put(self.url("/_sandbox/webhooks")).json(targets)).await
    }

    /// Waits until no delivery of either provider is in flight or outstanding, and returns the counts.
    pub(crate) async fn deliveries_done(&self) -> Value {
        let done = async {
            loop {
                let summary = self.webhooks("summary=1").await;
                if summary["stripe"]["waiting"] == json!(0) && summary["paypal"]["waiting"] == json!(0) {
                    return summary;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), done).await.unwrap()
    }
}
