//! Legitimate values that are full of digits.

use crate::numbers::check_digit;
use crate::random::Random;

type Make = fn(&mut Random) -> String;

#[rustfmt::skip]
pub(crate) const KINDS: &[(&str, Make)] = &[
    // Times
    ("epoch seconds", |r| r.within(1_500_000_000, 1_999_999_999).to_string()),
    ("epoch milliseconds", |r| r.within(1_500_000_000_000, 1_999_999_999_999).to_string()),
    ("epoch microseconds", |r| r.within(1_500_000_000_000_000, 1_999_999_999_999_999).to_string()),
    ("epoch nanoseconds", |r| r.within(1_500_000_000_000_000_000, 1_999_999_999_999_999_999).to_string()),
    ("ISO 8601", |r| format!("{}T{}.{}Z", date(r, "-"), time(r, ":"), r.digits(6))),
    ("date and time in digits", |r| format!("{}{}{}", date(r, ""), time(r, ""), if r.one_in(2) { r.digits(3) } else { String::new() })),
    ("day first, with the time", |r| format!("{} {}", day_first(r, "."), time(r, ":"))),
    // Ids
    ("snowflakes of 18 and 19 digits", |r| r.within(100_000_000_000_000_000, 2_000_000_000_000_000_000).to_string()),
    ("snowflakes of X", |r| snowflake(r, 1_288_834_974_657, 22)),
    ("snowflakes of Discord", |r| snowflake(r, 1_420_070_400_000, 22)),
    ("snowflakes of Instagram", |r| snowflake(r, 1_314_220_021_721, 23)),
    ("snowflakes of Mastodon", |r| snowflake(r, 0, 16)),
    ("milliseconds since 1970, shifted", |r| snowflake(r, 0, 22)),
    ("Sonyflakes", |r| ((((millis(r) - 1_409_529_600_000) / 10) << 24) | r.within(0, 0xff_ffff)).to_string()),
    ("ids of Facebook", |r| format!("1000{}", r.digits(11))),
    ("ids of Shopify", |r| r.within(4_000_000_000_000, 9_999_999_999_999).to_string()),
    ("UUIDs", |r| uuid(r, "-")),
    ("UUIDs without dashes", |r| uuid(r, "")),
    ("UUIDs in capitals", |r| uuid(r, "-").to_uppercase()),
    ("UUIDs with a prefix", |r| format!("txn_{}", uuid(r, "-"))),
    ("ULIDs", |r| format!("01{}{}", r.of("HJKM", 1), r.of(CROCKFORD, 23))),
    ("ULIDs in small letters", |r| format!("01{}{}", r.of("HJKM", 1), r.of(CROCKFORD, 23)).to_lowercase()),
    ("NanoIDs", |r| r.of(BASE64_URL, 21)),
    ("ObjectIds", |r| format!("{:08x}{}", millis(r) / 1_000, r.of(HEX, 16))),
    ("ids of Stripe", |r| format!("pi_3M{}", r.of(BASE62, 22))),
    ("ids of PayPal", |r| r.of("0123456789ABCDEFGHJKLMNPRSTUVWXY", 17)),
    // Goods
    ("EAN-13", |r| ean(r, 12)),
    ("EAN-13 of Germany and Japan", |r| with_ean_check(&format!("4{}", r.digits(11)))),
    ("EAN-13 as printed", |r| { let ean = ean(r, 12); format!("{} {} {}", &ean[..1], &ean[1..7], &ean[7..]) }),
    ("EAN-8", |r| ean(r, 7)),
    ("UPC", |r| ean(r, 11)),
    ("ISBN", |r| { let isbn = with_ean_check(&format!("978{}", r.digits(9))); format!("978-{}-{}-{}-{}", &isbn[3..4], &isbn[4..6], &isbn[6..12], &isbn[12..]) }),
    ("IMEI", |r| imei(r)),
    ("IMEI as printed", |r| { let imei = imei(r); format!("{}-{}-{}-{}", &imei[..2], &imei[2..8], &imei[8..14], &imei[14..]) }),
    ("SIM cards (ICCID)", |r| format!("89{}", r.digits(17))),
    ("shipments (USPS)", |r| { let digits = format!("94{}", r.digits(20)); digits.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join(" ") }),
    ("shipments (UPS)", |r| format!("1Z{}{}", r.of("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", 6), r.digits(10))),
    ("shipments (DHL)", |r| format!("00340434{}", r.digits(12))),
    // People and companies
    ("phones, E.164", |r| phone(r, "")),
    ("phones, spaced", |r| { let separator = r.pick(&[" ", "-", ".", " "]).to_owned(); phone(r, &separator) }),
    ("phones without a plus", |r| { let phone = phone(r, " "); phone.replace('+', r.pick(&["00", ""])) }),
    ("phones of the United States", |r| format!("({}) {}-{}", r.within(201, 989), r.within(200, 999), r.digits(4))),
    ("pairs of phones", |r| format!("{} / {}", phone(r, " "), phone(r, " "))),
    ("IBANs", |r| iban(r, "")),
    ("IBANs in groups", |r| iban(r, " ")),
    ("IBANs in groups, dashes", |r| iban(r, "-")),
    ("IBANs in small letters", |r| iban(r, "").to_lowercase()),
    ("accounts of Poland", |r| { let iban = in_groups(&format!("PL{}", r.digits(26)), " "); iban[2..].to_owned() }),
    ("companies of France (SIRET)", |r| siret(r)),
    ("companies of Brazil (CNPJ)", |r| { let n = cnpj(r); format!("{}.{}.{}/{}-{}", &n[..2], &n[2..5], &n[5..8], &n[8..12], &n[12..]) }),
    ("companies of Brazil in digits", |r| cnpj(r)),
    ("VAT numbers", |r| format!("{}{}", r.pick(&["DE", "IT", "PL", "FR", "NL"]), r.digits(11))),
    ("social security numbers", |r| format!("{}-{}-{}", r.digits(3), r.digits(2), r.digits(4))),
    ("identity cards of China", |r| format!("{}{}{}", r.within(110_000, 659_999), date(r, ""), r.digits(4))),
    // Orders
    ("orders: date and number", |r| { let len = r.within(4, 7) as usize; format!("{} {}", date(r, "-"), r.digits(len)) }),
    ("orders: date and number, glued", |r| { let len = r.within(4, 8) as usize; format!("{}{}", date(r, ""), r.digits(len)) }),
    ("orders: date, dash, number", |r| { let len = r.within(4, 8) as usize; format!("{}-{}", date(r, ""), r.digits(len)) }),
    ("orders: day first and number", |r| format!("{} {}", day_first(r, "."), r.digits(8))),
    ("orders: short date, time, counter", |r| format!("{}{}{}", &date(r, "")[2..], time(r, ""), r.digits(4))),
    ("orders: short date, counter", |r| format!("{}{:010}", &date(r, "")[2..], r.within(0, 9_999_999))),
    ("orders of Amazon", |r| format!("{}-{}-{}", r.digits(3), r.digits(7), r.digits(7))),
    ("orders of eBay", |r| format!("{}-{}-{}", r.digits(2), r.digits(5), r.digits(5))),
    ("orders: prefix and counter", |r| { let len = r.within(4, 12) as usize; format!("{}{}", r.pick(&["ORD-", "INV-2026-", "#", "SO", "PO 2026/"]), r.digits(len)) }),
    ("orders of 10 to 12 digits", |r| { let len = r.within(10, 12) as usize; r.digits(len) }),
    ("two orders", |r| format!("{}, {}", r.digits(7), r.digits(8))),
    // Bytes
    ("base64", |r| base64(r, false)),
    ("base64 for URLs", |r| base64(r, true)),
    ("tokens (JWT)", |r| format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", base64(r, true), base64(r, true))),
    ("hex, 16 digits", |r| r.of(HEX, 16)),
    ("hex, 24 digits", |r| r.of(HEX, 24)),
    ("hex, 32 digits", |r| r.of(HEX, 32)),
    ("hex, 40 digits", |r| r.of(HEX, 40)),
    ("hex, 64 digits", |r| r.of(HEX, 64)),
    ("hex, 128 digits", |r| r.of(HEX, 128)),
    ("hex in capitals", |r| r.of(HEX, 64).to_uppercase()),
    // Measures
    ("floats", |r| ((r.bits() >> 11) as f64 / (1_u64 << 53) as f64).to_string()),
    ("floats up to 1,000", |r| ((r.bits() >> 11) as f64 / (1_u64 << 53) as f64 * 1_000.0).to_string()),
    ("coordinates", |r| format!("{}.{},{}.{}", r.within(0, 89), r.digits(6), r.within(0, 179), r.digits(6))),
    ("coordinates with a space", |r| format!("{}.{}, -{}.{}", r.within(0, 89), r.digits(7), r.within(0, 179), r.digits(7))),
    ("pairs of decimals", |r| format!("{}.{}, {}.{}, {}.{}, {}.{}", r.within(10, 99), r.digits(2), r.within(10, 99), r.digits(2), r.within(10, 99), r.digits(2), r.within(10, 99), r.digits(2))),
    ("IPv4 and port", |r| format!("{}.{}.{}.{}:{}", r.within(1, 255), r.within(0, 255), r.within(0, 255), r.within(0, 255), r.within(1_024, 65_535))),
    ("IPv6", |r| (0..8).map(|_| r.of(HEX, 4)).collect::<Vec<_>>().join(":")),
    ("MAC addresses", |r| (0..6).map(|_| r.of(HEX, 2)).collect::<Vec<_>>().join(":")),
    ("amounts", |r| format!("{},{}.{} EUR", r.within(1, 999), r.digits(3), r.digits(2))),
    ("masked card numbers", |r| format!("{}******{}", r.within(400_000, 559_999), r.digits(4))),
];

const HEX: &str = "0123456789abcdef";
const CROCKFORD: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64_URL: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

/// A date of the years 2023 to 2027.
fn date(random: &mut Random, separator: &str) -> String {
    let (year, month, day) = (random.within(2023, 2027), random.within(1, 12), random.within(1, 28));
    format!("{year}{separator}{month:02}{separator}{day:02}")
}

fn day_first(random: &mut Random, separator: &str) -> String {
    let (year, month, day) = (random.within(2023, 2027), random.within(1, 12), random.within(1, 31));
    format!("{day:02}{separator}{month:02}{separator}{year}")
}

fn time(random: &mut Random, separator: &str) -> String {
    format!(
        "{:02}{separator}{:02}{separator}{:02}",
        random.within(0, 23),
        random.within(0, 59),
        random.within(0, 59)
    )
}

/// Milliseconds since 1970, from 2023 to 2027.
fn millis(random: &mut Random) -> u64 {
    random.within(1_672_531_200_000, 1_830_297_600_000)
}

fn snowflake(random: &mut Random, epoch_ms: u64, shift: u32) -> String {
    (((millis(random) - epoch_ms) << shift) | (random.bits() & ((1 << shift) - 1))).to_string()
}

/// A UUID of version 4 or 7.
fn uuid(random: &mut Random, separator: &str) -> String {
    let time = if random.one_in(2) { random.of(HEX, 12) } else { format!("{:012x}", millis(random)) };
    let (version, variant) = (random.of("47", 1), random.of("89ab", 1));
    let parts = [
        time[..8].to_owned(),
        time[8..].to_owned(),
        format!("{version}{}", random.of(HEX, 3)),
        format!("{variant}{}", random.of(HEX, 3)),
        random.of(HEX, 12),
    ];
    parts.join(separator)
}

fn ean(random: &mut Random, len: usize) -> String {
    with_ean_check(&random.digits(len))
}

fn with_ean_check(digits: &str) -> String {
    let weighted = digits.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = weighted.map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn imei(random: &mut Random) -> String {
    let imei = format!("{}{}", random.pick(&["35", "86", "01", "99"]), random.digits(12));
    format!("{imei}{}", check_digit(&imei))
}

/// A country's code, the length of its numbers, and the groups that they are written in.
fn phone(random: &mut Random, separator: &str) -> String {
    const COUNTRIES: [(&str, &[usize]); 14] = [
        ("49", &[4, 7]),
        ("49", &[3, 8]),
        ("44", &[4, 6]),
        ("1", &[3, 3, 4]),
        ("33", &[1, 2, 2, 2, 2]),
        ("39", &[3, 7]),
        ("34", &[3, 3, 3]),
        ("36", &[2, 3, 4]),
        ("43", &[3, 8]),
        ("55", &[2, 5, 4]),
        ("62", &[3, 4, 4]),
        ("65", &[4, 4]),
        ("86", &[3, 4, 4]),
        ("380", &[2, 3, 2, 2]),
    ];
    let (code, groups) = COUNTRIES[(random.bits() % COUNTRIES.len() as u64) as usize];
    let mut text = format!("+{code}");
    for len in groups {
        text.push_str(separator);
        text.push_str(&random.digits(*len));
    }
    text
}

/// With right check digits or, as often in tests, without.
fn iban(random: &mut Random, separator: &str) -> String {
    const COUNTRIES: [(&str, usize, usize); 12] = [
        ("DE", 18, 0),
        ("AT", 16, 0),
        ("CH", 17, 0),
        ("ES", 20, 0),
        ("PL", 24, 0),
        ("SE", 20, 0),
        ("LT", 16, 0),
        ("EE", 16, 0),
        ("GB", 14, 4),
        ("NL", 10, 4),
        ("IE", 14, 4),
        ("RO", 16, 4),
    ];
    let (country, digits, letters) = COUNTRIES[(random.bits() % COUNTRIES.len() as u64) as usize];
    let account = format!("{}{}", random.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", letters), random.digits(digits));
    let value = format!("{account}{country}00").chars().fold(0, |rest, character| {
        let number = character.to_digit(36).unwrap();
        (rest * if number > 9 { 100 } else { 10 } + number) % 97
    });
    let check = if random.one_in(2) { 98 - value } else { random.within(2, 98) as u32 };
    in_groups(&format!("{country}{check:02}{account}"), separator)
}

fn in_groups(text: &str, separator: &str) -> String {
    text.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(separator)
}

fn siret(random: &mut Random) -> String {
    let company = format!("{}{}", random.within(3, 9), random.digits(7));
    let company = format!("{company}{}", check_digit(&company));
    let place = format!("{company}{:04}", random.within(1, 99));
    let siret = format!("{place}{}", check_digit(&place));
    if random.one_in(2) {
        return siret;
    }
    format!("{} {} {} {}", &siret[..3], &siret[3..6], &siret[6..9], &siret[9..])
}

fn cnpj(random: &mut Random) -> String {
    let mut cnpj = format!("{:08}000{}", random.within(1_000_000, 65_000_000), random.within(1, 9));
    for _ in 0..2 {
        let sum: u32 = cnpj
            .bytes()
            .rev()
            .zip((2..=9).cycle())
            .map(|(byte, weight)| u32::from(byte - b'0') * weight)
            .sum();
        let check = if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
        cnpj.push_str(&check.to_string());
    }
    cnpj
}

fn base64(random: &mut Random, for_urls: bool) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let len = random.within(12, 64) as usize;
    let bytes = random.bytes(len);
    if for_urls { URL_SAFE_NO_PAD.encode(bytes) } else { STANDARD.encode(bytes) }
}
