//! A hint about the most common mistake in addresses.

/// Appended to the error about an address that cannot be parsed.
pub(crate) const ESCAPES: &str = "in a user name or password, write `%40` for `@`, `%3A` for `:`, `%2F` for `/`, `%3F` for \
                                  `?`, `%23` for `#`, `%25` for `%` and `%20` for a blank";
