//! Due work and undecided payments and refunds.

use async_trait::async_trait;
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::follow_up::FollowUp;
use payments::model::id::PaymentId;
use payments::model::payment::Payment;
use payments::model::refund::Refund;
use payments::model::work::{Claimed, Due, Lane, LaneBacklog, Work};
use payments::ports::store::{DueWork, Rows, StoreError};

use super::{Database, Purpose, Query, SqlStore};
use crate::due_rows::{
    BACKLOG, BacklogRow, DueRow, END_WATCH, bring_forward, first_readable, name, not_taken, overdue,
    provider, provider_of, statements,
};
use crate::reads::{UNDECIDED_PAYMENTS, UNDECIDED_REFUNDS};
use crate::rows::{PaymentRow, RefundRow};

#[async_trait]
impl<D: Database> DueWork for SqlStore<D> {
    async fn overdue_in(&self, lane: Lane, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        let fetch = async |rows: u32| {
            let query = Query::new(overdue(lane.kind))
                .with(lane.provider.name())
                .with(before.as_microsecond())
                .with(i64::from(rows));
            self.all::<DueRow>(Purpose::Money, query).await
        };
        first_readable(self.database.rows(), lane, limit, fetch).await
    }

    async fn provider_of(&self, work: &Work) -> Result<Option<Provider>, StoreError> {
        if let Work::Event { provider, .. } = work {
            return Ok(Some(*provider));
        }
        let (id, _) = name(work);
        let query = Query::new(provider_of(work.kind())).with(id);
        provider(self.one::<(String,)>(Purpose::Money, query).await?.map(|(name,)| name))
    }

    async fn backlog(&self, now: Timestamp) -> Result<Vec<LaneBacklog>, StoreError> {
        let query = Query::new(BACKLOG).with(now.as_microsecond());
        Ok(self.database.rows().read(self.all::<BacklogRow>(Purpose::Operators, query).await?)?.items)
    }

    async fn claim(&self, work: &Work, now: Timestamp, until: Timestamp) -> Result<Claimed, StoreError> {
        let ((id, provider), sql) = (name(work), statements(work));
        let claim = Query::new(sql.claim)
            .with(id.as_str())
            .with(provider)
            .with(now.as_microsecond())
            .with(until.as_microsecond());
        if self.database.execute(Purpose::Money, claim).await? == 1 {
            return Ok(Claimed::Taken);
        }
        let due = Query::new(sql.due).with(id).with(provider);
        not_taken(self.one::<(i64,)>(Purpose::Money, due).await?.map(|(due,)| due))
    }

    async fn postpone(&self, work: &Work, to: FollowUp) -> Result<(), StoreError> {
        let (id, provider) = name(work);
        let postpone = Query::new(statements(work).postpone)
            .with(id)
            .with(provider)
            .with(to.at.as_microsecond())
            .with(i64::from(to.tries));
        self.database.execute(Purpose::Money, postpone).await.map(|_| ())
    }

    async fn bring_forward(&self, lane: Lane, beyond: Timestamp, to: Timestamp) -> Result<u64, StoreError> {
        let forward = Query::new(bring_forward(lane.kind))
            .with(lane.provider.name())
            .with(beyond.as_microsecond())
            .with(to.as_microsecond());
        self.database.execute(Purpose::Operators, forward).await
    }

    async fn end_watch(&self, payment: PaymentId) -> Result<(), StoreError> {
        let end = Query::new(END_WATCH).with(payment.to_string());
        self.database.execute(Purpose::Money, end).await.map(|_| ())
    }

    async fn undecided(&self, limit: u32) -> Result<(Rows<Payment>, Rows<Refund>), StoreError> {
        let of = |sql| Query::new(sql).with(i64::from(limit));
        let payments = self.all::<PaymentRow>(Purpose::Operators, of(UNDECIDED_PAYMENTS)).await?;
        let refunds = self.all::<RefundRow>(Purpose::Operators, of(UNDECIDED_REFUNDS)).await?;
        Ok((self.database.rows().read(payments)?, self.database.rows().read(refunds)?))
    }
}
