//! Names of fields with data that merchants must not store (PCI DSS 4.0, requirement 3.3: check values, PINs, tracks)
//! or that the gateway does not accept (card numbers). Such a field is rejected whatever its value.
//!
//! A name is split into words, so case, `_`, `-`, `.` and spaces make no difference: `cardNumber`, `card_number` and
//! `CARD-NUMBER` are the same name.
//!
//! Legitimate words, and the decisions about them:
//!
//! - `pin_code`, `pincode`: India Post calls its postal codes so. Taken with six digits that do not begin with 0, which
//!   no card's PIN of four digits is; refused with anything else. `pin` alone is refused.
//! - `pan_number`, `pan_card`, `pan_no`: India's tax number is a PAN too. Taken in its form, five letters, four digits
//!   and a letter; refused otherwise. `pan` alone is refused.
//! - `cvc_check`, `cvv_result`: what a provider said of a check value is none.
//! - `card_number_last4`, `masked_pan`, `pan_token`: parts and stand-ins of a number are allowed; a whole number in them
//!   is found by its digits.
//! - `gift_card_number`, `loyalty_card_no`: cards of other kinds.
//! - `card_pin`, `pin_number`, `pin_block`: refused; `pin_count`, `pinboard` and other words with `pin` are none.
//! - `track`: the magnetic stripe's, when it stands alone or with a number. `tracking_number`, `track_id` and
//!   `soundtrack` are other words.
//! - `cryptogram`: what a decrypted wallet payload proves its card with; `publicKeyHash` and the like: of an encrypted one.
//! - `cid`: American Express's word for its check value, and everybody's for a customer's id. Taken.

/// What a field's name implies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Fine,
    /// Rejected, whatever the value.
    Card,
    /// An Indian postal code, or a PIN.
    PinCode,
    /// An Indian tax number, or a card number.
    Pan,
    /// Part of a wallet's encrypted payload, whatever the value.
    WalletPayload,
}

impl Name {
    /// Whether a field with this name and value is rejected. `value`: a scalar's text without quotes; `None` for
    /// others.
    pub(super) fn refuses(self, value: Option<&[u8]>) -> bool {
        match self {
            Self::Fine => false,
            Self::Card | Self::WalletPayload => true,
            Self::PinCode => !value.is_some_and(is_indian_postal_code),
            Self::Pan => !value.is_some_and(is_indian_tax_number),
        }
    }
}

fn is_indian_postal_code(value: &[u8]) -> bool {
    let mut digits = value.iter().filter(|byte| **byte != b' ');
    digits.clone().count() == 6
        && digits.clone().all(u8::is_ascii_digit)
        && digits.next().is_some_and(|first| *first != b'0')
}

fn is_indian_tax_number(value: &[u8]) -> bool {
    let form = |(i, byte): (usize, &u8)| {
        if (5..9).contains(&i) { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() }
    };
    value.len() == 10 && value.iter().enumerate().all(form)
}

/// The longest name that is checked; those of metadata have at most 40 characters.
const NAME_MAX: usize = 64;
/// How many words of a name are checked.
const WORDS_MAX: usize = 8;

/// What a word of a free text implies: only names so particular to wallets that nobody writes them otherwise.
pub(super) fn judge_word(word: &str) -> Name {
    if !(PAYLOAD_MIN..=NAME_MAX).contains(&word.len()) {
        return Name::Fine;
    }
    let (mut letters, mut ends) = ([0; NAME_MAX], [0; WORDS_MAX]);
    let (len, _) = split(word.as_bytes(), &mut letters, &mut ends);
    let whole = letters.get(..len).unwrap_or_default();
    let is = |list: &[&str]| list.iter().any(|one| one.as_bytes() == whole);
    match () {
        () if is(DECRYPTED) => Name::Card,
        () if is(ENCRYPTED) => Name::WalletPayload,
        () => judge_flattened(word, whole),
    }
}

/// What a name implies that was joined from those of a payload's objects: `header.ephemeralPublicKey`,
/// `token_signedMessage`, `token[signedMessage]`. `whole`: its letters and digits in lower case.
fn judge_flattened(name: &str, whole: &[u8]) -> Name {
    let ends = |list: &[&str]| list.iter().any(|one| whole.ends_with(one.as_bytes()));
    if ends(DECRYPTED) {
        return Name::Card;
    }
    let last = last_segment(name);
    let is_last = LAST_SEGMENTS.iter().any(|one| last.eq_ignore_ascii_case(one));
    if ends(UNMISTAKABLE) || is_last { Name::WalletPayload } else { Name::Fine }
}

fn last_segment(name: &str) -> &str {
    let is_separator = |character: char| matches!(character, '.' | '_' | '-' | '[' | ']');
    name.trim_end_matches(is_separator).rsplit(is_separator).next().unwrap_or_default()
}

/// What a field's name implies, with its JSON escapes resolved.
pub(super) fn judge(name: &str) -> Name {
    if !may_mean_card(name.as_bytes()) {
        return Name::Fine;
    }
    let mut letters = [0; NAME_MAX];
    let mut ends = [0; WORDS_MAX];
    let (len, count) = split(name.as_bytes(), &mut letters, &mut ends);
    let whole = letters.get(..len).unwrap_or_default();
    let starts = [0].into_iter().chain(ends);
    let words = starts.zip(ends).take(count).map(|(start, end)| letters.get(start..end).unwrap_or_default());
    match judge_flattened(name, whole) {
        Name::Fine => judge_words(whole, &words),
        found => found,
    }
}

/// A quick check that decides nearly all names: every name below contains one of these.
fn may_mean_card(name: &[u8]) -> bool {
    let holds_one = |part: &[u8]| match *part {
        [a, b, c] => matches!(
            &[a | 0x20, b | 0x20, c | 0x20], // `_` becomes 0x7f
            b"cvv"
                | b"cvc"
                | b"csc"
                | b"cvn"
                | b"cav"
                | b"cvd"
                | b"cvp"
                | b"pin"
                | b"pan"
                | b"tra"
                | b"car"
                | b"mag"
                | b"sec"
                | b"ver"
                | b"pri"
                | b"ccn"
                | b"ccp"
                | b"cc-"
                | b"cc."
                | b"cc "
                | b"cc\x7f"
                | b"cry"
                | b"emv"
                | b"eph"
                | b"wra"
                | b"pub"
                | b"sig"
                | b"enc"
        ),
        _ => false,
    };
    (3..=NAME_MAX).contains(&name.len()) && name.windows(3).any(holds_one)
}

/// Writes the letters and digits of a name in lower case, and where each word ends; returns the numbers of both. A word
/// ends before a capital and at any other character.
fn split(name: &[u8], letters: &mut [u8; NAME_MAX], ends: &mut [usize; WORDS_MAX]) -> (usize, usize) {
    let (mut len, mut count, mut word) = (0, 0, 0);
    for (i, byte) in name.iter().enumerate() {
        let after = |at: usize| name.get(at).copied().unwrap_or_default();
        let is_capital = byte.is_ascii_uppercase();
        let before = i.checked_sub(1).map_or(0, after);
        let begins_word = is_capital && (!before.is_ascii_uppercase() || after(i + 1).is_ascii_lowercase());
        if word < len && (begins_word || !byte.is_ascii_alphanumeric()) {
            if let Some(end) = ends.get_mut(count) {
                (*end, count) = (len, count + 1);
            }
            word = len;
        }
        if let Some(letter) = letters.get_mut(len).filter(|_| byte.is_ascii_alphanumeric()) {
            *letter = byte.to_ascii_lowercase();
            len += 1;
        }
    }
    if let Some(end) = ends.get_mut(count).filter(|_| word < len) {
        (*end, count) = (len, count + 1);
    }
    (len, count)
}

fn judge_words<'a>(whole: &[u8], words: &(impl Iterator<Item = &'a [u8]> + Clone)) -> Name {
    let has = |list: &[&str]| words.clone().any(|word| list.iter().any(|one| one.as_bytes() == word));
    let is = |list: &[&str]| list.iter().any(|one| one.as_bytes() == whole);
    if is(REFUSED) || is(DECRYPTED) {
        return Name::Card;
    }
    if is(ENCRYPTED) {
        return Name::WalletPayload;
    }
    if has(ABOUT) {
        return Name::Fine;
    }
    if whole.ends_with(b"pincode") {
        return Name::PinCode;
    }
    if is(INDIAN_PAN) {
        return Name::Pan;
    }
    let is_number = words.clone().zip(words.clone().skip(1)).any(|(word, next)| {
        matches!(word, b"card" | b"cc") && matches!(next, b"number" | b"no" | b"num" | b"nr" | b"pan")
    });
    if has(CHECK_VALUES) || (is_number && !has(OTHER_CARDS)) { Name::Card } else { Name::Fine }
}

/// Names without their separators.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "cvv", "cvv2", "cvc", "cvc2", "csc", "cvn", "cvn2", "cav", "cav2", "cvd", "cvp2", "cvvcode", "cvccode", "cvvnumber",
    "cvcnumber", "cardcvv", "cardcvc", "cardcsc", "securitycode", "cardsecuritycode", "verificationvalue",
    "cardverificationvalue", "cardverificationcode", "cardverificationnumber", "cardvalidationcode",
    "pin", "pinblock", "pinnumber", "pinno", "pinvalue", "pindata", "cardpin", "atmpin", "debitpin", "encryptedpin",
    "encryptedpinblock",
    "track", "track1", "track2", "track3", "trackdata", "track1data", "track2data", "track3data", "trackone", "tracktwo",
    "track2equivalentdata", "trackequivalentdata", "magstripe", "magstripedata", "magneticstripe",
    "magneticstripedata",
    "pan", "fullpan", "cardpan", "cardnumber", "cardno", "cardnum", "cardnr", "ccnumber", "ccno", "ccnum", "ccnr",
    "creditcardnumber", "creditcardno", "creditcardnum", "debitcardnumber", "debitcardno", "bankcardnumber",
    "paymentcardnumber", "primaryaccountnumber", "cryptogram", "paymentcryptogram", "emvdata", "encryptedpindata",
];

/// Names of what Apple Pay's payload holds once it is decrypted (developer.apple.com, "Payment token format reference").
const DECRYPTED: &[&str] = &["applicationprimaryaccountnumber", "onlinepaymentcryptogram"];

/// Names that every encrypted payload has: of Apple Pay, whose key is agreed on (`EC_v1`) or wrapped (`RSA_v1`), and of
/// Google Pay (`ECv1`, `ECv2`; developers.google.com/pay/api, "Payment data cryptography").
const ENCRYPTED: &[&str] = &[
    "ephemeralpublickey",
    "wrappedkey",
    "publickeyhash",
    "signedmessage",
    "encryptedmessage",
    "intermediatesigningkey",
];
/// Those of them that no other name ends with.
const UNMISTAKABLE: &[&str] = &["ephemeralpublickey", "intermediatesigningkey"];
/// Those of them that count behind other names if they are written in one: `user_public_key_hash` and
/// `last_signed_message` are of other things.
const LAST_SEGMENTS: &[&str] = &["signedmessage", "publickeyhash"];
/// The shortest of these names.
const PAYLOAD_MIN: usize = "wrappedkey".len();

/// Words that are rejected within longer names, too.
const CHECK_VALUES: &[&str] =
    &["cvv", "cvv2", "cvc", "cvc2", "csc", "cvn", "pinblock", "track1", "track2", "magstripe"];

/// Names of India's tax number.
const INDIAN_PAN: &[&str] = &[
    "pannumber",
    "panno",
    "pannum",
    "pancard",
    "pancardnumber",
    "pancardno",
    "panid",
    "indianpan",
    "taxpan",
];

/// With one of these words, a name refers to a check value or number without containing it.
#[rustfmt::skip]
const ABOUT: &[&str] = &[
    "check", "checks", "result", "results", "status", "match", "matched", "response", "required", "provided", "present",
    "verified", "valid", "type", "brand", "last4", "last", "masked", "mask", "truncated", "token", "tokens", "hash",
    "fingerprint", "suffix", "bin", "iin", "first6", "ending", "length", "format", "error", "enabled",
];

/// With one of these words, a name refers to another kind of card.
#[rustfmt::skip]
const OTHER_CARDS: &[&str] = &[
    "gift", "giftcard", "loyalty", "member", "members", "membership", "club", "bonus", "reward", "rewards", "student",
    "library", "sim", "health", "insurance", "voucher", "id", "business", "score", "punch", "time", "report", "green",
    "identity", "fuel", "customer", "discount", "points",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn names_of_card_data_are_refused_in_every_spelling() {
        for name in [
            "cvv",
            "CVV2",
            "cvc",
            "csc",
            "pin",
            "PIN",
            "track",
            "track1",
            "Track_2",
            "pan",
            "PAN",
            "card_number",
            "cardNumber",
            "CARD-NUMBER",
            "card number",
            "Card.Number",
            "card_no",
            "cc-number",
            "creditCardNumber",
            "card_cvc",
            "cardCVV",
            "customer_cvv",
            "cvvCode",
            "CVVCode",
            "security_code",
            "cardSecurityCode",
            "pin_block",
            "track2_data",
            "track_2_data",
            "primaryAccountNumber",
            "billing_card_number",
            "__cvv__",
            "user_cvc2",
            "shopper.cvc",
            "payment_cc_number",
            "applicationPrimaryAccountNumber",
            "online_payment_cryptogram",
            "cryptogram",
            "emvData",
        ] {
            assert_eq!(judge(name), Name::Card, "{name}");
        }
    }

    #[test]
    fn honest_names_are_taken() {
        for name in [
            "provider",
            "amount",
            "currency",
            "paymentMethodId",
            "metadata",
            "description",
            "customerReference",
            "order",
            "order_number",
            "tracking_number",
            "track_id",
            "soundtrack",
            "cvc_check",
            "cvv_result",
            "card_number_last4",
            "masked_pan",
            "pan_token",
            "gift_card_number",
            "loyaltyCardNo",
            "membership_card_number",
            "discard_number",
            "pin_count",
            "pinboard",
            "shipping",
            "company",
            "panel",
            "japan",
            "japanese",
            "cid",
            "card",
            "card_brand",
            "card_type",
            "card_id",
            "spin",
            "pinned",
            "opinion",
            "scsc",
            "",
            "a",
            "company_number",
            "card_holder",
            "business_card_number",
            "discount_card_no",
            "user_public_key_hash",
            "last_signed_message",
            "unsignedMessage",
            "publicKeyHashes",
            "header.publicKey",
            "header.signature",
            "chat.encryptedMessage",
        ] {
            assert_eq!(judge(name), Name::Fine, "{name}");
        }
    }

    #[test]
    fn names_of_encrypted_wallet_payloads_are_known_in_every_spelling() {
        for name in
            ["ephemeralPublicKey", "ephemeral_public_key", "wrappedKey", "signedMessage", "EncryptedMessage"]
        {
            assert_eq!((judge(name), judge_word(name)), (Name::WalletPayload, Name::WalletPayload), "{name}");
        }
        assert_eq!(judge_word("onlinePaymentCryptogram"), Name::Card);
        for word in ["cryptogram", "signature", "publicKey", "pin", "message", "signed_messages"] {
            assert_eq!(judge_word(word), Name::Fine, "{word}");
        }
    }

    #[test]
    fn names_of_payloads_are_known_behind_the_names_of_their_objects() {
        for name in [
            "header.ephemeralPublicKey",
            "header_ephemeralPublicKey",
            "header-ephemeral-public-key",
            "paymentData[header][ephemeralPublicKey]",
            "header.publicKeyHash",
            "token.signedMessage",
            "token_signedMessage",
            "token[signedMessage]",
            "token_intermediateSigningKey",
        ] {
            assert_eq!(judge(name), Name::WalletPayload, "{name}");
        }
        for name in [
            "paymentData.onlinePaymentCryptogram",
            "payment_data_online_payment_cryptogram",
            "token.applicationPrimaryAccountNumber",
        ] {
            assert_eq!(judge(name), Name::Card, "{name}");
        }
        assert_eq!(judge_word("token_signedMessage"), Name::WalletPayload);
        assert_eq!(judge_word("paymentData-onlinePaymentCryptogram"), Name::Card);
        assert_eq!(judge_word("last_signed_message"), Name::Fine);
    }

    #[test]
    fn a_postal_code_of_india_is_no_pin() {
        for name in ["pin_code", "pincode", "PINCode", "shipping_pin_code"] {
            assert_eq!(judge(name), Name::PinCode, "{name}");
        }
        for (value, is_refused) in [
            ("560001", false),
            ("560 001", false),
            ("1234", true),
            ("012345", true),
            ("123456789", true),
            ("", true),
        ] {
            assert_eq!(Name::PinCode.refuses(Some(value.as_bytes())), is_refused, "{value}");
        }
        assert!(Name::PinCode.refuses(None));
    }

    #[test]
    fn a_tax_number_of_india_is_no_card_number() {
        for name in ["pan_number", "panCard", "PAN-NO"] {
            assert_eq!(judge(name), Name::Pan, "{name}");
        }
        for (value, is_refused) in
            [("ABCPE1234F", false), ("ABCPE12345", true), ("4242424242", true), ("", true)]
        {
            assert_eq!(Name::Pan.refuses(Some(value.as_bytes())), is_refused, "{value}");
        }
    }
}
