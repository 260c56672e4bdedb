//! A trail that is sealed and anchored, and what the owner of the database can do to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit_proof::{Checkpoint, Hash, Restore, SigningKey};
use control_plane::audit::anchor_file::AnchorFile;
use control_plane::audit::anchors::Anchors;
use control_plane::audit::restored::missing;
use control_plane::audit::sealer::{AnchorPlaces, NotSealed, Sealer, Turn};
use control_plane::audit::verify::{AnchorSource, Finding, TrailReport, verify};
use payments::model::action::{ActionDetail, ActionOutcome, OperatorAction, RESTORED, Restored};
use payments::model::payment::Payment;
use payments::ports::clock::SystemClock;
use payments::ports::store::audit::SealedUpTo;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::common::*;
use crate::store::changes::{moved, refund_of};

/// Transitions of each payment of [`Trail::sealed`].
pub(crate) const EACH: u64 = 3;

pub(crate) fn key() -> SigningKey {
    format!("shop.example/audit:{}", "07".repeat(32)).parse().unwrap()
}

pub(crate) struct Trail {
    pub(crate) test: TestStore,
    pub(crate) key: Arc<SigningKey>,
    folder: TempDir,
}

impl Trail {
    pub(crate) fn new(test: TestStore) -> Self {
        Self { test, key: Arc::new(key()), folder: tempfile::tempdir().unwrap() }
    }

    /// Twelve transitions and an operator's action, sealed by two checkpoints: of 7 and of 13 records.
    pub(crate) async fn sealed(test: TestStore) -> Self {
        let trail = Self::new(test);
        for n in 1..=2 {
            trail.pay(n).await;
        }
        trail.act("payments review", ActionOutcome::Success).await;
        trail.seal(2 * EACH + 1).await;
        for n in 3..=4 {
            trail.pay(n).await;
        }
        trail.seal(4 * EACH + 1).await;
        trail
    }

    /// Created, processing, completed.
    pub(crate) async fn pay(&self, n: u8) -> Payment {
        let (payment, open) = opening(n, "demo", 100);
        self.test.store.commit(open).await.unwrap();
        let done = payment.clone().charge_answered(completed_as(&format!("pi_{n}")), at(5)).unwrap();
        self.test.store.commit(moved(&payment, done.clone())).await.unwrap();
        done
    }

    pub(crate) async fn refund(&self, payment: &Payment, n: u8) {
        self.test.store.commit(refund_of(payment, n, 10).1).await.unwrap();
    }

    pub(crate) async fn act(&self, action: &str, outcome: ActionOutcome) {
        self.record(action, outcome, ActionDetail::default()).await;
    }

    pub(crate) async fn record(&self, action: &str, outcome: ActionOutcome, detail: ActionDetail) {
        let action = OperatorAction {
            at: at(7),
            operator: "ada".to_owned(),
            origin: "ada@ops1".to_owned(),
            action: action.to_owned(),
            object: String::new(),
            outcome,
            detail,
        };
        self.test.store.audit().record_action(&action).await.unwrap();
    }

    /// What is anchored and not there.
    pub(crate) async fn loss(&self) -> Option<Restore> {
        missing(&*self.test.store, self.key.public(), &self.sources(), at(7)).await.unwrap()
    }

    /// Records a restore as `control-plane audit restored` does.
    pub(crate) async fn record_restore(&self) -> Restore {
        let restore = self.loss().await.unwrap();
        self.record_loss(Restored::new(&restore, &restore.signed(&self.key))).await;
        restore
    }

    pub(crate) async fn record_loss(&self, restored: Restored) {
        let detail = ActionDetail { reason: Some("a disk died".to_owned()), restored: Some(restored) };
        self.record(RESTORED, ActionOutcome::Success, detail).await;
    }

    pub(crate) fn anchors(&self) -> PathBuf {
        self.folder.path().join("anchors")
    }

    /// A process that seals, as it is when it has just started.
    pub(crate) async fn sealer(&self, holder: &str) -> Sealer {
        let file = Some(AnchorFile::new(self.anchors()));
        self.sealer_with(holder, AnchorPlaces { file, witness: None }).await
    }

    pub(crate) async fn sealer_with(&self, holder: &str, anchors: AnchorPlaces) -> Sealer {
        let (store, clock) = (self.test.store.clone(), Arc::new(SystemClock));
        Sealer::new(store, clock, self.key.clone(), holder.to_owned(), anchors).await.unwrap()
    }

    /// Seals all records, `size` in the end, by one more checkpoint. Transactions of other tests on the server hold the
    /// log back for a while.
    pub(crate) async fn seal(&self, size: u64) {
        self.seal_by(&mut self.sealer("a").await, size).await;
    }

    pub(crate) async fn seal_by(&self, sealer: &mut Sealer, size: u64) {
        for _ in 0..2_000 {
            if self.readable().await >= size {
                let turn = sealer.turn().await.unwrap();
                assert_eq!((turn.size, turn.waiting_since), (size, None));
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("{size} records can never be read");
    }

    /// How many records are sealed or can be sealed now.
    async fn readable(&self) -> u64 {
        let audit = self.test.store.audit();
        let seal = audit.last_seal().await.unwrap();
        let (size, up_to) = seal.map_or((0, SealedUpTo::NOTHING), |seal| (seal.size, seal.up_to));
        let transitions = audit.transitions(up_to.transitions, 10_000).await.unwrap().len();
        let actions = audit.actions(up_to.actions, 10_000).await.unwrap().len();
        size + u64::try_from(transitions + actions).unwrap()
    }

    /// What a process that starts now does.
    pub(crate) async fn restart(&self) -> Result<Turn, NotSealed> {
        self.sealer("a").await.turn().await
    }

    pub(crate) fn sources(&self) -> Vec<AnchorSource> {
        let text = std::fs::read_to_string(self.anchors()).unwrap();
        let anchors = Anchors::read(&text, &[self.key.public().clone()]);
        vec![AnchorSource { path: self.anchors(), anchors }]
    }

    pub(crate) async fn verify(&self) -> TrailReport {
        self.verify_accepting(&[]).await
    }

    /// By who accepts these records of restores without a note.
    pub(crate) async fn verify_accepting(&self, unsigned: &[Hash]) -> TrailReport {
        let keys = [self.key.public().clone()];
        verify(&*self.test.store, &keys, &self.sources(), unsigned).await.unwrap()
    }

    /// By who has nothing but the database and the key.
    pub(crate) async fn verify_alone(&self) -> TrailReport {
        verify(&*self.test.store, &[self.key.public().clone()], &[], &[]).await.unwrap()
    }

    pub(crate) async fn findings(&self) -> Vec<Finding> {
        self.verify().await.findings
    }

    pub(crate) async fn checkpoint(&self) -> Checkpoint {
        let seal = self.test.store.audit().last_seal().await.unwrap().unwrap();
        seal.note().unwrap().text().parse().unwrap()
    }

    fn is_sqlite(&self) -> bool {
        self.test.uri().starts_with("sqlite:")
    }

    /// Runs statements with the rights of the database's owner, whom no trigger stops.
    pub(crate) async fn tamper(&self, sql: &str) {
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(self.test.uri()).await.unwrap();
            let mut all = String::from("PRAGMA foreign_keys = OFF;");
            for table in ["events", "operator_actions", "audit_leaves", "audit_nodes", "audit_checkpoints"] {
                for trigger in ["not_changed", "not_deleted", "only_sealed"] {
                    all += &format!("DROP TRIGGER IF EXISTS {table}_are_{trigger};");
                }
            }
            connection.execute(AssertSqlSafe(format!("{all}{sql}"))).await.unwrap();
        } else {
            let mut connection = PgConnection::connect(self.test.uri()).await.unwrap();
            connection
                .execute(AssertSqlSafe(format!("SET session_replication_role = replica;{sql}")))
                .await
                .unwrap();
        }
    }

    /// Changes one character of what is stored of a record's details.
    pub(crate) async fn flip(&self, event: &str) {
        self.tamper(&format!(
            "UPDATE events SET detail = substr(detail, 1, 40)
                 || CASE substr(detail, 41, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(detail, 42)
             WHERE seq = {event}"
        ))
        .await;
    }

    /// Deletes what was sealed from `size` records on, and what has happened since, as if none of it had been.
    pub(crate) async fn cut(&self, size: u64) {
        self.tamper(&format!(
            "DELETE FROM events WHERE seq IN (SELECT event FROM audit_leaves WHERE leaf >= {size});
             DELETE FROM operator_actions WHERE seq IN (SELECT action FROM audit_leaves WHERE leaf >= {size});
             DELETE FROM audit_leaves WHERE leaf >= {size};
             DELETE FROM audit_checkpoints WHERE size > {size}"
        ))
        .await;
    }

    /// The same, and the payments: as a backup of that time has it.
    pub(crate) async fn restore(&self, size: u64) {
        self.cut(size).await;
        self.tamper("DELETE FROM payments WHERE id NOT IN (SELECT payment FROM events)").await;
    }
}
