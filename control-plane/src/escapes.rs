//! What is wrong with most addresses that look right.

/// For the message about an address that cannot be read.
pub(crate) const ESCAPES: &str = "in a user name or password, write `%40` for `@`, `%3A` for `:`, `%2F` for `/`, `%3F` for \
                                  `?`, `%23` for `#`, `%25` for `%` and `%20` for a blank";
