//! Announcements that do not count as sent.

use std::sync::Arc;

use lapin::options::QueueDeleteOptions;
use payments::ports::queue::Queue;
use test_services::RabbitServer;

use super::harness::*;

#[tokio::test]
async fn one_that_has_no_queue_is_counted_and_the_queue_is_made_again() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", server.uri(), &prefix, &database, Role::Messages);
    process.connected(true).await;
    let operator = Operator::at(server).await;
    let queue = format!("{prefix}.wait.1m");
    operator.channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    process.rabbit.announce(due_in(100_000));
    until("a returned message", async || {
        (metric("queue_announcements_total{outcome=\"returned\"}") >= 1.0).then_some(())
    })
    .await;
    process.connected(true).await;
    until("a queue that is there again", async || {
        process.rabbit.announce(due_in(100_000));
        let operator = Operator::at(server).await;
        (operator.exists(&queue).await && operator.ready(&queue).await >= 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_that_the_broker_refuses_is_counted_and_the_connection_goes_on() {
    let Some(server) = RabbitServer::own().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", server.uri(), &prefix, &database, Role::None);
    process.connected(true).await;
    server.ctl(&["set_policy", "full", "wait.1h$", r#"{"max-length":1}"#, "--apply-to", "queues"]).await;
    until("a refused message", async || {
        process.rabbit.announce(due_in(3_700_000));
        (metric("queue_announcements_total{outcome=\"refused\"}") >= 1.0).then_some(())
    })
    .await;
    assert!(process.rabbit.is_connected());
    process.rabbit.announce(due_in(0));
    Operator::at(&server).await.holds(&format!("{prefix}.work"), 1).await;
}

#[tokio::test]
async fn what_does_not_fit_while_the_broker_is_away_is_dropped_at_once() {
    let database = Arc::new(Database::default());
    // Nobody listens on port 1.
    let process = Process::start("one", "amqp://127.0.0.1:1", &prefix(), &database, Role::None);
    for _ in 0..3_000 {
        process.rabbit.announce(due_in(0));
    }
    assert!(metric("queue_announcements_total{outcome=\"dropped\"}") >= 1_976.0);
}
