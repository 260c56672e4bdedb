//! Which results of a wallet card's authentication are taken, by who bears a chargeback then.

/// PayPal's words for `liability_shift` (developer.paypal.com, "3D Secure response parameters").
const WORDS: [&str; 3] = ["NO", "POSSIBLE", "UNKNOWN"];

/// The words with which an order is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiabilityShifts(Vec<&'static str>);

impl LiabilityShifts {
    /// Words separated by commas, e.g. `POSSIBLE,UNKNOWN`. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = |text: &str| WORDS.into_iter().find(|word| *word == text.trim());
        text.split(',').map(known).collect::<Option<_>>().map(Self)
    }

    pub(crate) fn contain(&self, shift: &str) -> bool {
        self.0.contains(&shift)
    }
}

impl Default for LiabilityShifts {
    fn default() -> Self {
        Self(vec!["POSSIBLE", "UNKNOWN"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paypals_words_are_a_policy_and_what_is_none_of_them_is_not() {
        assert_eq!(LiabilityShifts::parse("POSSIBLE, UNKNOWN"), Some(LiabilityShifts::default()));
        for wrong in ["", "possible", "POSSIBLE,", "A B", "YES", "POSSIBLY"] {
            assert_eq!(LiabilityShifts::parse(wrong), None, "{wrong}");
        }
    }
}
