//! The position of a reconciliation, in a text form that can be stored and typed: empty at the beginning, `txn_…` among
//! the records, `stripe` or `stripe:pi_…` in a provider's list, `end` at the end.

use std::fmt;
use std::str::FromStr;

use edge_core::provider::Provider;

use crate::model::id::PaymentId;
use crate::model::snapshot::ListCursor;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconcileCursor {
    /// The records after this one are next.
    Records {
        after: Option<PaymentId>,
    },
    /// This part of a provider's list is next.
    List {
        provider: Provider,
        at: Option<ListCursor>,
    },
    End,
}

impl ReconcileCursor {
    pub const BEGINNING: Self = Self::Records { after: None };
}

impl fmt::Display for ReconcileCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records { after: None } => Ok(()),
            Self::Records { after: Some(id) } => write!(f, "{id}"),
            Self::List { provider, at: None } => f.write_str(provider.name()),
            Self::List { provider, at: Some(at) } => write!(f, "{}:{}", provider.name(), at.as_str()),
            Self::End => f.write_str("end"),
        }
    }
}

impl FromStr for ReconcileCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "must be as an interrupted reconciliation printed it: `txn_…`, `stripe` or `stripe:pi_…`";
        if text.is_empty() {
            return Ok(Self::BEGINNING);
        }
        if text == "end" {
            return Ok(Self::End);
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Records { after: Some(id) });
        }
        let (name, at) = text.split_once(':').map_or((text, None), |(name, at)| (name, Some(at)));
        let provider = Provider::from_name(name).ok_or(wrong)?;
        match at {
            Some("") => Err(wrong),
            at => Ok(Self::List { provider, at: at.map(ListCursor::new) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn each_cursor_reads_back_as_it_is_written() {
        let provider = Provider::Stripe;
        for cursor in [
            ReconcileCursor::BEGINNING,
            ReconcileCursor::Records { after: Some(PaymentId::new(Timestamp::UNIX_EPOCH, [1; 10])) },
            ReconcileCursor::List { provider, at: None },
            ReconcileCursor::List { provider, at: Some(ListCursor::new("pi_1:2")) },
            ReconcileCursor::End,
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for wrong in ["txn_1", "stripe:", "square", "square:1", " "] {
            assert!(wrong.parse::<ReconcileCursor>().is_err(), "{wrong}");
        }
    }
}
