//! Letters of ASCII in another form: of full width, mathematical, in circles, squares or brackets, raised and lowered.

/// The letter, or at full width also the mark, of ASCII that a character is another form of; others are themselves. A
/// letter of another script that only looks alike is none.
pub(super) fn plain(character: char) -> char {
    let code = u32::from(character);
    let folded = match code {
        0..0x80 => None,
        0xff01..=0xff5e => char::from_u32(code - 0xff01 + 0x21),
        _ => of_alphabet(code).or_else(|| single(code)),
    };
    folded.unwrap_or(character)
}

fn of_alphabet(code: u32) -> Option<char> {
    let (first, _) = ALPHABETS.iter().find(|(first, last)| (*first..=*last).contains(&code))?;
    let at = u8::try_from((code - first) % 52).ok()?;
    Some(char::from(if at < 26 { b'A' + at } else { b'a' + at - 26 }))
}

fn single(code: u32) -> Option<char> {
    let after = SINGLE.partition_point(|(first, _)| *first <= code);
    let (first, letters) = SINGLE.get(after.checked_sub(1)?)?;
    let letter = letters.as_bytes().get(usize::try_from(code - first).ok()?)?;
    letter.is_ascii_alphabetic().then(|| char::from(*letter))
}

/// First and last code point of alphabets, each with its capitals first and then, if any, its small letters: in
/// circles, mathematical (13 of them), in brackets, in squares, and white on black in circles and in squares.
const ALPHABETS: &[(u32, u32)] = &[
    (0x24b6, 0x24e9),
    (0x1_d400, 0x1_d6a3),
    (0x1_f110, 0x1_f129),
    (0x1_f130, 0x1_f149),
    (0x1_f150, 0x1_f169),
    (0x1_f170, 0x1_f189),
];

/// Other characters that Unicode's compatibility decomposition (NFKC) makes a single letter: raised and lowered ones,
/// letterlike symbols, Roman numerals, the long s; and small ones in brackets. The first code point of a run, and its
/// letters; `-` is none.
#[rustfmt::skip]
const SINGLE: &[(u32, &str)] = &[
    (0xaa, "a"), (0xba, "o"), (0x17f, "s"), (0x2b0, "h-jr---wy"), (0x2e1, "lsx"),
    (0x1d2c, "A-B-DE-GHIJKLMN-O-PRTUWa---bde---g-km-o---ptu--v------iruv"), (0x1d9c, "c---f"), (0x1dbb, "z"),
    (0x2071, "i"), (0x207f, "n"), (0x2090, "aeox-hklmnpst"),
    (0x2102, "C-------gHHHh-IILl-N---PQRRR------Z---Z-K-BC-eEF-Mo----i"), (0x2145, "Ddeij"),
    (0x2160, "I---V----X--LCDMi---v----x--lcdm"), (0x249c, "abcdefghijklmnopqrstuvwxyz"), (0x2c7c, "jV"),
    (0xa7f2, "CFQ"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn plain_text(text: &str) -> String {
        text.chars().map(plain).collect()
    }

    #[test]
    fn letters_of_every_form_are_those_of_ascii() {
        for (text, letters) in [
            ("\u{ff37}\u{ff52}\u{ff41}\u{ff50}\u{ff11}\u{ff0e}", "Wrap1."),
            ("\u{1d400}\u{1d419}\u{1d41a}\u{1d433}\u{1d4d0}\u{1d670}\u{1d6a3}", "AZazAAz"),
            ("\u{24b6}\u{24cf}\u{24d0}\u{24e9}\u{249c}\u{24b5}", "AZazaz"),
            ("\u{1f110}\u{1f129}\u{1f130}\u{1f149}\u{1f150}\u{1f169}\u{1f170}\u{1f189}", "AZAZAZAZ"),
            ("\u{210e}\u{212a}\u{2113}\u{2102}\u{211d}\u{2124}\u{2133}\u{2134}\u{2139}", "hKlCRZMoi"),
            ("\u{2145}\u{2146}\u{2147}\u{2148}\u{2149}\u{212c}\u{212d}\u{212f}\u{2131}", "DdeijBCeF"),
            ("\u{17f}\u{aa}\u{ba}\u{2b0}\u{1d5b}\u{1d9c}\u{1dbb}\u{209c}\u{216d}\u{217f}", "saohvcztCm"),
        ] {
            assert_eq!(plain_text(text), letters, "{text}");
        }
    }

    #[test]
    fn what_is_no_form_of_a_letter_stays() {
        // The last ones look like letters of ASCII: of Cyrillic and Greek, and one without its dot.
        let text = "aZ_-. é ß 中 \u{2103} \u{2120} \u{24ea} \u{1d7ce} \u{1d6a8} \u{1f18a} \u{ff5f} \u{430}\u{3bf}\u{131}";
        assert_eq!(plain_text(text), text);
    }

    #[test]
    fn the_tables_are_in_order() {
        assert!(ALPHABETS.is_sorted_by(|a, b| a.1 < b.0));
        assert!(SINGLE.is_sorted_by(|a, b| (a.0..b.0).len() >= a.1.len()));
    }
}
