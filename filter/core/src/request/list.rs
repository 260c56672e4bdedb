//! The query of `GET /payments`.

use super::InvalidRequest;
use super::charge::{CUSTOMER_REFERENCE, short_text};
use super::object::Field;
use super::query::{self, limit, owned_if};
use crate::id;
use crate::provider::Provider;

/// The query of `GET /payments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// How many payments to give at most, 1 to 100.
    pub limit: u32,
    /// Continue after this payment, `txn_…`.
    pub starting_after: Option<String>,
    pub provider: Option<Provider>,
    /// One of [`ListQuery::STATUSES`].
    pub status: Option<String>,
    /// An instant of RFC 3339 by its characters; whether there is such an instant is not checked here.
    pub created_after: Option<String>,
    /// Like `created_after`.
    pub created_before: Option<String>,
    /// Exactly as in the charge.
    pub customer_reference: Option<String>,
}

impl ListQuery {
    pub const LIMIT_DEFAULT: u32 = 20;
    pub const LIMIT_MAX: u32 = 100;
    pub const STATUSES: [&str; 7] =
        ["pending", "requires_action", "authorized", "completed", "captured", "canceled", "failed"];
    /// What a customer reference has to be.
    pub const CUSTOMER_REFERENCE_RULE: &str = CUSTOMER_REFERENCE.rule;

    /// Whether a payment can have this customer reference.
    #[must_use]
    pub fn is_customer_reference(text: &str) -> bool {
        short_text(text).is_some()
    }

    /// Reads what follows the `?`, percent-encoded (WHATWG URL, `application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// Names the parameter at fault and what would be right.
    pub fn parse(query: &str) -> Result<Self, InvalidRequest> {
        let mut list = Self::default();
        query::read(query, &FIELDS, |field, value| list.set(field, value).ok_or_else(|| field.refused()))?;
        Ok(list)
    }

    /// `None` if the value breaks the field's rule.
    fn set(&mut self, field: &Field, value: &str) -> Option<()> {
        match field.name {
            "limit" => self.limit = limit(value, Self::LIMIT_MAX)?,
            "startingAfter" => self.starting_after = Some(owned_if(id::is_transaction(value), value)?),
            "provider" => self.provider = Some(Provider::from_name(value)?),
            "status" => self.status = Some(owned_if(Self::STATUSES.contains(&value), value)?),
            "createdAfter" => self.created_after = Some(owned_if(may_be_instant(value), value)?),
            "customerReference" => self.customer_reference = Some(short_text(value)?),
            _ => self.created_before = Some(owned_if(may_be_instant(value), value)?),
        }
        Some(())
    }
}

impl Default for ListQuery {
    fn default() -> Self {
        Self {
            limit: Self::LIMIT_DEFAULT,
            starting_after: None,
            provider: None,
            status: None,
            created_after: None,
            created_before: None,
            customer_reference: None,
        }
    }
}

const INSTANT: &str = "must be an RFC 3339 instant, e.g. `2026-01-31T23:59:59Z`";
const FIELDS: [Field; 7] = [
    Field { name: "limit", rule: "must be an integer from 1 to 100" },
    Field {
        name: "startingAfter",
        rule: "must be a transaction id, `txn_` followed by a UUID in lower case",
    },
    Field { name: "provider", rule: "must be `stripe` or `paypal`" },
    Field {
        name: "status",
        rule: "must be one of pending, requires_action, authorized, completed, captured, canceled, failed",
    },
    Field { name: "createdAfter", rule: INSTANT },
    Field { name: "createdBefore", rule: INSTANT },
    CUSTOMER_REFERENCE,
];

fn may_be_instant(value: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'T' | b'Z' | b'.' | b'+');
    (20..=40).contains(&value.len()) && value.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const ID: &str = "txn_01890000-0000-7000-8000-000000000000";

    fn param(query: &str) -> Option<String> {
        ListQuery::parse(query).unwrap_err().param
    }

    #[test]
    fn no_query_lists_twenty() {
        assert_eq!(ListQuery::parse(""), Ok(ListQuery::default()));
        assert_eq!(ListQuery::default().limit, 20);
    }

    #[test]
    fn every_parameter_is_read() {
        let query = format!(
            "limit=100&startingAfter={ID}&provider=paypal&status=requires_action\
             &createdAfter=2026-01-01T00%3A00%3A00Z&createdBefore=2026-02-01T00:00:00%2B02:00\
             &customerReference=cust%20%C3%A9-1"
        );
        let list = ListQuery {
            limit: 100,
            starting_after: Some(ID.to_owned()),
            provider: Some(Provider::Paypal),
            status: Some("requires_action".to_owned()),
            created_after: Some("2026-01-01T00:00:00Z".to_owned()),
            created_before: Some("2026-02-01T00:00:00+02:00".to_owned()),
            customer_reference: Some("cust é-1".to_owned()),
        };
        assert_eq!(ListQuery::parse(&query), Ok(list));
    }

    #[test]
    fn a_wrong_value_is_refused_by_the_name_of_its_parameter() {
        for query in ["limit=0", "limit=101", "limit=", "limit=%2B5", "limit=1.0", "limit=99999999999"] {
            assert_eq!(param(query).as_deref(), Some("limit"), "{query}");
        }
        for name in ["startingAfter", "provider", "status", "createdAfter", "createdBefore"] {
            assert_eq!(param(&format!("{name}=nonsense")).as_deref(), Some(name));
        }
        let long = "a".repeat(128);
        for reference in ["", "a%00b", &long] {
            let query = format!("customerReference={reference}");
            assert_eq!(param(&query).as_deref(), Some("customerReference"), "{query}");
        }
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        assert_eq!(param("limit=1&page=2").as_deref(), Some("page"));
        assert_eq!(param("limit=1&limit=1").as_deref(), Some("limit"));
        assert_eq!(param("limit=1&%6cimit=1").as_deref(), Some("limit"));
    }
}
