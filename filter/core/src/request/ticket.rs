//! The body of `POST /events/tickets`.

use serde::{Deserialize, Serialize};

use super::InvalidRequest;
use super::object::{Body, Field};
use crate::id;

/// `POST /events/tickets`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TicketRequest {
    /// The payment whose events the ticket's bearer may watch, `txn_…`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::described::PaymentId))]
    pub payment: String,
    /// For how many seconds the ticket is valid: 1 to 3,600. Left out, 300.
    #[serde(default = "expires_in_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::described::TicketSeconds, required = false))]
    pub expires_in: u32,
}

impl TicketRequest {
    /// A payer who takes longer gets a new ticket; one that was leaked is of use for this long at most.
    pub const EXPIRES_IN_MAX: u32 = 3_600;
    pub const EXPIRES_IN_DEFAULT: u32 = 300;

    /// Reads the body strictly.
    ///
    /// # Errors
    /// Names the field at fault and what would be right.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let mut body = Body::read(body, &[&PAYMENT, &EXPIRES_IN])?;
        let payment =
            PAYMENT.required(body.text(&PAYMENT, |id| id::is_transaction(id).then(|| id.to_owned()))?)?;
        let expires_in = body.json(&EXPIRES_IN)?.unwrap_or(Self::EXPIRES_IN_DEFAULT);
        if (1..=Self::EXPIRES_IN_MAX).contains(&expires_in) {
            Ok(Self { payment, expires_in })
        } else {
            Err(EXPIRES_IN.refused())
        }
    }
}

const fn expires_in_default() -> u32 {
    TicketRequest::EXPIRES_IN_DEFAULT
}

const PAYMENT: Field =
    Field { name: "payment", rule: "must be a transaction id, `txn_` followed by a UUID in lower case" };
const EXPIRES_IN: Field =
    Field { name: "expiresIn", rule: "must be a whole number of seconds from 1 to 3600" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const TXN: &str = "txn_01890000-0000-7000-8000-00000000abcd";

    #[test]
    fn a_ticket_is_for_one_payment_and_a_while() {
        let read = |more: &str| TicketRequest::parse(format!(r#"{{"payment":"{TXN}"{more}}}"#).as_bytes());
        let of = |expires_in| Ok(TicketRequest { payment: TXN.to_owned(), expires_in });
        assert_eq!(read(""), of(300));
        assert_eq!(read(r#","expiresIn":1"#), of(1));
        assert_eq!(read(r#","expiresIn":3600"#), of(3_600));
        for wrong in ["0", "3601", "-1", "1.5", "1.0", "\"300\"", "null", "[]", "18446744073709551616"] {
            let invalid = read(&format!(r#","expiresIn":{wrong}"#)).unwrap_err();
            assert_eq!(invalid.param.as_deref(), Some("expiresIn"), "{wrong}");
        }
        assert_eq!(read(r#","types":[]"#).unwrap_err().param.as_deref(), Some("types"));
    }

    #[test]
    fn the_payment_is_required_and_has_the_form_of_an_id() {
        for body in [
            "{}".to_owned(),
            r#"{"payment":null}"#.to_owned(),
            r#"{"payment":"txn_1"}"#.to_owned(),
            format!(r#"{{"payment":"{}"}}"#, TXN.to_uppercase()),
            format!(r#"{{"payment":["{TXN}"]}}"#),
        ] {
            let invalid = TicketRequest::parse(body.as_bytes()).unwrap_err();
            assert_eq!(invalid.param.as_deref(), Some("payment"), "{body}");
        }
        assert!(TicketRequest::parse(b"").is_err());
    }
}
