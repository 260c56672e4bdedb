//! Whole lines of what a program writes.

use std::io::{self, Write};

/// A longer line is cut, so that a program that never ends a line takes no memory without a bound.
const LINE_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The beginning of a line whose end was not read yet.
    open: Vec<u8>,
}

impl Lines {
    /// Takes what was read, and writes the lines that it ends.
    pub(crate) fn take(&mut self, read: &[u8], sink: &mut impl Write) -> io::Result<()> {
        let end = read.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let (whole, rest) = read.split_at(end);
        if self.open.is_empty() {
            sink.write_all(whole)?;
        } else if !whole.is_empty() {
            self.open.extend_from_slice(whole);
            sink.write_all(&self.open)?;
            self.open.clear();
        }
        self.open.extend_from_slice(rest);
        if self.open.len() > LINE_BYTES_MAX { self.end(sink) } else { Ok(()) }
    }

    /// Ends the line that the program has not ended.
    pub(crate) fn end(&mut self, sink: &mut impl Write) -> io::Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        self.open.push(b'\n');
        sink.write_all(&self.open)?;
        self.open.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers each call.
    #[derive(Default)]
    struct Calls(Vec<String>);

    impl Write for Calls {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_whole_lines_are_passed_on_however_they_were_read() {
        let (mut lines, mut calls) = (Lines::default(), Calls::default());
        for read in ["one\ntwo\nth", "r", "ee\nfour\nfi", "ve\n", "\n"] {
            lines.take(read.as_bytes(), &mut calls).unwrap();
        }
        lines.end(&mut calls).unwrap();
        assert_eq!(calls.0, ["one\ntwo\n", "three\nfour\n", "five\n", "\n"]);
    }

    #[test]
    fn a_last_line_without_an_end_is_ended() {
        let (mut lines, mut calls) = (Lines::default(), Calls::default());
        lines.take(b"killed in the mid", &mut calls).unwrap();
        assert!(calls.0.is_empty(), "{:?}", calls.0);
        lines.end(&mut calls).unwrap();
        lines.end(&mut calls).unwrap();
        assert_eq!(calls.0, ["killed in the mid\n"]);
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory_without_a_bound() {
        let (mut lines, mut sink) = (Lines::default(), Vec::new());
        for _ in 0..1_000 {
            lines.take(&[b'x'; 1_000], &mut sink).unwrap();
            assert!(lines.open.len() <= LINE_BYTES_MAX);
        }
        lines.end(&mut sink).unwrap();
        let cut = sink.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!((sink.len() - cut, cut), (1_000_000, 1_000_000_usize.div_ceil(66_000)));
    }
}
