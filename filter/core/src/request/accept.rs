//! The `Accept` header (RFC 9110, section 12.5.1).

/// A type, or a range of types, that a client names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// `text/html`, `text/*` or `*/*`, in any case and without parameters.
    pub kind: &'a str,
    /// How much the client wants it, in thousandths; 0: not at all.
    pub weight: u16,
}

impl Accepted<'_> {
    /// What a type without a weight has.
    pub const WEIGHT_MAX: u16 = 1_000;

    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }
}

/// What the lines of `Accept` name, in their order. What cannot be read is left out.
pub fn accepted<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> impl Iterator<Item = Accepted<'a>> {
    let lines = lines.into_iter().filter_map(|line| std::str::from_utf8(line).ok());
    lines.flat_map(|line| line.split(',')).filter_map(entry)
}

fn entry(text: &str) -> Option<Accepted<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().filter(|kind| !kind.is_empty())?;
    let mut parameters = parts.filter_map(|part| part.split_once('='));
    let weight = match parameters.find(|(name, _)| name.eq_ignore_ascii_case("q")) {
        Some((_, weight)) => thousandths(weight)?,
        None => Accepted::WEIGHT_MAX,
    };
    Some(Accepted { kind, weight })
}

/// Reads a weight from 0 to 1 with at most three decimals. Some clients leave its zero out, as in `.2`.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "" if !decimals.is_empty() => Some(thousandths),
        "1" if thousandths == 0 => Some(Accepted::WEIGHT_MAX),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn each_type_is_read_with_its_weight() {
        let lines = ["text/html, Text/Plain;charset=utf-8;Q=0.25 ,*/*;q=.2", "a/b;q=1.000;x=2,c/d; q=0"];
        let read: Vec<_> =
            accepted(lines.map(str::as_bytes)).map(|named| (named.kind, named.weight)).collect();
        let expected = [("text/html", 1_000), ("Text/Plain", 250), ("*/*", 200), ("a/b", 1_000), ("c/d", 0)];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for text in
            ["", " , ", ";q=1", "a/b;q=", "a/b;q=2", "a/b;q=1.1", "a/b;q=0.1234", "a/b;q=-1", "a/b;q=x"]
        {
            assert_eq!(accepted([text.as_bytes()]).next(), None, "{text}");
        }
        assert_eq!(accepted([&[0xff][..]]).next(), None);
    }
}
