//! Stripe's presentment currencies, their decimals and limits (docs.stripe.com/currencies).

use iso_currency::Currency;

use crate::money::{Money, iso_exponent, rescale};

/// Up to eight digits, except in these currencies ("Maximum charge amounts"; the higher limits of card payments where
/// the page gives a currency two).
const AMOUNT_MAX: i64 = 99_999_999;
const LARGER: [(i64, &[&str]); 3] = [
    (
        999_999_999_999,
        &["CDF", "COP", "HUF", "IDR", "KHR", "LAK", "LBP", "MMK", "MNT", "NGN", "TZS", "UZS", "VND"],
    ),
    (9_999_999_999, &["JPY"]),
    (999_999_999, &["INR"]),
];

/// UGX is left out: Stripe's own pages list it both as zero-decimal and as two-decimal.
const SUPPORTED: &str = "usd aed afn all amd aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp \
    byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd \
    hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk \
    mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar \
    sbd scr sek sgd shp sle sos srd szl thb tjs tnd top try ttd twd tzs uah uyu uzs vnd vuv wst xaf xcd xof xpf \
    yer zar zmw";

const ZERO_DECIMAL: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
const THREE_DECIMAL: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// The smallest charge in Stripe's units, where the documentation names one.
const MINIMUM: [(&str, i64); 24] = [
    ("USD", 50),
    ("AED", 200),
    ("AUD", 50),
    ("BGN", 100),
    ("BRL", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("CZK", 1500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HKD", 400),
    ("HUF", 17_500),
    ("INR", 50),
    ("JPY", 50),
    ("MXN", 1000),
    ("MYR", 200),
    ("NOK", 300),
    ("NZD", 50),
    ("PLN", 200),
    ("RON", 200),
    ("SEK", 300),
    ("SGD", 50),
    ("THB", 1000),
];

/// A currency Stripe accepts, with the decimals Stripe counts it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StripeCurrency(Currency);

impl StripeCurrency {
    /// Accepts the lower-case code that Stripe requires.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        let known = code.len() == 3 && SUPPORTED.split_ascii_whitespace().any(|supported| supported == code);
        known.then(|| Currency::from_code(&code.to_ascii_uppercase()).map(Self))?
    }

    pub(crate) fn code(self) -> String {
        self.0.code().to_ascii_lowercase()
    }

    fn exponent(self) -> u32 {
        let code = self.0.code();
        if ZERO_DECIMAL.contains(&code) {
            0
        } else if THREE_DECIMAL.contains(&code) {
            3
        } else {
            2
        }
    }

    /// Stripe counts ISK with two decimals that must be zero, and requires the third decimal of others to be zero.
    pub(crate) fn step(self) -> i64 {
        match self.0 {
            Currency::ISK => 100,
            _ if self.exponent() == 3 => 10,
            _ => 1,
        }
    }

    pub(crate) fn minimum(self) -> i64 {
        MINIMUM.iter().find(|(code, _)| *code == self.0.code()).map_or(1, |(_, minimum)| *minimum)
    }

    /// The largest amount of a charge, in Stripe's units.
    pub(crate) fn maximum(self) -> i64 {
        let larger = LARGER.iter().find(|(_, codes)| codes.contains(&self.0.code()));
        larger.map_or(AMOUNT_MAX, |(maximum, _)| *maximum)
    }

    /// Converts ISO 4217 minor units to Stripe's units; `None` if the amount has digits that Stripe does not support.
    pub(crate) fn of_minor(self, minor: i64) -> Option<i64> {
        rescale(minor, iso_exponent(self.0), self.exponent())
    }

    /// Converts to ISO 4217 minor units. Amounts that passed [`Self::step`] convert without a remainder.
    pub(crate) fn to_money(self, amount: i64) -> Money {
        let minor = rescale(amount, self.exponent(), iso_exponent(self.0)).unwrap_or(amount);
        Money { minor, currency: self.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(code: &str, amount: i64) -> i64 {
        StripeCurrency::from_code(code).unwrap().to_money(amount).minor
    }

    #[test]
    fn amounts_reach_the_ledger_in_iso_minor_units() {
        assert_eq!(minor("usd", 4999), 4999);
        assert_eq!(minor("jpy", 500), 500);
        assert_eq!(minor("isk", 50_000), 500);
        assert_eq!(minor("kwd", 5120), 5120);
        assert_eq!(minor("huf", 49_900), 49_900);
        // ISO 4217 gives the ariary two digits, Stripe none.
        assert_eq!(minor("mga", 500), 50_000);
    }

    #[test]
    fn codes_are_lower_case_and_known() {
        for code in ["USD", "usdd", "", "xyz", "ugx", "us"] {
            assert_eq!(StripeCurrency::from_code(code), None, "{code}");
        }
    }

    #[test]
    fn every_listed_currency_is_an_iso_currency() {
        let codes = SUPPORTED.split_ascii_whitespace();
        let unknown: Vec<_> = codes.filter(|code| StripeCurrency::from_code(code).is_none()).collect();
        assert_eq!(unknown, [""; 0]);
    }
}
