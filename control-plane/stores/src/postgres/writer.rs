//! A writer task's connection, and the result of each change in a batch.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crash_points::reach;
use payments::model::idempotency::KeyChange;
use payments::ports::store::{Change, CommitError, Conflict, Mutation, StoreError};
use sealing::Sealer;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use tokio::time::{Instant, sleep, timeout};

use super::backends::Backends;
use super::batch::{Batch, Group, Late};
use super::independent_batches::independent_batches;
use super::parameters::Parameters;
use super::pooling::abandon;
use super::proof::PROVE;
use super::refusal::{is_of_all_connections, is_read_only};
use super::sent::{Cause, Sent, is_reference_taken, refusal, unwritten};
use super::writer_connection::{connect, hurry};
use super::{not_written, unavailable, written};
use crate::group_commit::Writer;
use crate::renewal::Renewal;
use crate::sealed::Unwritable;

/// Time limit for an answer, on our side: longer than the server's.
const ANSWER_MAX: Duration = Duration::from_secs(7);
const CONFIRM_PAUSE: Duration = Duration::from_millis(100);
/// Retries of a change after a deadlock, a refusal by a read-only server, or a conflict that was gone when checked.
const TRIES: u8 = 3;

/// Maximum age of a connection: the statement is planned once per connection, and the tables grow.
const CONNECTION_MAX: Duration = Duration::from_secs(60);

pub(super) struct PostgresWriter {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    connected_at: Instant,
    /// Whether the connection gives statements only a short time.
    is_hurried: bool,
    renewal: Arc<Renewal>,
    backends: Arc<Backends>,
    sealer: Arc<Sealer>,
}

#[async_trait]
impl Writer for PostgresWriter {
    async fn write(&mut self, batch: &[Change]) -> Vec<Result<(), CommitError>> {
        let waves = independent_batches(batch);
        let mut batch = Batch::of(batch);
        for members in waves {
            batch.groups.push(Group { members, noting: false, tries: TRIES });
            while let Some(group) = batch.groups.pop() {
                if batch.has_time(group.noting) {
                    self.write_group(&mut batch, group).await;
                } else {
                    let noting = group.noting;
                    batch.tell_all(&group.members, Late, |problem| unwritten(problem, noting));
                }
            }
        }
        if self.is_hurried {
            self.connection = None;
        }
        batch.results
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        let is_fresh = self.connection.is_none();
        match self.prove_once().await {
            // The write failed on this connection; a new one may lead to another server.
            Err(_) if !is_fresh => self.prove_once().await.map_err(not_written),
            proved => proved.map_err(not_written),
        }
    }
}

impl PostgresWriter {
    pub(super) fn new(
        options: PgConnectOptions,
        renewal: Arc<Renewal>,
        backends: Arc<Backends>,
        sealer: Arc<Sealer>,
    ) -> Self {
        let (connection, connected_at) = (None, Instant::now());
        Self { options, connection, connected_at, is_hurried: false, renewal, backends, sealer }
    }

    /// Writes the group and sets the results. Members to write again go back to the batch's groups.
    async fn write_group(&mut self, batch: &mut Batch<'_>, group: Group) {
        // While the outcome of an earlier statement is unknown, that one may still hold the locks.
        let is_short = batch.is_slow() && !group.noting;
        let sent = self.send(batch.changes, &group.members, is_short).await;
        let Group { members, noting, tries } = group;
        match sent {
            Sent::Written { without_key } => self.written(batch, &members, &without_key, noting).await,
            Sent::Conflict { members: refused } => {
                self.conflicting(batch, Group { members, noting, tries }, refused).await;
            }
            Sent::Refused { problem, cause } => {
                self.refused(batch, Group { members, noting, tries }, problem, cause).await;
            }
            Sent::Unreached(problem) if noting && batch.has_time(noting) => {
                tracing::warn!(error = %problem, "the database does not answer; the outcome of a commit is unknown");
                sleep(CONFIRM_PAUSE).await;
                batch.groups.push(Group { members, noting, tries });
            }
            Sent::Unknown(problem) if batch.has_time(true) => {
                tracing::warn!(error = %problem, "the answer to a commit was lost; retrying");
                sleep(CONFIRM_PAUSE).await;
                let changes = batch.changes;
                let (again, not): (Vec<_>, Vec<_>) =
                    members.into_iter().partition(|member| changes.get(*member).is_some_and(may_be_repeated));
                batch.tell_all(&not, problem, unavailable);
                if !again.is_empty() {
                    batch.groups.push(Group { members: again, noting: true, tries });
                }
            }
            Sent::Unreached(problem) => {
                batch.tell_all(&members, problem, |problem| unwritten(problem, noting));
            }
            Sent::Unknown(problem) => batch.tell_all(&members, problem, unavailable),
        }
    }

    /// Handles a group of which nothing was written because some members, `refused`, do not apply.
    async fn conflicting(&mut self, batch: &mut Batch<'_>, group: Group, refused: Vec<usize>) {
        let Group { members, noting, tries } = group;
        let changes = batch.changes;
        let rest: Vec<_> = members.into_iter().filter(|member| !refused.contains(member)).collect();
        for member in refused {
            let Some(change) = changes.get(member) else { continue };
            if !batch.has_time(noting) {
                batch.tell(member, Err(unwritten(Late, noting).into()));
                continue;
            }
            match self.why_not(change).await {
                Ok(Some(conflict)) => batch.tell(member, self.conflict(change, conflict, noting).await),
                Ok(None) if tries > 0 => {
                    batch.groups.push(Group { members: vec![member], noting, tries: tries - 1 });
                }
                Ok(None) => batch.tell(member, self.conflict(change, Conflict::Stale, noting).await),
                Err(problem) => batch.tell(member, Err(unwritten(problem, noting).into())),
            }
        }
        if !rest.is_empty() {
            batch.groups.push(Group { members: rest, noting, tries });
        }
    }

    /// Sets the results of a group that was written. `without_key`: the changes whose key did not apply.
    async fn written(
        &mut self,
        batch: &mut Batch<'_>,
        members: &[usize],
        without_key: &[usize],
        noting: bool,
    ) {
        let changes = batch.changes;
        for &member in members {
            let Some(change) = changes.get(member) else { continue };
            if !without_key.contains(&member) {
                batch.tell(member, Ok(()));
                continue;
            }
            let is_taken = matches!(change.key, Some(KeyChange::Take { .. }));
            let conflict = if is_taken { Conflict::KeyTaken } else { Conflict::Stale };
            batch.tell(member, self.conflict(change, conflict, noting).await);
        }
    }

    /// Handles a group of which the server wrote nothing.
    async fn refused(&mut self, batch: &mut Batch<'_>, group: Group, problem: sqlx::Error, cause: Cause) {
        let Group { members, noting, tries } = group;
        let changes = batch.changes;
        match (members.as_slice(), cause) {
            (_, Cause::ReadOnly) | (&[_], Cause::Others) if tries > 0 => {
                batch.groups.push(Group { members, noting, tries: tries - 1 });
            }
            (&[member], Cause::Change | Cause::Others) if is_reference_taken(&problem) => {
                let Some(change) = changes.get(member) else { return };
                batch.tell(member, self.conflict(change, Conflict::ReferenceTaken, noting).await);
            }
            (all @ (&[_] | &[]), _) | (all, Cause::ReadOnly | Cause::Server) => {
                batch.tell_all(all, problem, |problem| unwritten(problem, noting));
            }
            (all, Cause::Change | Cause::Others) if !batch.has_time(noting) => {
                batch.tell_all(all, problem, |problem| unwritten(problem, noting));
            }
            // One member is at fault; splitting the group spares the others.
            (all, Cause::Change | Cause::Others) => {
                let (left, right) = all.split_at(all.len() / 2);
                batch.groups.extend([right, left].map(|half| Group {
                    members: half.to_vec(),
                    noting,
                    tries,
                }));
            }
        }
    }

    /// Returns the conflict, unless it is with the change itself, written by the statement whose answer was lost.
    async fn conflict(
        &mut self,
        change: &Change,
        conflict: Conflict,
        noting: bool,
    ) -> Result<(), CommitError> {
        if noting {
            let Some(connection) = &mut self.connection else {
                return Err(unavailable(ConnectionLost).into());
            };
            match timeout(ANSWER_MAX, written::is_durable(connection, change, &self.sealer)).await {
                Ok(Ok(true)) => return Ok(()),
                Ok(Ok(false)) => {}
                Ok(Err(problem)) => return Err(problem.into()),
                Err(_) => return Err(unavailable(self.silent()).into()),
            }
        }
        Err(CommitError::Conflict(conflict))
    }

    /// The server no longer answers, or the network path is dead: neither this connection nor any other is used again.
    fn silent(&mut self) -> sqlx::Error {
        self.connection = None;
        self.renewal.ask();
        sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
    }

    /// Why a change does not apply. `None` if it would apply by now.
    async fn why_not(&mut self, change: &Change) -> Result<Option<Conflict>, sqlx::Error> {
        match timeout(ANSWER_MAX, self.step_conflict(change)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.silent()),
        }
    }

    async fn step_conflict(&mut self, change: &Change) -> Result<Option<Conflict>, sqlx::Error> {
        let Some(connection) = &mut self.connection else { return Ok(None) };
        match &change.mutation {
            Mutation::OpenPayment { .. } => Ok(Some(Conflict::ReferenceTaken)),
            Mutation::OpenRefund { refund, .. } => {
                let found: Option<(i64, bool)> = sqlx::query_as(
                    "SELECT captured - refunded, EXISTS (SELECT 1 FROM refunds WHERE id = $2)
                     FROM payments WHERE id = $1",
                )
                .bind(refund.payment.to_string())
                .bind(refund.id.to_string())
                .fetch_optional(connection)
                .await?;
                let Some((left, exists)) = found else { return Ok(Some(Conflict::Stale)) };
                Ok(match u64::try_from(left) {
                    Ok(remaining) if remaining < refund.amount.minor() => {
                        Some(Conflict::RefundExceeds { remaining })
                    }
                    _ if exists || change.webhook.is_some() => Some(Conflict::Stale),
                    _ => None,
                })
            }
            Mutation::NotePayment { payment, dispute: Some(dispute), .. } => {
                let others: bool = sqlx::query_scalar(
                    "SELECT EXISTS (SELECT 1 FROM disputes WHERE provider = $1 AND id = $2 AND payment <> $3)",
                )
                .bind(payment.request.provider.name())
                .bind(dispute.id.as_str())
                .bind(payment.id.to_string())
                .fetch_one(connection)
                .await?;
                Ok(Some(if others { Conflict::ReferenceTaken } else { Conflict::Stale }))
            }
            _ => Ok(Some(Conflict::Stale)),
        }
    }

    /// `is_short`: gives statements only a short time. A batch that needs that gives up its connection at its end.
    async fn connected(&mut self, is_short: bool) -> Result<PgConnection, sqlx::Error> {
        if self.is_hurried && !is_short {
            self.connection = None;
        }
        let mut connection = self.usable().await?;
        if is_short && !self.is_hurried {
            hurry(&mut connection).await?;
            self.is_hurried = true;
        }
        Ok(connection)
    }

    async fn usable(&mut self) -> Result<PgConnection, sqlx::Error> {
        let age = self.connected_at.elapsed();
        match self.connection.take() {
            Some(connection) if age < CONNECTION_MAX && !self.renewal.is_outdated(age) => {
                return Ok(connection);
            }
            Some(mut misled) if self.renewal.is_misled(age) => {
                abandon(&mut misled).await;
            }
            _ => {}
        }
        self.connected_at = Instant::now();
        self.is_hurried = false;
        connect(&self.options, &self.backends).await
    }

    async fn send(&mut self, changes: &[Change], members: &[usize], is_short: bool) -> Sent {
        let numbered = members.iter().filter_map(|&n| Some((i32::try_from(n).ok()?, changes.get(n)?)));
        let parameters = match Parameters::of(numbered, &self.sealer) {
            Ok(parameters) => parameters,
            Err(problem) => {
                // Without a key to seal with, none of them can be written.
                let cause =
                    if matches!(problem, Unwritable::Seal(_)) { Cause::Server } else { Cause::Change };
                return Sent::Refused { problem: sqlx::Error::Encode(problem.into()), cause };
            }
        };
        let mut connection = match self.connected(is_short).await {
            Ok(connection) => connection,
            Err(problem) => return Sent::Unreached(problem),
        };
        // The answer is complete only when the server is ready for the next statement, because it reports a failed
        // commit after the rows. `fetch_one` reads that far.
        let answer = timeout(ANSWER_MAX, parameters.query().fetch_one(&mut connection));
        // Polled in this order, so that the statement is on its way when the crash point is reached.
        let (answer, ()) = tokio::join!(biased; answer, reach("during_commit"));
        let (sent, usable) = match answer {
            Ok(Ok(row)) => match row.try_get::<Vec<i32>, _>("without_key") {
                Ok(members) => (Sent::Written { without_key: numbers(members) }, true),
                Err(problem) => (Sent::Unknown(problem), false),
            },
            Ok(Err(problem)) => {
                self.note(&problem);
                if is_read_only(&problem) {
                    abandon(&mut connection).await;
                }
                refusal(problem)
            }
            Err(_) => {
                // The server's own limit has passed, so the network path is dead.
                self.renewal.ask();
                (Sent::Unknown(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())), false)
            }
        };
        self.connection = usable.then_some(connection);
        sent
    }

    /// Keeps the connection only if it takes a write.
    async fn prove_once(&mut self) -> Result<(), sqlx::Error> {
        let mut connection = self.connected(false).await?;
        match timeout(ANSWER_MAX, sqlx::raw_sql(AssertSqlSafe(PROVE.as_str())).execute(&mut connection)).await
        {
            Ok(Ok(_)) => {
                self.connection = Some(connection);
                Ok(())
            }
            Ok(Err(problem)) => {
                self.note(&problem);
                Err(problem)
            }
            Err(_) => {
                self.renewal.ask();
                Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
            }
        }
    }

    fn note(&self, problem: &sqlx::Error) {
        if is_read_only(problem) {
            self.renewal.ask_for_another_server();
        } else if is_of_all_connections(problem) {
            self.renewal.ask();
        }
    }
}

fn numbers(members: Vec<i32>) -> Vec<usize> {
    members.into_iter().filter_map(|member| usize::try_from(member).ok()).collect()
}

#[derive(Debug, thiserror::Error)]
#[error("the connection was lost before the change could be looked up")]
struct ConnectionLost;

/// Whether the first write of a change prevents a second one. A change that opens or moves something is guarded by an
/// id or a version; one that only answers or releases a key, or only marks an event, is not.
fn may_be_repeated(change: &Change) -> bool {
    let only_key = matches!(change.mutation, Mutation::Nothing | Mutation::KeyOf(_));
    !only_key || (change.webhook.is_none() && matches!(change.key, Some(KeyChange::Take { .. })))
}
