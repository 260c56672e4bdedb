//! Ways to spell a card number.

use crate::random::Random;

const SEPARATORS: [&str; 36] = [
    " ", "-", ".", "/", "_", ",", ":", "|", ";", "*", "~", "+", "=", "'", "\"", "\\", "  ", " - ", "..",
    ". ", ", ", "\t", "\n", "\r\n", "\u{a0}", "\u{2009}", "\u{2013}", "\u{2212}", "\u{3000}", "\u{b7}",
    "\u{200b}", "\u{ad}", "\u{2060}", "\u{feff}", "%20", "&nbsp;",
];

/// Spellings that are detected for any number that an issuer may have issued.
pub(crate) fn of_any(random: &mut Random, number: impl Fn(&mut Random) -> String) -> String {
    let number = number(random);
    let text = match random.within(0, 5) {
        0 => format!(
            "{}{number}{}",
            random.pick(&["", "card ", "x", "2026 ", "Nr. 7: "]),
            random.pick(&["", " 12/28", "y", "."])
        ),
        1 if number.len() > 15 => format!("{number}{}", glued(random)),
        2 => alike(random, &number),
        _ => printed(random, &number),
    };
    dressed(random, text)
}

/// For published numbers, also spellings that could not be detected for others: attached to an id or a check value, in
/// parts of any length with anything between them.
pub(crate) fn of_published(random: &mut Random, number: impl Fn(&mut Random) -> String + Copy) -> String {
    let digits = number(random);
    let text = match random.within(0, 4) {
        0 => format!("{digits}{}", random.digits(3)),
        1 => format!("{}{digits}", random.digits(2)),
        2 => parts(random, &digits),
        3 => format!("{digits}{}", glued(random)),
        _ => return of_any(random, number),
    };
    dressed(random, text)
}

/// An expiry, with a check value or without.
fn glued(random: &mut Random) -> String {
    let (month, year, check) = (random.within(1, 12), random.within(26, 36), random.digits(3));
    match random.within(0, 3) {
        0 => format!("{month:02}{year}"),
        1 => format!("{month:02}{year}{check}"),
        2 => format!("{month:02}20{year}"),
        _ => format!("{check}{month:02}{year}"),
    }
}

/// As on a card, with one separator or several.
fn printed(random: &mut Random, number: &str) -> String {
    let layout: &[usize] = match number.len() {
        14 => &[4, 6, 4],
        15 => &[4, 6, 5],
        _ => &[4, 4, 4, 4, 4],
    };
    let one = random.pick(&SEPARATORS);
    let mixed = random.one_in(3);
    let (mut text, mut rest) = (String::new(), number);
    for len in layout {
        let (group, after) = rest.split_at((*len).min(rest.len()));
        if !text.is_empty() && !group.is_empty() {
            text.push_str(if mixed { random.pick(&SEPARATORS) } else { one });
        }
        text.push_str(group);
        rest = after;
    }
    format!(
        "{}{text}{}",
        random.pick(&["", "card: ", "Karte "]),
        random.pick(&["", " 12/28", ", thanks", " exp 1228"])
    )
}

/// In groups of one length, with the same separator.
fn alike(random: &mut Random, number: &str) -> String {
    let len = random.within(1, 5) as usize;
    let groups: Vec<_> = number.as_bytes().chunks(len).map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(random.pick(&SEPARATORS))
}

fn parts(random: &mut Random, number: &str) -> String {
    let mut text = String::new();
    for digit in number.chars() {
        text.push(digit);
        if random.one_in(3) {
            text.push_str(random.pick(&SEPARATORS));
        }
    }
    text
}

/// In other digits, or encoded.
fn dressed(random: &mut Random, text: String) -> String {
    // Encoded separators must not be changed to other digits, nor invisible ones be inserted among them.
    let is_encoded = text.contains(['%', '&', '\\', '\u{200b}', '\u{ad}', '\u{2060}', '\u{feff}']);
    match random.within(if is_encoded { 2 } else { 0 }, 9) {
        3 | 5 | 6 if is_encoded => text,
        0 => match random.pick(&["０", "٠", "۰", "०", "০", "๐", "𝟎", "𝟘", "𝟶", "🯰"]) {
            "０" => in_circles(&text),
            zero => in_script(&text, zero),
        },
        1 => text
            .chars()
            .map(
                |digit| {
                    if random.one_in(2) { in_script(&digit.to_string(), "٠") } else { digit.to_string() }
                },
            )
            .collect(),
        2 => encoded(random, &text, "%"),
        3 => {
            let once = encoded(random, &text, "%");
            encoded(random, &once, "%")
        }
        4 => text
            .chars()
            .map(|c| {
                if c.is_ascii_digit() {
                    // A separator would end a reference that has no end of its own.
                    let ends: &[&str] = if text.contains(';') { &[";"] } else { &["", ";"] };
                    format!("&#{}{}", u32::from(c), random.pick(ends))
                } else {
                    c.to_string()
                }
            })
            .collect(),
        5 => text
            .chars()
            .map(|c| if c.is_ascii_digit() { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() })
            .collect(),
        6 => text
            .chars()
            .flat_map(|c| {
                [c.to_string(), random.pick(&["", "", "\u{200b}", "\u{feff}", "\u{ad}"]).to_owned()]
            })
            .collect(),
        7 if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            if random.one_in(2) {
                base64(&text)
            } else {
                hex::encode(&text)
            }
        }
        _ => text,
    }
}

fn in_script(text: &str, zero: &str) -> String {
    let zero = u32::from(zero.chars().next().unwrap());
    text.chars().map(|c| c.to_digit(10).map_or(c, |digit| char::from_u32(zero + digit).unwrap())).collect()
}

/// Two digits at a time, as far as there are such characters, and the rest one by one.
fn in_circles(text: &str) -> String {
    let circled = |number: u32| match number {
        10..=20 => char::from_u32(0x2469 + number - 10),
        21..=35 => char::from_u32(0x3251 + number - 21),
        36..=50 => char::from_u32(0x32b1 + number - 36),
        _ => None,
    };
    let (mut circles, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let pair = rest.get(..2).filter(|pair| pair.bytes().all(|byte| byte.is_ascii_digit()));
        let circle = pair.and_then(|pair| circled(pair.parse().unwrap()));
        circles.push(circle.unwrap_or(first));
        rest = &rest[circle.map_or(first.len_utf8(), |_| 2)..];
    }
    circles
}

/// Some of the digits, or all of them, and the escapes of an earlier round.
fn encoded(random: &mut Random, text: &str, escape: &str) -> String {
    let every = random.within(1, 4);
    let is_encoded =
        |random: &mut Random, c: char| (c.is_ascii_digit() && random.one_in(every)) || escape.contains(c);
    text.chars()
        .map(|c| if is_encoded(random, c) { format!("%{:02x}", u32::from(c)) } else { c.to_string() })
        .collect()
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
