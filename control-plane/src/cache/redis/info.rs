//! Parses the reply to `INFO`.

/// The only policy that does not evict claims to make room: claims in flight have a time to live, as answers have.
pub(super) const GOOD_POLICY: &str = "noeviction";

/// A reply to `INFO`, or several sections concatenated.
#[derive(Clone, Copy)]
pub(super) struct Info<'a>(pub(super) &'a str);

impl<'a> Info<'a> {
    pub(super) fn field(self, name: &str) -> Option<&'a str> {
        let value = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(str::trim)
    }

    pub(super) fn number(self, name: &str) -> Option<u64> {
        self.field(name)?.parse().ok()
    }
}
