//! Which results of a wallet card's authentication are taken, by who bears a chargeback then.

use std::collections::BTreeSet;

/// PayPal's words for `liability_shift` (developer.paypal.com, "3D Secure response parameters") with which an order is
/// captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiabilityShifts(BTreeSet<String>);

/// More words than PayPal has are a mistake.
const WORDS_MAX: usize = 8;
const WORD_MAX: usize = 40;

impl LiabilityShifts {
    /// Words separated by commas, in capitals, e.g. `POSSIBLE,UNKNOWN`. `None` for anything else.
    #[must_use]
    pub fn parse(words: &str) -> Option<Self> {
        let is_word = |word: &&str| {
            (1..=WORD_MAX).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        let words: Vec<_> = words.split(',').map(str::trim).collect();
        let fits = words.len() <= WORDS_MAX && words.iter().all(is_word);
        fits.then(|| Self(words.into_iter().map(str::to_owned).collect()))
    }

    pub(crate) fn contain(&self, shift: &str) -> bool {
        self.0.contains(shift)
    }
}

impl Default for LiabilityShifts {
    fn default() -> Self {
        Self(["POSSIBLE", "UNKNOWN"].map(str::to_owned).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_capitals_are_a_policy_and_the_default_is_one_of_them() {
        assert_eq!(LiabilityShifts::parse("UNKNOWN, POSSIBLE"), Some(LiabilityShifts::default()));
        for wrong in ["", "possible", "POSSIBLE,", "A B", &["NO"; 9].join(",")] {
            assert_eq!(LiabilityShifts::parse(wrong), None, "{wrong}");
        }
    }
}
