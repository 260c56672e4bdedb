//! The servers of a cluster, and what is done to them.

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use test_services::{PostgresServer, RabbitServer, RedisServer, TestDatabase};

use crate::schedule::Action;

pub(crate) struct Servers {
    pub(crate) redis: RedisServer,
    pub(crate) rabbit: RabbitServer,
    pub(crate) database: TestDatabase,
    pub(crate) postgres: PostgresServer,
    /// `None` after it has taken over.
    standby: Option<PostgresServer>,
    /// The old primary, which keeps running, and its database.
    retired: Option<(PostgresServer, TestDatabase)>,
    /// The session that has locked a table.
    lock: Option<PgConnection>,
}

impl Servers {
    pub(crate) async fn start() -> Option<Self> {
        let (redis, postgres) = (RedisServer::own(&[]).await?, PostgresServer::own().await?);
        let rabbit = RabbitServer::own().await?;
        let database = postgres.database().await;
        let standby = Some(postgres.standby().await);
        Some(Self { redis, rabbit, database, postgres, standby, retired: None, lock: None })
    }

    /// Promotes the standby and returns its database; `None` if there is no standby.
    pub(crate) async fn fail_over(&mut self) -> Option<&TestDatabase> {
        let standby = self.standby.take()?;
        self.postgres.set_read_only(true).await;
        standby.promote().await;
        let new = self.database.on(&standby);
        let database = std::mem::replace(&mut self.database, new);
        self.retired = Some((std::mem::replace(&mut self.postgres, standby), database));
        Some(&self.database)
    }

    pub(crate) async fn carry_out(&mut self, action: &Action) {
        match action {
            Action::CrashPostgres => self.postgres.kill(),
            Action::StartPostgres => self.postgres.start_again().await,
            Action::EndDatabaseSessions => self.postgres.terminate(self.database.name()).await,
            Action::DenyWrites => self.postgres.set_read_only(true).await,
            Action::AllowWrites => self.postgres.set_read_only(false).await,
            Action::AddStandby => {
                self.retired = None;
                self.standby = Some(self.postgres.standby().await);
            }
            Action::LockTable(table) => self.lock(table).await,
            Action::UnlockTable => self.lock = None,
            Action::KillRedis => self.redis.kill(),
            Action::StartRedis => self.redis.start_again().await,
            Action::FreezeRedis => self.redis.signal(Signal::STOP),
            Action::ThawRedis => self.redis.signal(Signal::CONT),
            Action::KillRabbit => self.rabbit.kill(),
            Action::StartRabbit => self.rabbit.start_again().await,
            Action::FreezeRabbit => self.rabbit.signal(Signal::STOP),
            Action::ThawRabbit => self.rabbit.signal(Signal::CONT),
            Action::PurgeQueues => self.rabbit.purge_all().await,
            Action::Redis(command) => self.redis.run::<()>(command).await,
            other => panic!("{other} is not for a server"),
        }
    }

    /// Locks a table as a change of the schema does, until its session ends. Without effect if the lock is not given in
    /// time: a frozen process may hold a row.
    async fn lock(&mut self, table: &str) {
        let Ok(mut session) = PgConnection::connect(self.database.uri()).await else { return };
        let sql = format!("SET lock_timeout = '1s'; BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        if session.execute(AssertSqlSafe(sql)).await.is_ok() {
            self.lock = Some(session);
        }
    }

    /// Undoes what was done to the processes and sessions, after a run.
    pub(crate) fn repair(&mut self) {
        self.redis.signal(Signal::CONT);
        self.rabbit.signal(Signal::CONT);
        self.lock = None;
    }
}
