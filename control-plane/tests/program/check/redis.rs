//! What is found of the edge cache.

use std::net::TcpListener;

use test_services::RedisServer;

use super::check;

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_takes_no_claims_is_wrong() {
    let Some(redis) = RedisServer::own(&["--maxmemory-policy", "noeviction"]).await else { return };
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let (worked, text) = check(&[("REDIS_URI", redis.uri())]);
    assert!(!worked && text.contains("of maxmemory is used, so it takes no claims"), "{text}");
    assert!(!text.contains("ok       edge cache"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_rights_or_replicas_are_too_few_for_a_claim_is_wrong_and_unchanged() {
    let Some(redis) = RedisServer::own(&["--maxmemory-policy", "noeviction"]).await else { return };
    let few = ["CONFIG", "SET", "min-replicas-to-write"];
    redis.run::<()>(&[&few[..], &["1"]].concat()).await;
    let (worked, text) = check(&[("REDIS_URI", redis.uri())]);
    assert!(
        !worked && text.contains("it refuses what a claim does: ") && text.contains("NOREPLICAS"),
        "{text}"
    );
    redis.run::<()>(&[&few[..], &["0"]].concat()).await;
    let user = ["ACL", "SETUSER", "gateway", "on", ">throwaway", "~edge:*", "+@all"];
    for denied in ["-evalsha", "-script", "-set", "-pexpire", "-incrby", "resetkeys ~edge:idem:*"] {
        let denied: Vec<_> = denied.split(' ').collect();
        redis.run::<()>(&[&user[..], &denied].concat()).await;
        let uri = redis.uri().replace("redis://", "redis://gateway:throwaway@");
        let (worked, text) = check(&[("REDIS_URI", &uri)]);
        assert!(!worked && text.contains("it refuses what a claim does: "), "{denied:?}: {text}");
        assert!(!text.contains("throwaway") && !text.contains("ok       edge cache"), "{text}");
    }
    let uri = redis.uri().replace("redis://", "redis://gateway:throwaway@");
    redis.run::<()>(&[&user[..], &["-info"]].concat()).await;
    let (worked, text) = check(&[("REDIS_URI", &uri)]);
    let is_warned = text.contains("this user may not run INFO");
    assert!(worked && is_warned && text.contains("ok       edge cache"), "{text}");
    redis.run::<()>(&user).await;
    let (_, text) = check(&[("REDIS_URI", &uri)]);
    assert!(text.contains("ok       edge cache"), "{text}");
    assert_eq!(redis.run::<u64>(&["DBSIZE"]).await, 0, "the check writes nothing");
}

#[test]
fn what_does_not_speak_the_protocol_of_redis_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(8).flatten() {
            let _ = std::io::Write::write_all(&mut &stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let (worked, text) = check(&[("REDIS_URI", &format!("redis://{address}"))]);
    let line = text.lines().find(|line| line.contains("REDIS_URI")).unwrap();
    assert!(!worked && line.contains("does not speak the protocol of Redis"), "{text}");
    assert!(!text.contains("Unexpected"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_info_is_a_warning_and_a_cluster_is_wrong() {
    let Some(redis) = RedisServer::own(&["--rename-command", "INFO", "INFO_OF_OTHERS"]).await else { return };
    let (worked, text) = check(&[("REDIS_URI", redis.uri())]);
    assert!(worked && text.contains("ok       edge cache"), "{text}");
    assert!(text.contains("warning  edge cache  REDIS_URI: this user may not run INFO"), "{text}");
    let Some(cluster) = RedisServer::own(&["--cluster-enabled", "yes"]).await else { return };
    let (worked, text) = check(&[("REDIS_URI", cluster.uri())]);
    assert!(!worked && text.contains("Redis Cluster") && text.contains("not supported"), "{text}");
    assert!(!text.contains("ok       edge cache"), "{text}");
}
