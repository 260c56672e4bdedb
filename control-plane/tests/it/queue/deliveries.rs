//! What comes of a message, on a broker that does what it should.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use payments::ports::clock::{Clock, SystemClock};
use payments::ports::queue::Queue;
use test_services::RabbitServer;

use super::harness::*;

#[tokio::test]
async fn what_is_due_is_brought_to_another_process_at_once() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let announcing = Process::start("announcing", server.uri(), &prefix, &database, Role::None);
    let _working = Process::start("working", server.uri(), &prefix, &database, Role::Messages);
    let due = due_in(0);
    announcing.note(&database, due.clone());
    assert_eq!(database.worked_off(1).await, [(due.work, "working")]);
}

#[tokio::test]
async fn what_is_due_later_is_brought_then_and_not_before() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", server.uri(), &prefix, &database, Role::Messages);
    let due = due_in(2_500);
    process.note(&database, due.clone());
    assert_eq!(database.worked_off(1).await, [(due.work, "one")]);
    assert!(SystemClock.now() >= due.at);
    // It went round in the broker; nobody had to ask the database before it was due.
    assert_eq!(database.tries(), 1);
}

#[tokio::test]
async fn an_announcement_that_is_out_of_date_or_repeated_does_nothing() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", server.uri(), &prefix, &database, Role::Messages);
    let (put_off, resolved, repeated) = (due_in(0), due_in(0), due_in(0));
    let mut later = put_off.clone();
    later.at = due_in(3_600_000).at;
    database.put(&later);
    database.put(&repeated);
    for due in [&put_off, &resolved, &repeated, &repeated, &repeated] {
        process.rabbit.announce(due.clone());
    }
    until("five deliveries", async || (database.tries() == 5).then_some(())).await;
    assert_eq!(database.worked_off(1).await, [(repeated.work, "one")]);
    process.end().await;
    let operator = Operator::at(server).await;
    for queue in ["work", "parked", "wait.1s", "wait.10m"] {
        assert_eq!(operator.ready(&format!("{prefix}.{queue}")).await, 0, "{queue}");
    }
}

#[tokio::test]
async fn two_processes_share_what_is_due_and_each_thing_is_done_once() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    database.take_time(Duration::from_millis(50));
    let one = Process::start("one", server.uri(), &prefix, &database, Role::Messages);
    let other = Process::start("other", server.uri(), &prefix, &database, Role::Messages);
    one.connected(true).await;
    other.connected(true).await;
    for _ in 0..60 {
        one.note(&database, due_in(0));
    }
    let worked = database.worked_off(60).await;
    let works: HashSet<_> = worked.iter().map(|(work, _)| work).collect();
    let names: HashSet<_> = worked.iter().map(|(_, name)| name).collect();
    assert_eq!((worked.len(), works.len(), names.len()), (60, 60, 2));
}

#[tokio::test]
async fn a_database_that_is_away_puts_work_off_and_uses_up_no_deliveries() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    database.be_away(true);
    let process = Process::start("one", server.uri(), &prefix, &database, Role::Messages);
    let due = due_in(0);
    process.note(&database, due.clone());
    // More often than a message may be given back.
    until("twelve tries", async || (database.tries() >= 12).then_some(())).await;
    database.be_away(false);
    assert_eq!(database.worked_off(1).await, [(due.work, "one")]);
    assert_eq!(Operator::at(server).await.ready(&format!("{prefix}.parked")).await, 0);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_parked_and_the_rest_goes_on() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", server.uri(), &prefix, &database, Role::Messages);
    process.connected(true).await;
    let operator = Operator::at(server).await;
    for body in [&b"{"[..], br#"{"payment":"txn_nonsense","at":0}"#, &[0xff; 4_096]] {
        operator.publish(&format!("{prefix}.work"), body).await;
    }
    let due = due_in(0);
    process.note(&database, due.clone());
    assert_eq!(database.worked_off(1).await, [(due.work, "one")]);
    operator.holds(&format!("{prefix}.parked"), 3).await;
}

#[tokio::test]
async fn a_message_that_kills_its_consumer_is_parked_after_ten_deliveries() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    database.be_deadly();
    let process = Process::start("one", server.uri(), &prefix, &database, Role::Messages);
    process.note(&database, due_in(0));
    process.connected(true).await;
    Operator::at(server).await.holds(&format!("{prefix}.parked"), 1).await;
    assert_eq!(database.tries(), 11);
    assert!(metric("queue_deliveries_total{outcome=\"died\"}") >= 11.0);
}

#[tokio::test]
async fn parked_messages_are_seen_in_the_metrics() {
    // A server of its own: the gauge shows what the last process saw.
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", server.uri(), &prefix, &database, Role::None);
    process.connected(true).await;
    let operator = Operator::at(server).await;
    for _ in 0..7 {
        operator.publish(&format!("{prefix}.parked"), b"?").await;
    }
    until("parked messages", async || (metric("queue_parked") >= 7.0).then_some(())).await;
}

#[tokio::test]
async fn a_process_that_ends_finishes_and_acknowledges_what_it_began() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    database.take_time(Duration::from_secs(1));
    let process = Process::start("one", server.uri(), &prefix, &database, Role::Messages);
    let (begun, left) = (due_in(0), due_in(60_000));
    process.note(&database, begun.clone());
    until("a beginning", async || (database.tries() == 1).then_some(())).await;
    process.note(&database, left);
    process.end().await;
    assert_eq!(database.worked(), [(begun.work, "one")]);
    let operator = Operator::at(server).await;
    assert_eq!(operator.ready(&format!("{prefix}.work")).await, 0);
    // What was announced last is with the broker, too.
    assert_eq!(operator.ready(&format!("{prefix}.wait.10s")).await, 1);
}

#[tokio::test]
async fn work_that_a_provider_would_refuse_leaves_the_broker_and_is_found_in_the_database() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    database.leave_alone(true);
    let process = Process::start("one", server.uri(), &prefix, &database, Role::All);
    process.connected(true).await;
    let due: Vec<_> = (0..50).map(|_| due_in(0)).collect();
    for due in &due {
        process.note(&database, due.clone());
    }
    let left = r#"queue_deliveries_total{outcome="left_alone"}"#;
    until("deliveries that are acknowledged", async || (metric(left) >= 50.0).then_some(())).await;
    assert_eq!(database.tries(), 0);
    let operator = Operator::at(server).await;
    for queue in ["work", "parked", "wait.1s", "wait.10s"] {
        operator.holds(&format!("{prefix}.{queue}"), 0).await;
    }
    database.leave_alone(false);
    assert_eq!(database.worked_off(50).await.len(), 50);
}
