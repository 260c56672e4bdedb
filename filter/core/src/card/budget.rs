//! How much is decoded in the search of one request.

/// In bytes: eight times the longest body that a client may send. Only compression makes a text shorter than what it
/// stands for, so all readings of a body of that length (base64 whole and in pieces, base32, hexadecimal, lists) fit,
/// and those of what is inside. The bound is for what is compressed: one kilobyte can stand for a megabyte, and a
/// worker serves nobody else while it reads.
const TOTAL: usize = 512 * 1024;

/// What is left to decode.
pub(super) struct Budget {
    left: usize,
    is_short: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: TOTAL, is_short: false }
    }
}

impl Budget {
    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// Takes this many bytes, or none if fewer are left.
    pub(super) const fn take(&mut self, bytes: usize) -> bool {
        let is_enough = bytes <= self.left;
        if is_enough {
            self.left -= bytes;
        } else {
            self.is_short = true;
        }
        is_enough
    }

    /// Whether anything was not decoded since this was asked last.
    pub(super) fn was_short(&mut self) -> bool {
        std::mem::take(&mut self.is_short)
    }
}
