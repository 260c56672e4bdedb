//! Which results of a wallet card's authentication are taken, by who bears a chargeback then.

use std::collections::HashMap;

use edge_core::client::ClientId;

/// PayPal's words for `liability_shift` (developer.paypal.com, "3D Secure response parameters").
const WORDS: [&str; 3] = ["NO", "POSSIBLE", "UNKNOWN"];

/// The words with which an order is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiabilityShifts(Vec<&'static str>);

impl LiabilityShifts {
    /// `None` if there are no words, or one of them is not PayPal's.
    #[must_use]
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let known = |text: &str| WORDS.into_iter().find(|word| *word == text);
        let words = words.into_iter().map(known).collect::<Option<Vec<_>>>()?;
        (!words.is_empty()).then_some(Self(words))
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

/// The words of each client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiabilityPolicy {
    default: LiabilityShifts,
    of_clients: HashMap<ClientId, LiabilityShifts>,
}

impl LiabilityPolicy {
    /// `default`: the words of every client that has none of its own.
    #[must_use]
    pub const fn new(default: LiabilityShifts, of_clients: HashMap<ClientId, LiabilityShifts>) -> Self {
        Self { default, of_clients }
    }

    #[must_use]
    pub fn of(&self, client: &ClientId) -> &LiabilityShifts {
        self.of_clients.get(client).unwrap_or(&self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paypals_words_are_a_policy_and_what_is_none_of_them_is_not() {
        assert_eq!(LiabilityShifts::of(["POSSIBLE", "UNKNOWN"]), Some(LiabilityShifts::default()));
        assert_eq!(LiabilityShifts::of([]), None);
        for wrong in [&[""][..], &["possible"], &["POSSIBLE", ""], &["A B"], &["YES"], &["POSSIBLY"]] {
            assert_eq!(LiabilityShifts::of(wrong.iter().copied()), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_client_without_words_of_its_own_has_the_default() {
        let client = |name| ClientId::parse(name).unwrap();
        let strict = LiabilityShifts::of(["POSSIBLE"]).unwrap();
        let own = HashMap::from([(client("shop"), strict.clone())]);
        let policy = LiabilityPolicy::new(LiabilityShifts::default(), own);
        assert_eq!(policy.of(&client("shop")), &strict);
        assert_eq!(policy.of(&client("Shop")), &LiabilityShifts::default());
    }
}
