//! Everything that only speeds up the work is lost while the providers are down.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use gateway_tests::{OwnGateway, Sandbox};
use provider_sandbox::Config;
use test_services::proxy::{Mode, Proxy};
use test_services::{PostgresServer, RabbitServer, RedisServer};
use tokio::time::{sleep, timeout};

use super::{all_payments, charge, each_happened_once};

const PENDING: u64 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn a_thousand_pending_charges_finish_without_their_queues_the_broker_and_the_cache() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let (Some(redis), Some(mut rabbit)) = (RedisServer::own(&[]).await, RabbitServer::own().await) else {
        return;
    };
    let database = postgres.database().await;
    let providers = provider_sandbox::start(Config::default()).await.unwrap();
    let wire = Proxy::to(providers.url()["http://".len()..].parse().unwrap()).await;
    let url = format!("http://{}", wire.address());
    let settings = [
        ("STRIPE_API_BASE", url.as_str()),
        ("PAYPAL_API_BASE", &url),
        ("RETRY_CAP_SECONDS", "5"),
        ("RETRY_BUDGET_PER_SECOND", "500"),
        ("DB_URI", database.uri()),
        ("REDIS_URI", redis.uri()),
        ("AMQP_URI", rabbit.uri()),
    ];
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();

    wire.set(Mode::Refuse);
    let responses = stream::iter(0..PENDING).map(async |number| gateway.charge(&charge(number)).await);
    let responses: Vec<_> = responses.buffer_unordered(16).collect().await;
    for response in &responses {
        assert_eq!(response.status, 202, "{}", response.text());
    }
    rabbit.purge_all().await;
    rabbit.kill();
    redis.run::<()>(&["FLUSHALL"]).await;
    wire.set(Mode::Pass);

    let finished = async {
        loop {
            let payments = all_payments(&gateway.http, &own.stack.gateway_url()).await;
            if payments.iter().all(|payment| payment["status"] != "pending") {
                return payments;
            }
            sleep(LOOK_EVERY).await;
        }
    };
    let payments = timeout(PATIENCE, finished).await.expect("each charge ends");
    each_happened_once(&payments, &Sandbox::at(providers.url()), responses.len()).await;
}
