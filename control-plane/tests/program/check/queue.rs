//! What is found of the broker.

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use test_services::RabbitServer;

use super::check;

const PREFIX: (&str, &str) = ("AMQP_QUEUE_PREFIX", "checked");

async fn queues(rabbit: &RabbitServer) -> Vec<String> {
    let listed = rabbit.ctl(&["list_queues", "--quiet", "--no-table-headers", "name", "messages"]).await;
    listed.lines().map(str::to_owned).collect()
}

/// A user with these rights to configure, write and read; its address.
async fn user(rabbit: &RabbitServer, name: &str, rights: [&str; 3]) -> String {
    rabbit.ctl(&["add_user", name, "throwaway"]).await;
    rabbit.ctl(&[&["set_permissions", name][..], &rights].concat()).await;
    rabbit.uri().replace("guest:guest", &format!("{name}:throwaway"))
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_a_worker_lacks_at_the_broker_are_wrong_and_nothing_is_changed() {
    let Some(rabbit) = RabbitServer::own().await else { return };
    let ours = r"^checked\.";
    let all = r"^(checked\.|amq\.default$)";
    let full = user(&rabbit, "full", [ours, all, ours]).await;
    let poor = [
        user(&rabbit, "no_configure", ["^$", all, ours]).await,
        user(&rabbit, "no_read", [ours, all, "^$"]).await,
        user(&rabbit, "no_write", [ours, ours, ours]).await,
    ];
    for are_there in [false, true] {
        if are_there {
            declare_all(&full).await;
        }
        let before = queues(&rabbit).await;
        assert_eq!(before.len(), if are_there { 7 } else { 0 });
        for uri in &poor {
            let (worked, text) = check(&[("AMQP_URI", uri), PREFIX]);
            assert!(!worked && text.contains("wrong    queue"), "{uri}: {text}");
            assert!(text.contains("ACCESS_REFUSED") && !text.contains("ok       queue"), "{uri}: {text}");
            assert!(!text.contains("throwaway"), "{text}");
        }
        let (worked, text) = check(&[("AMQP_URI", &full), PREFIX]);
        let told = if are_there { "holds 0 messages" } else { "is not there yet" };
        assert!(worked && text.contains(&format!("the queue checked.work {told}")), "{text}");
        assert_eq!(queues(&rabbit).await, before);
    }
}

/// As a worker does.
async fn declare_all(uri: &str) {
    let clock = std::sync::Arc::new(payments::ports::clock::SystemClock);
    let prefix = PREFIX.1.parse().unwrap();
    let (queue, connection) = control_plane::jobs::rabbit::open(uri.parse().unwrap(), prefix, clock);
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(connection.run(None, stop.clone(), stop.clone()));
    while !queue.is_connected() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_another_type_and_a_broker_in_alarm_are_wrong() {
    let Some(rabbit) = RabbitServer::own().await else { return };
    let refused = [
        (format!("{}/nowhere", rabbit.uri()), "NOT_ALLOWED"),
        (rabbit.uri().replace("guest:guest", "guest:throwaway"), "ACCESS_REFUSED"),
    ];
    for (uri, why) in refused {
        let (worked, text) = check(&[("AMQP_URI", &uri), PREFIX]);
        assert!(!worked && text.contains("AMQP_URI: ") && text.contains(why), "{why}: {text}");
        assert!(!text.contains("throwaway"), "{text}");
    }
    let connection = rabbit.connection().await;
    let channel = connection.create_channel().await.unwrap();
    let durable = QueueDeclareOptions::durable();
    channel.queue_declare("checked.work".into(), durable, FieldTable::default()).await.unwrap();
    let (worked, text) = check(&[("AMQP_URI", rabbit.uri()), PREFIX]);
    assert!(!worked && text.contains("the queue checked.work exists with another type"), "{text}");
    assert!(text.contains("inequivalent arg"), "{text}");
    rabbit.ctl(&["set_vm_memory_high_watermark", "0.0000001"]).await;
    let (worked, text) = check(&[("AMQP_URI", rabbit.uri()), ("AMQP_QUEUE_PREFIX", "others")]);
    assert!(
        !worked && text.contains("the broker takes no messages now") && text.contains("memory"),
        "{text}"
    );
}
