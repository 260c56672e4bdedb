//! Requests at a steady rate, as by a load balancer in front of two Envoys.

use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gateway_tests::fresh_key;
use reqwest::{Client, RequestBuilder};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::fleet::Fleet;

/// Requests per second where only their number matters.
const RATE: u32 = 40;

/// Requests are sent at their time, however late others are answered, as long as fewer than these are in flight. Each
/// has a connection of its own, and a process may have 1,024 files.
const IN_FLIGHT_MAX: usize = 500;

/// Makes a request at a gateway, with a name that no other request has. It must be answered 200.
pub(super) type Make = Arc<dyn Fn(&str, &str) -> RequestBuilder + Send + Sync>;

/// How often the load balancer probes each Envoy. Less than `DRAIN_NOTICE_SECONDS`.
const PROBED_EVERY: Duration = Duration::from_millis(100);

/// Whether each Envoy is ready, as a load balancer finds out.
type Ready = Arc<[AtomicBool; 2]>;

fn probe(admins: [SocketAddr; 2], client: &Client, until: &Arc<AtomicBool>) -> Ready {
    let ready: Ready = Arc::default();
    for (n, admin) in admins.into_iter().enumerate() {
        let (ready, client, until) = (ready.clone(), client.clone(), until.clone());
        ready[n].store(true, Ordering::SeqCst);
        tokio::spawn(async move {
            while !until.load(Ordering::SeqCst) {
                let probed = client.get(format!("http://{admin}/ready")).send().await;
                let is_ready = probed.is_ok_and(|response| response.status().is_success());
                ready[n].store(is_ready, Ordering::SeqCst);
                tokio::time::sleep(PROBED_EVERY).await;
            }
        });
    }
    ready
}

/// Connections are opened to the Envoys that are ready.
pub(super) struct Load {
    rate: u32,
    begun: Instant,
    stop: Arc<AtomicBool>,
    succeeded: Arc<AtomicUsize>,
    clients: JoinHandle<Vec<String>>,
}

impl Load {
    pub(super) fn start(fleet: &Fleet, client: &Client, make: Make) -> Self {
        Self::at(RATE, fleet, client, make)
    }

    /// With so many requests per second, unless `ROLLING_CHARGES_PER_SECOND` is set.
    pub(super) fn at(rate: u32, fleet: &Fleet, client: &Client, make: Make) -> Self {
        let begun = Instant::now();
        let rate = env::var("ROLLING_CHARGES_PER_SECOND").map_or(rate, |rate| rate.parse().unwrap());
        let (stop, succeeded) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (until, counter) = (stop.clone(), succeeded.clone());
        let (gateways, ready) = (fleet.gateways.clone(), probe(fleet.admins, client, &stop));
        let clients = tokio::spawn(async move {
            let (mut requests, places) =
                (tokio::task::JoinSet::new(), Arc::new(Semaphore::new(IN_FLIGHT_MAX)));
            let mut every = tokio::time::interval(Duration::from_secs(1) / rate);
            for n in 0.. {
                every.tick().await;
                if until.load(Ordering::SeqCst) {
                    break;
                }
                let place = places.clone().acquire_owned().await.unwrap();
                let (mut gateways, make, counter) = (gateways.clone(), make.clone(), counter.clone());
                let turn = n % 2;
                gateways.rotate_left(if ready[turn].load(Ordering::SeqCst) { turn } else { 1 - turn });
                requests.spawn(async move {
                    let failed = ask(&gateways, &make).await.err();
                    counter.fetch_add(usize::from(failed.is_none()), Ordering::SeqCst);
                    drop(place);
                    failed.map(|response| format!("{:.1} s: {response}", begun.elapsed().as_secs_f32()))
                });
            }
            requests.join_all().await.into_iter().flatten().collect()
        });
        Self { rate, begun, stop, succeeded, clients }
    }

    /// How many requests there must be by now for the restarts to have met a load. A busy machine sends most of them
    /// later.
    pub(super) fn wanted(&self) -> usize {
        let seconds = usize::try_from(self.begun.elapsed().as_secs()).unwrap();
        seconds * usize::try_from(self.rate).unwrap() / 4
    }

    /// The number of successful requests, and the responses to the others.
    pub(super) async fn end(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        let failed = self.clients.await.unwrap();
        (self.succeeded.load(Ordering::SeqCst), failed)
    }
}

async fn ask(gateways: &[String; 2], make: &Make) -> Result<(), String> {
    let name = fresh_key();
    let mut last = String::new();
    for gateway in gateways {
        match make(gateway, &name).send().await {
            Ok(response) if response.status() == 200 => return Ok(()),
            Ok(response) => {
                return Err(format!("{} {}", response.status(), response.text().await.unwrap_or_default()));
            }
            Err(error) if error.is_connect() => last = format!("{error:?}"),
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    Err(last)
}
