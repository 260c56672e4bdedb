//! The queries of `GET /events` and `GET /events/socket`.

use super::InvalidRequest;
use super::accept::accepted;
use super::object::Field;
use super::query::{self, limit, owned_if};
use crate::id;
use crate::ticket;

/// The query of `GET /events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsQuery {
    /// Continue after this event, `evt_…`.
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
    /// After `payment.` or `refund.`.
    pub(crate) const TYPE_CHARS_MAX: usize = 40;

    /// Reads what follows the `?`, percent-encoded (WHATWG URL, `application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// Names the parameter at fault and what would be right.
    pub fn parse(query: &str) -> Result<Self, InvalidRequest> {
        let mut events = Self::default();
        query::read(query, &FIELDS, |field, value| match field.name {
            "types" => {
                events.types = types(field, value)?;
                Ok(())
            }
            _ => events.set(field, value).ok_or_else(|| field.refused()),
        })?;
        Ok(events)
    }

    /// Takes any parameter but `types`. `None` if the value breaks the field's rule.
    fn set(&mut self, field: &Field, value: &str) -> Option<()> {
        match field.name {
            "after" => self.after = Some(owned_if(id::is_event(value), value)?),
            "limit" => self.limit = limit(value, Self::LIMIT_MAX)?,
            "payment" => self.payment = Some(owned_if(id::is_transaction(value), value)?),
            // The ticket is judged where the keys are.
            _ => {}
        }
        Some(())
    }
}

impl Default for EventsQuery {
    fn default() -> Self {
        Self { after: None, limit: Self::LIMIT_DEFAULT, payment: None, types: Vec::new() }
    }
}

const FIELDS: [Field; 5] = [
    Field { name: "after", rule: "must be an event id, `evt_` followed by 32 letters from a to p" },
    Field { name: "limit", rule: "must be an integer from 1 to 100" },
    Field { name: "payment", rule: "must be a transaction id, `txn_` followed by a UUID in lower case" },
    TICKET,
    Field { name: "types", rule: "must be at most 30 event types" },
];

const TICKET: Field = Field { name: ticket::PARAMETER, rule: "must be a ticket, `evtk_…`" };

/// The query of `GET /events/socket`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketQuery {}

impl SocketQuery {
    /// Reads what follows the `?`: at most a ticket, which [`crate::ticket`] judges.
    ///
    /// # Errors
    /// Names the parameter at fault.
    pub fn parse(query: &str) -> Result<Self, InvalidRequest> {
        query::read(query, &[TICKET], |_, _| Ok(()))?;
        Ok(Self {})
    }
}

/// Whether the lines of `Accept` ask for a stream: they name its type, and want it no less than the type of a list.
/// Ranges ask for none, since every list would be a stream to a client that takes anything.
pub fn wants_stream<'a>(accept: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let named: Vec<_> = accepted(accept).collect();
    let weight = |kind| named.iter().filter(|one| one.is(kind)).map(|one| one.weight).max();
    // The entry that fits most closely counts.
    let list = weight("application/json").or_else(|| weight("application/*")).or_else(|| weight("*/*"));
    weight("text/event-stream").is_some_and(|stream| stream > 0 && stream >= list.unwrap_or(0))
}

/// The event types of a list with commas. One of another form is named by its place, since its text may be anything.
fn types(field: &Field, value: &str) -> Result<Vec<String>, InvalidRequest> {
    let types: Vec<_> = value.split(',').map(str::to_owned).collect();
    if types.len() > EventsQuery::TYPES_MAX {
        return Err(field.refused());
    }
    let wrong = (1..).zip(&types).find(|(_, name)| !is_event_type(name)).map(|(n, _)| n);
    match wrong {
        Some(n) => Err(InvalidRequest::named(field.name, &no_event_type(n))),
        None => Ok(types),
    }
}

fn no_event_type(n: usize) -> String {
    format!(
        "has no event type as item {n}; each is `payment.` or `refund.` and a word of a-z and _, separated by commas, \
         e.g. `payment.completed,refund.processed`"
    )
}

/// Whether a list chooses events by their types: it is neither empty nor longer than there are types, and each name has
/// the form of a type.
pub fn are_event_types(types: &[String]) -> bool {
    (1..=EventsQuery::TYPES_MAX).contains(&types.len()) && types.iter().all(|name| is_event_type(name))
}

/// Whether the name has the form of an event type: `payment.` or `refund.` and a word. Whether there is such a type is
/// not checked: a later release may add it.
pub fn is_event_type(name: &str) -> bool {
    let Some((subject, what)) = name.split_once('.') else { return false };
    let is_word = (1..=EventsQuery::TYPE_CHARS_MAX).contains(&what.len())
        && what.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
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
    fn a_socket_takes_a_ticket_and_nothing_else() {
        assert!(SocketQuery::parse("").is_ok() && SocketQuery::parse("ticket=evtk_a").is_ok());
        for (query, name) in [("after=1", "after"), ("ticket=a&ticket=a", "ticket")] {
            assert_eq!(SocketQuery::parse(query).unwrap_err().param.as_deref(), Some(name), "{query}");
        }
    }

    #[test]
    fn a_stream_is_what_accept_names() {
        let wants = |accept: &[&'static str]| wants_stream(accept.iter().map(|line| line.as_bytes()));
        assert!(wants(&["text/event-stream"]) && wants(&["text/html;q=0.9, Text/Event-Stream;q=0.1"]));
        assert!(wants(&["application/json", "text/event-stream"]) && wants(&["*/*, text/event-stream"]));
        assert!(!wants(&["*/*"]) && !wants(&["text/plain"]) && !wants(&[]) && !wants_stream([&[0xff][..]]));
    }

    #[test]
    fn a_stream_that_is_refused_or_wanted_less_than_a_list_is_none() {
        let wants = |accept: &str| wants_stream([accept.as_bytes()]);
        for accept in [
            "text/event-stream;q=0",
            "text/event-stream; q=0.000, text/html",
            "application/json, text/event-stream;q=0.1",
            "text/event-stream;q=0.5, application/*;q=0.6",
            "text/event-stream;q=0.9, */*",
            "text/event-stream;q=high",
        ] {
            assert!(!wants(accept), "{accept}");
        }
        assert!(wants("application/json;q=0.5, text/event-stream;q=0.6, */*"), "what names JSON counts");
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

    #[test]
    fn a_wrong_event_type_is_named_by_its_place_with_the_form_that_is_right() {
        for (query, item) in [
            ("types=nonsense", "item 1;"),
            ("types=payment.completed,nonsense", "item 2;"),
            ("types=payment.completed,", "item 2;"),
        ] {
            let message = EventsQuery::parse(query).unwrap_err().message;
            assert!(message.contains(item) && message.contains("`payment.completed,"), "{message}");
            assert!(!message.contains("nonsense"), "a caller's values are not repeated: {message}");
        }
        let many = format!("types={}", ["payment.a"; 31].join(","));
        assert_eq!(EventsQuery::parse(&many).unwrap_err().message, "`types` must be at most 30 event types");
    }
}
