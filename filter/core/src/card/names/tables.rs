//! The names, and the words in names, that decide: in lower case and without separators.

/// Names that are refused.
#[rustfmt::skip]
pub(super) const REFUSED: &[&str] = &[
    "cvv", "cvv2", "cvc", "cvc2", "csc", "cvn", "cvn2", "cav", "cav2", "cvd", "cvp2", "cvvcode", "cvccode", "cvvnumber",
    "cvcnumber", "cvvvalue", "cvcvalue", "cardcvv", "cardcvc", "cardcsc", "securitycode", "cardsecuritycode", "verificationvalue",
    "cardverificationvalue", "cardverificationcode", "cardverificationnumber", "cardvalidationcode",
    "pin", "pinblock", "pinnumber", "pinno", "pinvalue", "pindata", "cardpin", "atmpin", "debitpin", "encryptedpin",
    "encryptedpinblock", "userpin", "customerpin", "clientpin", "payerpin", "bankpin", "cardholderpin", "creditcardpin",
    "debitcardpin",
    "track", "track1", "track2", "track3", "trackdata", "track1data", "track2data", "track3data", "trackone", "tracktwo",
    "track2equivalentdata", "trackequivalentdata", "magstripe", "magstripedata", "magneticstripe",
    "magneticstripedata", "cardtrack", "cardtrackdata", "magnetictrack", "magnetictrackdata",
    "pan", "fullpan", "cardpan", "cardnumber", "cardno", "cardnum", "cardnr", "ccnumber", "ccno", "ccnum", "ccnr",
    "creditcardnumber", "creditcardno", "creditcardnum", "debitcardnumber", "debitcardno", "bankcardnumber",
    "paymentcardnumber", "primaryaccountnumber", "cryptogram", "paymentcryptogram", "emvdata", "encryptedpindata",
];

/// Names of what Apple Pay's payload holds once it is decrypted (developer.apple.com, "Payment token format reference").
pub(super) const DECRYPTED: &[&str] = &["applicationprimaryaccountnumber", "onlinepaymentcryptogram"];

/// Names that every encrypted payload has: of Apple Pay, whose key is agreed on (`EC_v1`) or wrapped (`RSA_v1`), and of
/// Google Pay (`ECv1`, `ECv2`; developers.google.com/pay/api, "Payment data cryptography").
pub(super) const ENCRYPTED: &[&str] = &[
    "ephemeralpublickey",
    "wrappedkey",
    "publickeyhash",
    "signedmessage",
    "encryptedmessage",
    "intermediatesigningkey",
];
/// Those of them that no other name ends with.
pub(super) const UNMISTAKABLE: &[&str] = &["ephemeralpublickey", "intermediatesigningkey"];
/// Those of them that count after other names if they are written in one: `user_public_key_hash` and
/// `last_signed_message` are of other things.
pub(super) const LAST_SEGMENTS: &[&str] = &["signedmessage", "publickeyhash"];
/// The shortest of the names of payloads.
pub(super) const PAYLOAD_MIN: usize = "wrappedkey".len();

/// Words that are rejected within longer names, too.
pub(super) const CHECK_VALUES: &[&str] =
    &["cvv", "cvv2", "cvc", "cvc2", "csc", "cvn", "pinblock", "track1", "track2", "magstripe"];

/// Names of India's tax number.
pub(super) const INDIAN_PAN: &[&str] = &[
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
pub(super) const ABOUT: &[&str] = &[
    "check", "checks", "result", "results", "status", "match", "matched", "response", "required", "provided", "present",
    "verified", "valid", "type", "brand", "last4", "last", "masked", "mask", "truncated", "token", "tokens", "hash",
    "fingerprint", "suffix", "bin", "iin", "first6", "ending", "length", "format", "error", "enabled",
];

/// With one of these words, a name refers to another kind of card.
#[rustfmt::skip]
pub(super) const OTHER_CARDS: &[&str] = &[
    "gift", "giftcard", "loyalty", "member", "members", "membership", "club", "bonus", "reward", "rewards", "student",
    "library", "sim", "health", "insurance", "voucher", "id", "business", "score", "punch", "time", "report", "green",
    "identity", "fuel", "customer", "discount", "points",
];
