//! The files that settings are in: one with a `KEY=value` line for each, and files with one secret.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use edge_core::setting::without_mark;
use zeroize::Zeroizing;

use super::setting_names;

/// Longer than any secret.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Longer than any file of settings.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bounds what is read, not what the file says of its length: a device has none, and no end either.
fn read_at_most(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        Ok(bytes)
    } else {
        Err(format!("has more than {most} bytes"))
    }
}

/// The text of a file of settings, without a byte order mark. It may have secrets.
pub(super) fn text_in(path: &Path) -> Result<Zeroizing<String>, String> {
    let bytes = read_at_most(path, FILE_BYTES_MAX)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8 text; save it as UTF-8".to_owned())?;
    Ok(Zeroizing::new(without_mark(text).to_owned()))
}

/// The secret that is all that a file holds.
pub(super) fn secret_in(path: &Path) -> Result<Zeroizing<String>, String> {
    let bytes = read_at_most(path, SECRET_BYTES_MAX)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    let text = without_mark(text).trim();
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(Zeroizing::new(text.to_owned())) }
}

/// The key and the value in a line; `None` if it is empty or a comment.
pub(super) fn setting_in(line: &str, number: u32) -> Result<Option<(&str, &str)>, String> {
    if line.is_empty() {
        return Ok(None);
    }
    if line.starts_with('#') {
        // Of a file whose lines end with these alone, all that follows would be a part of the comment.
        return if line.contains('\r') {
            Err(format!("line {number} has a carriage return in it; end lines with line feeds"))
        } else {
            Ok(None)
        };
    }
    let (key, value) = line
        .split_once('=')
        .map(|(key, value)| (key.trim(), value.trim()))
        .filter(|(key, _)| !key.is_empty() && !key.contains(char::is_whitespace))
        .ok_or_else(|| no_setting(line, number))?;
    if setting_names::known(key).is_some() {
        return Ok(Some((key, value)));
    }
    Err(match setting_names::meant(key) {
        Some(meant) => format!("line {number} sets {key}, which is no setting; do you mean {meant}?"),
        None if looks_like_a_name(key) => format!("line {number} sets {key}, which is no setting"),
        // Possibly the rest of a secret that was split across lines, so it must not be printed.
        None => format!("line {number} sets what is no setting"),
    })
}

/// Why a line has no setting in it. Shells have a word before the name.
fn no_setting(line: &str, number: u32) -> String {
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with(char::is_whitespace));
    let exported = exported.and_then(|rest| setting_names::known(rest.split_once('=')?.0.trim()));
    exported.map_or_else(
        || format!("line {number} is not `KEY=value`"),
        |key| format!("line {number} is not `KEY=value`; write {key} without `export`"),
    )
}

fn looks_like_a_name(key: &str) -> bool {
    key.len() <= 64
        && key.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::with_file;

    #[test]
    fn marks_and_line_ends_of_other_systems_are_no_part_of_a_file() {
        let source = with_file("\u{feff}DB_URI=postgres://db/x\r\nWORKERS=3\r\n", &[]).unwrap();
        assert_eq!((source.get("DB_URI"), source.get("WORKERS")), (Some("postgres://db/x"), Some("3")));
        let utf16: Vec<u8> = "\u{feff}WORKERS=3\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let error = with_file(utf16, &[]).err().unwrap();
        assert!(error.contains("is not UTF-8 text"), "{error}");
    }

    #[test]
    fn a_file_for_another_reader_is_refused_and_not_taken_for_a_comment() {
        for (text, why) in [
            (
                "# settings\rDB_URI=postgres://u:hidden@db/x\rWORKERS=3\r",
                ": line 1 has a carriage return in it",
            ),
            (
                "WORKERS=3\n export  DB_URI=hidden\n",
                ": line 2 is not `KEY=value`; write DB_URI without `export`",
            ),
            ("exported DB_URI=hidden", ": line 1 is not `KEY=value`\n"),
            ("export HID_DEN=1", ": line 1 is not `KEY=value`\n"),
        ] {
            let error = with_file(text, &[]).err().unwrap();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("hidden") && !error.contains("HID_DEN"), "{error}");
        }
    }
}
