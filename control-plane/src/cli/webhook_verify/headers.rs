//! Parses a file of headers.

/// Parses `Name: value` lines and lowercases the names. Skips empty lines, and a request or status line at the
/// beginning.
pub(super) fn parse(text: &[u8]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut headers = Vec::new();
    for (n, line) in (1..).zip(text.split(|b| *b == b'\n')) {
        let line = line.trim_ascii();
        let begins = n == 1 && (line.starts_with(b"HTTP/") || line.windows(6).any(|part| part == b" HTTP/"));
        if line.is_empty() || begins {
            continue;
        }
        let colon = line.iter().position(|b| *b == b':');
        let (name, value) = colon.and_then(|at| line.split_at_checked(at)).unwrap_or_default();
        let name = std::str::from_utf8(name).unwrap_or_default().trim_end();
        anyhow::ensure!(
            !name.is_empty() && !name.contains(char::is_whitespace),
            "line {n} is not `Name: value`"
        );
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        headers.push((name.to_ascii_lowercase(), value.to_vec()));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_kept_as_bytes_under_its_name_in_lower_case() {
        let text = b"POST / HTTP/1.1\r\nPAYPAL-CERT-URL:https://x/y\r\nA: \xff\nA:  b:c \n\n";
        let headers = parse(text).unwrap();
        let expected = [("paypal-cert-url", b"https://x/y".as_slice()), ("a", b"\xff"), ("a", b"b:c")];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_vec())));
    }

    #[test]
    fn a_line_that_is_no_header_is_named() {
        for (text, line) in [("A: b\nnonsense", 2), (": value", 1), ("a b: c", 1)] {
            assert_eq!(
                parse(text.as_bytes()).unwrap_err().to_string(),
                format!("line {line} is not `Name: value`")
            );
        }
    }
}
