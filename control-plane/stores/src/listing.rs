//! A client's payments, newest first: the statement, shared by both databases, and its pages.

use std::fmt::Write as _;

use edge_core::client::ClientId;
use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use payments::model::id::PaymentId;
use payments::model::payment::{Payment, Status};
use payments::ports::store::{Filter, Problem, Rows, StoreError, Unreadable};
use sealing::BlindIndex;
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use super::reads::PAYMENT_COLUMNS;
use super::rows::PaymentRow;
use super::sealed_tables::CUSTOMERS;
use super::sql::{Argument, Query};
use super::unreadable::RowReader;

/// Maximum difference between the time in an id and `created_at`: the same clock sets them one after the other.
const APART: SignedDuration = SignedDuration::from_secs(1);
/// Maximum pages without a readable row to skip. More mean that the table itself is damaged.
const BLIND_PAGES_MAX: u8 = 100;

/// A statement and its arguments, in the order of their numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) sql: String,
    pub(super) arguments: Vec<Argument>,
}

impl Listing {
    /// Selects the rows after the id `after`, one more than `filter.limit`, which shows whether there is a next page.
    ///
    /// A rare state among millions of payments must not cost a walk over all of them, so a filter by state or provider
    /// becomes one index walk per matching pair, merged.
    ///
    /// `customers` are the indexes of the filter's customer reference: a customer has few payments, so they are found
    /// first.
    pub(super) fn of(
        client: &ClientId,
        filter: &Filter,
        after: Option<&str>,
        customers: &[BlindIndex],
    ) -> Self {
        let mut conditions = Conditions::new(client);
        if let Some(before) = before(filter, after) {
            conditions.and("id < ", Argument::Text(before));
        }
        if let Some(time) = filter.created_after {
            let first = time.checked_sub(APART).unwrap_or(Timestamp::UNIX_EPOCH);
            conditions.and("id >= ", Argument::Text(PaymentId::new(first, [0; 10]).to_string()));
            conditions.and("created_at > ", Argument::Number(time.as_microsecond()));
        }
        if let Some(time) = filter.created_before {
            conditions.and("created_at < ", Argument::Number(time.as_microsecond()));
        }
        if filter.customer_reference.is_some() {
            return Self::of_customer(conditions, filter, customers);
        }
        let walks = walks(filter);
        let Conditions { sql: conditions, mut arguments } = conditions;
        arguments.push(Argument::Number(i64::from(filter.limit) + 1));
        let limit = arguments.len();
        let walk = |n: usize, more: &str| {
            format!(
                "SELECT {PAYMENT_COLUMNS} FROM (
                     SELECT {PAYMENT_COLUMNS} FROM payments WHERE {conditions}{more}
                     ORDER BY id DESC LIMIT ${limit}) AS walk_{n}"
            )
        };
        let walks: Vec<_> = walks.iter().enumerate().map(|(n, more)| walk(n, more)).collect();
        let sql = format!("{} ORDER BY id DESC LIMIT ${limit}", walks.join(" UNION ALL "));
        Self { sql, arguments }
    }
}

impl Listing {
    /// `CROSS JOIN` makes SQLite begin with the customer's payments; to PostgreSQL it is a join like any other.
    fn of_customer(conditions: Conditions, filter: &Filter, customers: &[BlindIndex]) -> Self {
        let Conditions { sql: mut conditions, mut arguments } = conditions;
        let mut numbered = |argument: Argument| {
            arguments.push(argument);
            format!("${}", arguments.len())
        };
        let own: Vec<_> = customers.iter().map(|own| numbered(Argument::Text(own.to_string()))).collect();
        if let Some(provider) = filter.provider {
            let _ = write!(conditions, " AND provider = {}", numbered(provider.name().into()));
        }
        if let Some(status) = filter.status {
            let states: Vec<_> = status.states().iter().map(|state| numbered((*state).into())).collect();
            let _ = write!(conditions, " AND state IN ({})", states.join(", "));
        }
        let limit = numbered(Argument::Number(i64::from(filter.limit) + 1));
        let sql = format!(
            "WITH own AS MATERIALIZED (
                 SELECT payment FROM payment_customers WHERE client = $1 AND customer IN ({}))
             SELECT {PAYMENT_COLUMNS} FROM own CROSS JOIN payments
             WHERE id = payment AND {conditions} ORDER BY id DESC LIMIT {limit}",
            own.join(", ")
        );
        Self { sql, arguments }
    }
}

impl From<Listing> for Query {
    fn from(Listing { sql, arguments }: Listing) -> Self {
        Self { sql: AssertSqlSafe(sql).into_sql_str(), arguments }
    }
}

struct Conditions {
    sql: String,
    arguments: Vec<Argument>,
}

impl Conditions {
    fn new(client: &ClientId) -> Self {
        Self { sql: "client = $1".to_owned(), arguments: vec![Argument::Text(client.as_str().to_owned())] }
    }

    fn and(&mut self, what: &str, argument: Argument) {
        self.arguments.push(argument);
        let _ = write!(self.sql, " AND {what}${}", self.arguments.len());
    }
}

/// The exclusive upper bound of the ids.
fn before(filter: &Filter, after: Option<&str>) -> Option<String> {
    let last = filter.created_before.and_then(|time| time.checked_add(APART).ok());
    let last = last.map(|time| PaymentId::new(time, [0; 10]).to_string());
    last.into_iter().chain(after.map(str::to_owned)).min()
}

/// The additional conditions of each walk. They contain only our own names, never client input.
fn walks(filter: &Filter) -> Vec<String> {
    if filter.status.is_none() && filter.provider.is_none() {
        return vec![String::new()];
    }
    let states = filter.status.map_or_else(
        || Status::ALL.into_iter().flat_map(Status::states).copied().collect(),
        |status| status.states().to_vec(),
    );
    let providers = filter.provider.map_or_else(|| Provider::ALL.to_vec(), |provider| vec![provider]);
    let pairs =
        providers.iter().flat_map(|provider| states.iter().map(move |state| (provider.name(), state)));
    pairs.map(|(provider, state)| format!(" AND provider = '{provider}' AND state = '{state}'")).collect()
}

/// Whether a payment is what an entry under the filter's customer reference says, if the filter has one: nothing binds an
/// entry to its payment, so one with access to the database could have moved it. What has ended has no reference to compare.
pub(super) fn is_as_entered(filter: &Filter, payment: &Payment) -> bool {
    let reference = payment.request.customer_reference.as_ref();
    filter.customer_reference.is_none()
        || payment.is_erased
        || reference == filter.customer_reference.as_ref()
}

fn moved_entry(payment: &Payment) -> Unreadable {
    let (row, column) = (payment.id.to_string(), "customer".to_owned());
    Unreadable { table: CUSTOMERS, row, column, problem: Problem::NotAuthentic }
}

/// The next `limit` rows after `after`, and whether there are more. `fetch` returns up to one row more than `limit`.
/// Rows that are not `as_entered` are left out like unreadable ones. Pages without a single other row are skipped.
pub(super) async fn behind<Fetched>(
    reader: &RowReader,
    after: Option<String>,
    limit: u32,
    as_entered: impl Fn(&Payment) -> bool,
    fetch: impl Fn(Option<String>) -> Fetched,
) -> Result<(Rows<Payment>, bool), StoreError>
where
    Fetched: Future<Output = Result<Vec<PaymentRow>, StoreError>>,
{
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut after, mut unreadable) = (after, Vec::new());
    for _ in 0..BLIND_PAGES_MAX {
        let mut rows = fetch(after).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        after = rows.last().map(|row| row.id.clone());
        let read: Rows<Payment> = reader.read(rows)?;
        unreadable.extend(read.unreadable);
        let (items, moved): (Vec<_>, Vec<_>) = read.items.into_iter().partition(&as_entered);
        for entry in moved.iter().map(moved_entry) {
            reader.tell(&entry);
            unreadable.push(entry);
        }
        if !items.is_empty() || !has_more {
            return Ok((Rows { items, unreadable }, has_more));
        }
    }
    Err(unreadable.pop().map_or(StoreError::TimedOut, StoreError::Inconsistent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(filter: &Filter, after: Option<&str>) -> Listing {
        Listing::of(&ClientId::parse("demo").unwrap(), filter, after, &[])
    }

    fn texts(listing: &Listing) -> Vec<&str> {
        fn text(argument: &Argument) -> Option<&str> {
            if let Argument::Text(text) = argument { Some(text) } else { None }
        }
        listing.arguments.iter().filter_map(text).collect()
    }

    #[test]
    fn each_pair_of_a_state_and_a_provider_is_a_walk_of_its_own() {
        let pending = Filter { limit: 20, status: Some(Status::Pending), ..Filter::default() };
        assert_eq!(
            listing(&pending, None).sql.matches("state = ").count(),
            2 * Status::Pending.states().len()
        );
        let paypal = Filter { provider: Some(Provider::Paypal), ..pending.clone() };
        assert_eq!(
            listing(&paypal, None).sql.matches("provider = 'paypal'").count(),
            Status::Pending.states().len()
        );
        let all = Filter { limit: 20, ..Filter::default() };
        assert!(!listing(&all, None).sql.contains("UNION"));
    }

    #[test]
    fn a_time_is_a_bound_of_ids_and_the_nearer_bound_counts() {
        let time = |second| Timestamp::from_second(second).unwrap();
        let id = |second| PaymentId::new(time(second), [0; 10]).to_string();
        let filter = Filter {
            limit: 1,
            created_after: Some(time(100)),
            created_before: Some(time(200)),
            ..Filter::default()
        };
        assert_eq!(texts(&listing(&filter, None)), ["demo", &id(201), &id(99)]);
        assert_eq!(texts(&listing(&filter, Some(&id(150)))), ["demo", &id(150), &id(99)]);
        assert_eq!(texts(&listing(&filter, Some(&id(300)))), ["demo", &id(201), &id(99)]);
    }

    #[test]
    fn times_at_the_end_of_the_calendar_are_bounds_too() {
        let filter = Filter {
            limit: 1,
            created_after: Some(Timestamp::MIN),
            created_before: Some(Timestamp::MAX),
            ..Filter::default()
        };
        assert_eq!(listing(&filter, None).arguments.len(), 5);
    }
}
