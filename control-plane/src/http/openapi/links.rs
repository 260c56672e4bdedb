//! What can be done next with what an operation answers (OpenAPI links).

use serde_json::{Map, Value, json};

/// From an operation's answers to other operations on the same payment or refund.
pub(super) fn add(id: &str, operation: &mut Map<String, Value>) {
    let links = match id {
        "createCharge" => of_payment("$response.body#/transactionId"),
        "listPayments" => of_payment("$response.body#/data/0/transactionId"),
        "createRefund" => by_id("getRefund", "$response.body#/refundId"),
        "capturePayment" | "cancelPayment" => by_id("getPayment", "$response.body#/transactionId"),
        _ => return,
    };
    for status in ["200", "202"] {
        let answer = operation.get_mut("responses").and_then(|responses| responses.get_mut(status));
        if let Some(answer) = answer.and_then(Value::as_object_mut) {
            answer.insert("links".to_owned(), links.clone());
        }
    }
}

fn of_payment(payment: &str) -> Value {
    let mut links = Map::new();
    for operation in ["getPayment", "listPaymentEvents", "capturePayment", "cancelPayment"] {
        links.extend(by_id(operation, payment).as_object().cloned().into_iter().flatten());
    }
    for (operation, field) in [("createRefund", "transactionId"), ("createEventTicket", "payment")] {
        let body = json!({ field: payment });
        links.insert(operation.to_owned(), json!({ "operationId": operation, "requestBody": body }));
    }
    links.into()
}

fn by_id(operation: &str, id: &str) -> Value {
    json!({ operation: { "operationId": operation, "parameters": { "id": id } } })
}
