//! Requests for proofs that records of a payment are in the sealed audit trail.

use super::InvalidRequest;
use super::object::Field;
use super::query;

/// The query of `GET /payments/{id}/events/proof`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProofQuery {
    /// Continue after the record with this index, at most [`ProofQuery::AFTER_MAX`].
    pub after: Option<u64>,
}

impl ProofQuery {
    /// More records than there will be, in fewer digits than a card number has.
    pub const AFTER_MAX: u64 = 999_999_999_999;
    const FIELDS: [Field; 1] =
        [Field { name: "after", rule: "must be the index of a record, an integer from 0 to 999999999999" }];

    /// Reads what follows the `?`, percent-encoded (WHATWG URL, `application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// Names the parameter at fault and what would be right.
    pub fn parse(query: &str) -> Result<Self, InvalidRequest> {
        let mut proof = Self::default();
        query::read(query, &Self::FIELDS, |field, value| {
            proof.after = Some(index(value).ok_or_else(|| field.refused())?);
            Ok(())
        })?;
        Ok(proof)
    }
}

/// Digits only: `str::parse` alone would take `+5`.
fn index(value: &str) -> Option<u64> {
    let is_number = value.bytes().all(|b| b.is_ascii_digit()) && (value == "0" || !value.starts_with('0'));
    value.parse().ok().filter(|index| is_number && *index <= ProofQuery::AFTER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn the_place_to_go_on_behind_is_an_index_or_left_out() {
        assert_eq!(ProofQuery::parse(""), Ok(ProofQuery { after: None }));
        for (text, after) in [("0", 0), ("17", 17), ("999999999999", ProofQuery::AFTER_MAX)] {
            assert_eq!(ProofQuery::parse(&format!("after={text}")), Ok(ProofQuery { after: Some(after) }));
        }
        for wrong in [
            "after=",
            "after=-1",
            "after=+1",
            "after=01",
            "after=1000000000000",
            "after=x",
            "limit=1",
            "after=1&after=1",
        ] {
            assert!(ProofQuery::parse(wrong).is_err(), "{wrong}");
        }
    }
}
