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

    /// The server's name and version, e.g. `Redis 7.2.5`. Valkey calls itself a Redis as well.
    pub(super) fn product(self) -> Option<String> {
        let named = |name: &str, field: &str| self.field(field).map(|version| format!("{name} {version}"));
        named("Valkey", "valkey_version").or_else(|| named("Redis", "redis_version"))
    }

    pub(super) fn number(self, name: &str) -> Option<u64> {
        self.field(name)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_by_its_own_name_and_version() {
        let product = |info| Info(info).product();
        assert_eq!(product("# Server\r\nredis_version:7.2.5\r\n").as_deref(), Some("Redis 7.2.5"));
        let valkey = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.3\r\n";
        assert_eq!(product(valkey).as_deref(), Some("Valkey 8.1.3"));
        assert_eq!(product("# Memory\r\nused_memory:1\r\n"), None);
    }
}
