//! Card numbers: published test numbers, and numbers that issuers may have issued.

use crate::random::Random;

/// From the pages of Stripe, PayPal, Braintree, Adyen, Mastercard Gateway and Authorize.Net.
#[rustfmt::skip]
pub(crate) const PUBLISHED: [&str; 60] = [
    "4242424242424242", "4000056655665556", "5555555555554444", "2223003122003222", "5200828282828210",
    "5105105105105100", "378282246310005", "371449635398431", "378734493671000", "6011111111111117", "6011000990139424",
    "6011981111111113", "3056930009020004", "36227206271667", "6555900000604105", "3566002020360505", "3530111333300000",
    "6200000000000005", "6200000000000047", "6205500000000000004", "30569309025904", "38520000023237",
    "4000002500003155", "4000000000009995", "4000000000000002", "4000008260003178", "4000000000003220",
    "4111111111111111", "4012888888881881", "4009348888881881", "4012000033330026", "4012000077777777",
    "4217651111111119", "4500600000000061", "4005519200000004", "2223000048400011", "6304000000000000",
    "4222222222222", "62123456789002", "621234567890003", "62123456789000003", "621234567890000002",
    "6212345678900000003", "6212345678901265", "4988438843884305", "4166676667666746", "5100290029002909",
    "6703444444444449", "36006666333344", "6445644564456445", "3569990010095841", "8171999927660000",
    "8171999900000000021", "5066991111111118", "6062828888666688", "370000000000002", "4013250000000000006",
    "2222400070000005", "5123450000000008", "4007000000027",
];

/// A number that one of the large issuers may have issued; the commoner the kind, the more of them.
pub(crate) fn issued(random: &mut Random) -> String {
    const KINDS: [(&str, usize); 12] = [
        ("4", 16),
        ("4", 16),
        ("4", 16),
        ("5", 16),
        ("5", 16),
        ("2", 16),
        ("34", 15),
        ("37", 15),
        ("36", 14),
        ("65", 16),
        ("62", 16),
        ("62", 19),
    ];
    let (prefix, len) = KINDS[(random.bits() % KINDS.len() as u64) as usize];
    let prefix = match prefix {
        "5" => random.within(51, 55).to_string(),
        "2" => random.within(2221, 2720).to_string(),
        other => other.to_owned(),
    };
    let without_last = format!("{prefix}{}", random.digits(len - 1 - prefix.len()));
    format!("{without_last}{}", check_digit(&without_last))
}

/// The digit that makes the digits pass the Luhn check.
pub(crate) fn check_digit(digits: &str) -> u32 {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, byte)| (i, u32::from(byte - b'0')))
        .map(|(i, digit)| if i % 2 == 0 { doubled(digit) } else { digit })
        .sum();
    (10 - sum % 10) % 10
}
