use super::InvalidRequest;
use super::object::Field;
use super::query::{self, limit, owned_if};
use crate::id;

/// The query of `GET /events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsQuery {
    /// Go on behind this event, `evt_…`.
    pub after: Option<String>,
    /// How many events to give at most, 1 to 100. A stream ignores it.
    pub limit: u32,
    /// Only of this payment, `txn_…`.
    pub payment: Option<String>,
    /// Only of these types; all if empty.
    pub types: Vec<String>,
}

impl EventsQuery {
    pub const LIMIT_DEFAULT: u32 = 100;
    pub const LIMIT_MAX: u32 = 100;
    /// More types than exist are a mistake.
    pub const TYPES_MAX: usize = 30;

    /// Reads what stands behind the `?`, percent-encoded (WHATWG URL, `application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// Names the parameter at fault and what would be right.
    pub fn parse(query: &str) -> Result<Self, InvalidRequest> {
        let mut events = Self::default();
        query::read(query, &FIELDS, |field, value| events.set(field, value))?;
        Ok(events)
    }

    /// `None` if the value breaks the field's rule.
    fn set(&mut self, field: &Field, value: &str) -> Option<()> {
        match field.name {
            "after" => self.after = Some(owned_if(id::is_event(value), value)?),
            "limit" => self.limit = limit(value, Self::LIMIT_MAX)?,
            "payment" => self.payment = Some(owned_if(id::is_transaction(value), value)?),
            _ => self.types = types(value)?,
        }
        Some(())
    }
}

impl Default for EventsQuery {
    fn default() -> Self {
        Self { after: None, limit: Self::LIMIT_DEFAULT, payment: None, types: Vec::new() }
    }
}

const FIELDS: [Field; 4] = [
    Field { name: "after", rule: "must be an event id, `evt_` followed by 32 letters from a to p" },
    Field { name: "limit", rule: "must be an integer from 1 to 100" },
    Field { name: "payment", rule: "must be a transaction id, `txn_` followed by a UUID in lower case" },
    Field {
        name: "types",
        rule: "must be at most 30 event types separated by commas, e.g. `payment.completed,refund.processed`",
    },
];

fn types(value: &str) -> Option<Vec<String>> {
    let types: Vec<_> = value.split(',').map(str::to_owned).collect();
    (types.len() <= EventsQuery::TYPES_MAX && types.iter().all(|name| is_type(name))).then_some(types)
}

/// `payment.` or `refund.` and a word. Whether there is such a type is not checked: a later release may add it.
fn is_type(name: &str) -> bool {
    let Some((subject, what)) = name.split_once('.') else { return false };
    let is_word = (1..=40).contains(&what.len()) && what.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    matches!(subject, "payment" | "refund") && is_word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const ID: &str = "txn_01890000-0000-7000-8000-000000000000";
    const EVENT: &str = "evt_aaaaaaaaaaaaaaabaaaaaaaaaaaaaaap";

    #[test]
    fn every_parameter_is_read() {
        let query = format!("after={EVENT}&limit=7&payment={ID}&types=payment.completed%2Crefund.processed");
        let read = EventsQuery {
            after: Some(EVENT.to_owned()),
            limit: 7,
            payment: Some(ID.to_owned()),
            types: vec!["payment.completed".to_owned(), "refund.processed".to_owned()],
        };
        assert_eq!(EventsQuery::parse(&query), Ok(read));
        assert_eq!(EventsQuery::parse(""), Ok(EventsQuery::default()));
    }

    #[test]
    fn a_wrong_value_is_refused_by_the_name_of_its_parameter() {
        for query in [
            "after=evt_1".to_owned(),
            format!("after={}", EVENT.replace('p', "q")),
            "limit=0".to_owned(),
            "limit=101".to_owned(),
            "payment=1".to_owned(),
            "types=".to_owned(),
            "types=completed".to_owned(),
            "types=payment.completed,".to_owned(),
            "types=payment.X".to_owned(),
            format!("types={}", ["payment.a"; 31].join(",")),
            "page=2".to_owned(),
        ] {
            let (name, _) = query.split_once('=').unwrap();
            assert_eq!(EventsQuery::parse(&query).unwrap_err().param.as_deref(), Some(name), "{query}");
        }
        assert_eq!(EventsQuery::parse("limit=1&limit=1").unwrap_err().param.as_deref(), Some("limit"));
    }
}
