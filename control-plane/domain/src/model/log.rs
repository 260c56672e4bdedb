//! Positions in the event log: every transition of every payment, in an order in which a reader misses none.

use std::fmt;
use std::str::FromStr;

/// The identifier of an event, which is also the cursor to continue after it. Clients store it and send it back.
///
/// `evt_` and 32 letters: two numbers of 16 hexadecimal digits, written with `a` to `p` so that no part of an id can be
/// taken for a card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// The database transaction that wrote the event; 0 where the order of numbers is the order of commits.
    pub transaction: u64,
    pub sequence: u64,
}

/// An event's position in the log. Events become visible in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Increases when the database was filled from a dump and counts transactions from the start again.
    pub epoch: u32,
    pub transaction: u64,
    pub sequence: u64,
}

/// The text is not an event's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event id is `evt_` followed by 32 letters from a to p")]
pub struct InvalidEventId;

const PREFIX: &str = "evt_";
/// Hexadecimal digits of one number.
const DIGITS: u32 = 16;

impl Position {
    /// Before the first event.
    pub const START: Self = Self { epoch: 0, transaction: 0, sequence: 0 };

    #[must_use]
    pub const fn id(self) -> EventId {
        EventId { transaction: self.transaction, sequence: self.sequence }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for number in [self.transaction, self.sequence] {
            for place in (0..DIGITS).rev() {
                // Four bits, so the letter is one of `a` to `p`.
                let digit = (number >> (4 * place)) & 0xf;
                fmt::Write::write_char(f, char::from(b'a' + u8::try_from(digit).unwrap_or(0)))?;
            }
        }
        Ok(())
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let letters = text.strip_prefix(PREFIX).ok_or(InvalidEventId)?;
        let (transaction, sequence) = letters.split_at_checked(DIGITS as usize).ok_or(InvalidEventId)?;
        Ok(Self { transaction: number(transaction)?, sequence: number(sequence)? })
    }
}

fn number(letters: &str) -> Result<u64, InvalidEventId> {
    if letters.len() != DIGITS as usize {
        return Err(InvalidEventId);
    }
    letters.bytes().try_fold(0, |number, letter| match letter {
        b'a'..=b'p' => Ok((number << 4) | u64::from(letter - b'a')),
        _ => Err(InvalidEventId),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_read_as_it_is_written(transaction: u64, sequence: u64) {
            let id = EventId { transaction, sequence };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn ids_of_one_epoch_sort_as_their_events_do(a: (u64, u64), b: (u64, u64)) {
            let at = |(transaction, sequence)| Position { epoch: 1, transaction, sequence };
            let by_text = at(a).id().to_string().cmp(&at(b).id().to_string());
            prop_assert_eq!(by_text, at(a).cmp(&at(b)));
        }

        #[test]
        fn other_text_is_no_id(text in ".{0,40}") {
            prop_assume!(!text.starts_with(PREFIX));
            prop_assert_eq!(text.parse::<EventId>(), Err(InvalidEventId));
        }
    }

    #[test]
    fn letters_that_are_missing_left_over_or_foreign_are_no_id() {
        let id = EventId { transaction: 1, sequence: 2 }.to_string();
        for text in ["evt_", &id[..35], &format!("{id}a"), &id.replace('b', "q"), &id.to_uppercase()] {
            assert_eq!(text.parse::<EventId>(), Err(InvalidEventId), "{text}");
        }
    }
}
