//! A commit whose answer is lost on the way: it is never reported as failed when it was made, and never made twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use payments::model::event::{Event, Initiator};
use payments::model::idempotency::{KeyChange, StoredAnswer, Subject};
use payments::model::provider::{Outcome, Uncertainty};
use payments::model::refund::Refund;
use payments::ports::store::{Change, Conflict, Mutation, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::changes::*;
use crate::common::*;

/// A statement that says this is cut.
const MARK: &str = "cut-this-statement";
/// The server is ready for the next statement: the last one is committed.
const READY: &[u8] = b"Z\0\0\0\x05I";

#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The statement never reaches the server.
    Before,
    /// The server has committed; nobody hears of it.
    After,
    /// The connection is cut while the server works on it.
    Meanwhile,
    /// The statement reaches the server long after the connection is cut on our side.
    Late,
}

const CUTS: [Cut; 4] = [Cut::Before, Cut::After, Cut::Meanwhile, Cut::Late];

/// A store whose way to the server cuts the first marked statement.
struct CutStore {
    store: Arc<dyn Store>,
    made: Arc<AtomicUsize>,
    test: TestStore,
}

impl CutStore {
    async fn open(cut: Cut) -> Option<Self> {
        let test = TestStore::postgres().await?;
        let uri: reqwest::Url = test.uri().parse().unwrap();
        let server = (uri.host_str().unwrap().to_owned(), uri.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut proxied = uri;
        proxied.set_host(Some("127.0.0.1")).unwrap();
        proxied.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let made = Arc::new(AtomicUsize::new(0));
        let counter = made.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server.clone()).await.unwrap();
                tokio::spawn(carry(client, server, cut, counter.clone()));
            }
        });
        let store = payments_stores::open(settings(proxied.as_str())).await.unwrap();
        Some(Self { store, made, test })
    }

    fn cuts(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

/// Carries bytes both ways until the marked statement comes.
async fn carry(mut client: TcpStream, mut server: TcpStream, cut: Cut, made: Arc<AtomicUsize>) {
    let (mut asked, mut told) = (vec![0; 1 << 20], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(n @ 1..) = read else { return };
                let marked = asked[..n].windows(MARK.len()).any(|bytes| bytes == MARK.as_bytes());
                if marked && made.fetch_add(1, Ordering::SeqCst) == 0 {
                    return end(client, server, &asked[..n], cut).await;
                }
                if server.write_all(&asked[..n]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut told) => {
                let Ok(n @ 1..) = read else { return };
                if client.write_all(&told[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn end(client: TcpStream, mut server: TcpStream, statement: &[u8], cut: Cut) {
    let mut told = Vec::new();
    match cut {
        Cut::Before => {}
        Cut::After => {
            server.write_all(statement).await.unwrap();
            while !told.ends_with(READY) {
                assert!(server.read_buf(&mut told).await.unwrap() > 0, "the server did not commit");
            }
        }
        Cut::Meanwhile => server.write_all(statement).await.unwrap(),
        Cut::Late => {
            drop(client);
            // Longer than the store waits before it asks again.
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.write_all(statement).await.unwrap();
            while !told.ends_with(READY) && server.read_buf(&mut told).await.unwrap() > 0 {}
        }
    }
}

/// The change with the mark in what it writes.
fn marked(mut change: Change) -> Change {
    let mark = |event: &mut Event| event.cause.initiator = Initiator::Request(MARK.to_owned());
    match &mut change.mutation {
        Mutation::OpenPayment { events, .. } => events.iter_mut().for_each(mark),
        Mutation::MovePayment { event, .. }
        | Mutation::NotePayment { event, .. }
        | Mutation::OpenRefund { event, .. }
        | Mutation::MoveRefund { event, .. } => mark(event),
        Mutation::Nothing | Mutation::KeyOf(_) => {}
    }
    change
}

fn refund_answered(refund: &Refund, answer: Outcome<payments::model::provider::Refunded>) -> Change {
    let after = refund.clone().answered(answer, at(11)).unwrap();
    let event = Event::refund_moved(Some(&refund.state), &after, &cause());
    Change::from(Mutation::MoveRefund { refund: after, event })
}

#[tokio::test]
async fn a_payment_that_was_opened_in_doubt_is_opened_once() {
    for cut in CUTS {
        let Some(test) = CutStore::open(cut).await else { return };
        let (payment, open) = opening(1, "demo", 100);
        test.store.commit(with_key(marked(open), take(1, "a", None))).await.unwrap();
        assert!(test.cuts() > 1, "{cut:?}");
        assert_eq!(test.store.payment(&payment.client, payment.id).await.unwrap(), Some(payment.clone()));
        assert_eq!(test.store.events(&payment.client, payment.id).await.unwrap().len(), 2, "{cut:?}");
    }
}

#[tokio::test]
async fn a_payment_that_was_moved_in_doubt_is_moved_once() {
    for cut in CUTS {
        let Some(test) = CutStore::open(cut).await else { return };
        let (payment, open) = opening(1, "demo", 100);
        test.store.commit(with_key(open, take(1, "a", None))).await.unwrap();
        let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
        test.store
            .commit(with_key(
                marked(moved(&payment, done.clone())),
                answer_to(1, Subject::Payment(payment.id), "{}"),
            ))
            .await
            .unwrap();
        assert!(test.cuts() > 1, "{cut:?}");
        assert_eq!(test.store.payment(&done.client, done.id).await.unwrap(), Some(done.clone()));
        assert_eq!(test.store.events(&done.client, done.id).await.unwrap().len(), 3, "{cut:?}");
    }
}

#[tokio::test]
async fn an_amount_that_was_reserved_in_doubt_is_reserved_once() {
    for cut in CUTS {
        let Some(test) = CutStore::open(cut).await else { return };
        let payment = completed_payment(&*test.store, 1, 100).await;
        let (_, open) = refund_of(&payment, 1, 30);
        test.store.commit(with_key(marked(open), take(2, "r", None))).await.unwrap();
        assert!(test.cuts() > 1, "{cut:?}");
        let stored = test.store.payment(&payment.client, payment.id).await.unwrap().unwrap();
        assert_eq!(stored.refunded, 30, "{cut:?}");
        assert_eq!(test.store.refunds(&payment.client, payment.id).await.unwrap().items.len(), 1, "{cut:?}");
    }
}

#[tokio::test]
async fn an_amount_that_was_given_back_in_doubt_is_given_back_once() {
    for cut in CUTS {
        let Some(test) = CutStore::open(cut).await else { return };
        let payment = completed_payment(&*test.store, 1, 100).await;
        let (refund, open) = refund_of(&payment, 1, 30);
        test.store.commit(with_key(open, take(2, "r", None))).await.unwrap();
        test.store.commit(refund_of(&payment, 2, 40).1).await.unwrap();
        let failed = refund_answered(&refund, declined());
        test.store.commit(with_key(marked(failed), release(2, Subject::Refund(refund.id)))).await.unwrap();
        assert!(test.cuts() > 1, "{cut:?}");
        let stored = test.store.payment(&payment.client, payment.id).await.unwrap().unwrap();
        assert_eq!(stored.refunded, 40, "{cut:?}");
    }
}

#[tokio::test]
async fn a_key_that_was_taken_in_doubt_with_its_answer_is_ours() {
    for cut in CUTS {
        let Some(test) = CutStore::open(cut).await else { return };
        let answer = Some(StoredAnswer { status: 404, body: "{}".to_owned() });
        let KeyChange::Take { claim, at, answer, .. } = take(1, "a", answer) else { unreachable!() };
        let taken = KeyChange::Take { claim, client: client(MARK), at, answer };
        test.store.commit(Change::of_key(taken)).await.unwrap();
        assert!(test.cuts() > 1, "{cut:?}");
    }
}

#[tokio::test]
async fn what_conflicts_in_doubt_is_told_as_a_conflict() {
    for cut in CUTS {
        let Some(test) = CutStore::open(cut).await else { return };
        let (payment, open) = opening(1, "demo", 100);
        test.store.commit(open).await.unwrap();
        let lost = payment.clone().charge_answered(Outcome::Unknown(Uncertainty::new("cut")), at(5)).unwrap();
        let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
        // Another process was first.
        test.test.store.commit(moved(&payment, done.clone())).await.unwrap();
        assert_eq!(conflict(test.store.commit(marked(moved(&payment, lost))).await), Conflict::Stale);
        assert!(test.cuts() > 1, "{cut:?}");
        assert_eq!(test.store.payment(&done.client, done.id).await.unwrap(), Some(done));
    }
}

#[tokio::test]
async fn of_a_batch_in_doubt_every_member_is_written_once() {
    for cut in CUTS {
        let Some(test) = CutStore::open(cut).await else { return };
        let payment = completed_payment(&*test.store, 200, 1_000).await;
        let mut changes: Vec<_> =
            (1..=40).map(|n| with_key(marked(opening(n, "demo", 100).1), take(n, "a", None))).collect();
        changes.extend((1..=20).map(|n| marked(refund_of(&payment, n, 10).1)));
        let results = commit_all(&*test.store, changes).await;
        assert!(results.iter().all(Result::is_ok), "{cut:?}: {results:?}");
        assert!(test.cuts() > 1, "{cut:?}");
        let stored = test.store.payment(&payment.client, payment.id).await.unwrap().unwrap();
        assert_eq!(stored.refunded, 200, "{cut:?}");
        for n in 1..=40 {
            assert_eq!(test.store.events(&payment.client, payment_id(n)).await.unwrap().len(), 2, "{cut:?}");
        }
    }
}
