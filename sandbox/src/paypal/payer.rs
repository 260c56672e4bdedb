//! The payer: as requested with the order, and as the sandbox's PayPal account shows itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{body::Text, views::without_inner_nulls};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayerRequest {
    email_address: Option<Text<254>>,
    payer_id: Option<Text<13>>,
    name: Option<Map<String, Value>>,
    phone: Option<Map<String, Value>>,
    birth_date: Option<Text<10>>,
    tax_info: Option<Map<String, Value>>,
    address: Option<Map<String, Value>>,
}

impl PayerRequest {
    pub(crate) fn view(&self) -> Value {
        without_inner_nulls(json!(self))
    }
}

/// The account with which every payer of the sandbox approves.
pub(crate) fn account() -> Value {
    json!({
        "email_address": "payer@example.com",
        "payer_id": "QYR5Z8XDVJNXQ",
        "name": { "given_name": "Sandbox", "surname": "Payer" },
    })
}
