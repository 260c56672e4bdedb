//! A broker that forgets, dies or is silent.

use std::sync::Arc;
use std::time::Duration;

use test_services::proxy::{Mode, Proxy};
use test_services::{RabbitServer, Signal};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::harness::*;

#[tokio::test]
async fn what_a_purge_took_is_found_in_the_database() {
    let Some(server) = RabbitServer::any().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", server.uri(), &prefix, &database, Role::All);
    process.connected(true).await;
    for _ in 0..5 {
        process.note(&database, due_in(1_500));
    }
    let waiting = format!("{prefix}.wait.1s");
    Operator::at(server).await.holds(&waiting, 5).await;
    server.purge(&[waiting]).await;
    assert_eq!(database.worked_off(5).await.len(), 5);
    // By messages again: as long as the broker is there, it is used.
    assert!(metric("queue_swept_total{by=\"announcement\"}") >= 5.0);
}

#[tokio::test]
async fn without_a_broker_everything_is_worked_off_and_with_it_again_by_messages() {
    let Some(mut server) = RabbitServer::own().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let sweeping = Process::start("sweeping", server.uri(), &prefix, &database, Role::All);
    let following = Process::start("following", server.uri(), &prefix, &database, Role::Messages);
    for round in 0..2 {
        sweeping.connected(true).await;
        following.connected(true).await;
        // One waits in the broker while it goes.
        let waiting = due_in(12_000);
        sweeping.note(&database, waiting.clone());
        Operator::at(&server).await.holds(&format!("{prefix}.wait.10s"), 1).await;
        if round == 0 {
            server.kill();
        } else {
            server.stop();
        }
        sweeping.connected(false).await;
        let before = database.worked().len();
        for _ in 0..3 {
            sweeping.note(&database, due_in(0));
        }
        let worked = database.worked_off(before + 3).await;
        assert!(worked[before..].iter().all(|(_, name)| *name == "sweeping"), "{worked:?}");

        server.start_again().await;
        sweeping.connected(true).await;
        following.connected(true).await;
        let done = async || database.worked().iter().any(|(work, _)| *work == waiting.work).then_some(());
        until("what waited in the broker", done).await;
        for _ in 0..40 {
            sweeping.note(&database, due_in(0));
        }
        let done = async || database.worked().iter().any(|(_, name)| *name == "following").then_some(());
        until("a message that is brought", done).await;
    }
}

#[tokio::test]
async fn a_broker_that_says_nothing_more_holds_nothing_up() {
    let Some(server) = RabbitServer::own().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", server.uri(), &prefix, &database, Role::All);
    process.connected(true).await;
    server.signal(Signal::STOP);
    let due = due_in(0);
    process.note(&database, due.clone());
    assert_eq!(database.worked_off(1).await, [(due.work, "one")]);
    process.connected(false).await;
    server.signal(Signal::CONT);
    process.connected(true).await;
}

#[tokio::test]
async fn a_way_to_the_broker_that_goes_silent_is_left_for_another_within_ten_seconds() {
    let Some(server) = RabbitServer::own().await else { return };
    let way = Proxy::to_port(server.port()).await;
    let uri = server.uri().replace(&format!(":{}", server.port()), &format!(":{}", way.address().port()));
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", &uri, &prefix, &database, Role::Messages);
    process.connected(true).await;
    way.set(Mode::Silence);
    tokio::time::timeout(Duration::from_secs(10), process.connected(false)).await.expect("it is noticed");
    process.connected(true).await;
    assert!(way.opened() > 1);
    let due = due_in(0);
    process.note(&database, due.clone());
    assert_eq!(database.worked_off(1).await, [(due.work, "one")]);
}

#[tokio::test]
async fn a_broker_that_is_out_of_memory_holds_nothing_up() {
    let Some(server) = RabbitServer::own().await else { return };
    let (database, prefix) = (Arc::new(Database::default()), prefix());
    let process = Process::start("one", server.uri(), &prefix, &database, Role::All);
    process.connected(true).await;
    server.ctl(&["set_vm_memory_high_watermark", "absolute", "1"]).await;
    let due = due_in(0);
    process.note(&database, due.clone());
    assert_eq!(database.worked_off(1).await, [(due.work, "one")]);
    server.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    let due = due_in(0);
    process.note(&database, due);
    assert_eq!(database.worked_off(2).await.len(), 2);
    process.connected(true).await;
}

#[tokio::test]
async fn of_a_peer_that_is_no_broker_no_connection_is_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("amqp://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let database = Arc::new(Database::default());
    let process = Process::start("one", &uri, &prefix(), &database, Role::All);
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut said = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(60), connection.read_to_end(&mut said));
    ended.await.unwrap().unwrap();
    assert_eq!(said, b"AMQP\x00\x00\x09\x01");
    assert!(!process.rabbit.is_connected());
    process.end().await;
}
