//! The bodies of requests: strict JSON.

use std::fmt::Debug;

use edge_core::request::{
    CancelRequest, CaptureRequest, ChargeRequest, GraphqlDocument, GraphqlRequest, InvalidRequest,
    RefundRequest, TicketRequest,
};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use crate::fixture::{TRANSACTION, is_explained, texts};

pub fn check(data: &[u8]) {
    // How long a charge may wait is no part of what is kept of it.
    of_type(data, ChargeRequest::parse, |charge| ChargeRequest { expires_in: None, ..charge });
    of_type(data, RefundRequest::parse, |refund| refund);
    of_type(data, TicketRequest::parse, |ticket| ticket);
    if !data.is_empty() {
        of_type(data, CaptureRequest::parse, |capture| capture);
        of_type(data, CancelRequest::parse, |cancel| cancel);
    }
    graphql(data);
}

/// What is accepted is read alike by serde's own strict parser, and survives being written and read again.
fn of_type<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    data: &[u8],
    parse: fn(&[u8]) -> Result<T, InvalidRequest>,
    kept: fn(T) -> T,
) {
    match parse(data) {
        Ok(request) => {
            assert_eq!(serde_json::from_slice::<T>(data).ok().as_ref(), Some(&request));
            let written = serde_json::to_vec(&request).unwrap();
            assert_eq!(parse(&written), Ok(kept(request)));
        }
        Err(invalid) => is_explained(&invalid),
    }
}

fn graphql(data: &[u8]) {
    match GraphqlRequest::parse(data) {
        Ok(request) => {
            serde_json::from_slice::<IgnoredAny>(data).expect("it is JSON");
            assert!(request.variables.starts_with('{'));
            let variables: Value = serde_json::from_str(&request.variables).expect("the variables are JSON");
            let (name, text) = match &request.document {
                GraphqlDocument::Text(text) => ("query", text),
                GraphqlDocument::Id(id) => ("documentId", id),
            };
            let written =
                json!({ name: text, "operationName": request.operation_name, "variables": variables });
            let again = GraphqlRequest::parse(written.to_string().as_bytes()).unwrap();
            assert_eq!((again.document, again.operation_name), (request.document, request.operation_name));
        }
        Err(invalid) => is_explained(&invalid),
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts([
        r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#,
        r#"{"provider":"paypal","amount":1,"currency":"JPY","wallet":"google_pay","verification":"always","expiresIn":60}"#,
        r#"{"provider":"paypal","amount":999999999999,"currency":"KWD","paymentMethodId":"card:vault-ok","capture":"manual","description":"a \"b\" \u00e9\ud83d\ude00","metadata":{"order":"7","x.y_z-1":""},"returnUrl":"https://shop.example/back?x=1#y","customerReference":"c-1"}"#,
        r#"{"provider":"paypal","amount":5,"currency":"EUR","wallet":"apple_pay","paymentMethodId":"5O190127TN364715T"}"#,
        "{}",
        " {\n\t\"amount\" : 12 }\r\n",
        r#"{"amount":1,"am\u006funt":2}"#,
        r#"{"amount":1e2}"#,
        r#"{"amount":null}"#,
        r#"{"amount":1}{}"#,
        r#"[{"query":"{ __typename }"}]"#,
        r#"{"query":"{ viewer { client } }","operationName":"A","variables":{"a":[1,{"b":null}]},"extensions":{}}"#,
        r#"{"query":"{a}","operationName":null,"variables":null}"#,
    ]);
    seeds.push(format!(r#"{{"documentId":"{}"}}"#, "0f".repeat(32)).into());
    seeds.push(format!(r#"{{"transactionId":"{TRANSACTION}","amount":4999}}"#).into());
    seeds.push(format!(r#"{{"payment":"{TRANSACTION}","expiresIn":3600}}"#).into());
    seeds.push(b"{\"amount\":1,\"\xff\":2}".to_vec());
    seeds
}
