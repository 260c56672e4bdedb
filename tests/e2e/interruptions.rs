//! A client or a process goes away in the middle of a charge.

use gateway_tests::{Gateway, OwnGateway, faulty, until};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Long enough to act in the meantime, shorter than the gateway's provider timeout.
const SLOW_MS: u64 = 1_500;

fn charge(reference: &str) -> Value {
    json!({
        "provider": "stripe", "amount": 510, "currency": "USD", "paymentMethodId": "pm_card_visa",
        "customerReference": reference,
    })
}

/// The payment with this reference, once it has this status.
async fn payment_with(gateway: &Gateway<'_>, reference: &str, status: &str) -> Value {
    until(&format!("a {status} payment"), async || {
        let list = gateway.get(&format!("/payments?limit=100&status={status}")).await.json();
        let mut payments = list["data"].as_array()?.iter();
        payments.find(|payment| payment["customerReference"] == reference).cloned()
    })
    .await
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_of_a_charge_has_charged_once() {
    let gateway = faulty().await;
    gateway.sandbox.slow_down("stripe", "charge", SLOW_MS).await;
    let request = gateway.raw_charge().body(charge("hangs-up").to_string());
    let mut connection = request.begin(gateway.address()).await;
    connection.write_all(request.body_bytes()).await.unwrap();
    payment_with(&gateway, "hangs-up", "pending").await;
    drop(connection);

    let payment = payment_with(&gateway, "hangs-up", "completed").await;
    let transaction = payment["transactionId"].as_str().unwrap();
    assert_eq!(gateway.effects(transaction).await, ["stripe charge 510 USD"]);
}

#[tokio::test]
async fn a_hang_up_in_the_middle_of_a_charge_fails_neither_it_nor_the_next() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    gateway.sandbox.slow_down("stripe", "charge", SLOW_MS).await;
    let body = charge("reloaded");
    let (response, ()) = tokio::join!(gateway.charge(&body), async {
        payment_with(&gateway, "reloaded", "pending").await;
        for part in ["control-plane", "envoy"] {
            gateway.signal(part, Signal::HUP);
        }
    });
    response.succeeds(200, &json!({ "status": "completed" }));
    assert_eq!(gateway.effects(&response.transaction_id()).await, ["stripe charge 510 USD"]);
    gateway.charge(&charge("after")).await.succeeds(200, &json!({ "status": "completed" }));
    let log = std::fs::read_to_string(own.stack.run_dir().log("control-plane")).unwrap();
    assert!(log.contains("SIGHUP: "), "{log}");
}

#[tokio::test]
async fn a_control_plane_that_is_asked_to_end_finishes_a_slow_charge_first() {
    let mut own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    gateway.sandbox.slow_down("stripe", "charge", SLOW_MS).await;
    let body = charge("outlives");
    let (response, ()) = tokio::join!(gateway.charge(&body), async {
        payment_with(&gateway, "outlives", "pending").await;
        gateway.terminate("control-plane");
    });
    response.succeeds(200, &json!({ "status": "completed" }));
    assert_eq!(gateway.effects(&response.transaction_id()).await, ["stripe charge 510 USD"]);
    drop(gateway);

    let end = own.end_of_a_part().await;
    assert!(end.starts_with("control-plane") && end.contains("exit status: 0"), "{end}");
}

#[tokio::test]
async fn a_control_plane_that_ends_does_not_wait_for_unfinished_requests() {
    let mut own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let address = own.stack.control_plane_url().trim_start_matches("http://").to_owned();
    let mut open = Vec::new();
    for half in
        ["GET /payments HTTP/1.1\r\nhost: a\r\n", "POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n{", "PRI", ""]
    {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        connection.write_all(half.as_bytes()).await.unwrap();
        open.push(connection);
    }
    gateway.terminate("control-plane");
    drop(gateway);
    let end = own.end_of_a_part().await;
    assert!(end.starts_with("control-plane") && end.contains("exit status: 0"), "{end}");
}

/// The client is gone and the control plane is stopping: only the gateway can finish the payment.
#[tokio::test]
async fn a_control_plane_that_ends_finishes_even_a_charge_whose_client_has_gone() {
    let mut own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    gateway.sandbox.slow_down("stripe", "charge", SLOW_MS).await;
    let request = gateway.raw_charge().body(charge("left-behind").to_string());
    let mut connection = request.begin(gateway.address()).await;
    connection.write_all(request.body_bytes()).await.unwrap();
    let payment = payment_with(&gateway, "left-behind", "pending").await;
    let transaction = payment["transactionId"].as_str().unwrap();
    drop(connection);
    gateway.terminate("control-plane");
    drop(gateway);

    let end = own.end_of_a_part().await;
    assert!(end.starts_with("control-plane") && end.contains("exit status: 0"), "{end}");
    assert_eq!(own.gateway().effects(transaction).await, ["stripe charge 510 USD"], "{end}");
    let own = own.restarted(&[]).await;
    assert_eq!(own.gateway().payment(transaction).await["status"], "completed");
}

#[tokio::test]
async fn a_control_plane_killed_during_a_charge_answers_504_and_leaves_it_pending() {
    let mut own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let before = gateway.charge(&charge("before")).await.transaction_id();
    gateway.sandbox.slow_down("stripe", "charge", SLOW_MS).await;
    let body = charge("killed");
    let (response, transaction) = tokio::join!(gateway.charge(&body), async {
        let payment = payment_with(&gateway, "killed", "pending").await;
        gateway.kill("control-plane");
        payment["transactionId"].as_str().unwrap().to_owned()
    });
    // Not "nothing was executed": the provider has it.
    assert_eq!(response.refuses(504, "GATEWAY_TIMEOUT")["retryable"], true);
    let effects = until("the effect that nobody waits for", async || {
        Some(gateway.effects(&transaction).await).filter(|effects| !effects.is_empty())
    });
    assert_eq!(effects.await, ["stripe charge 510 USD"]);
    drop(gateway);

    own.end_of_a_part().await;
    let own = own.restarted(&[]).await;
    let gateway = own.gateway();
    assert_eq!(gateway.payment(&transaction).await["status"], "pending");
    assert_eq!(gateway.payment(&before).await["status"], "completed");
}
