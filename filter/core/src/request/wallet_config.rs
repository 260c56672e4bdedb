//! The query of `GET /wallets/config`.

use super::InvalidRequest;
use super::object::Field;
use super::query::{self, owned_if};
use crate::authority::{Authority, Host};

/// The query of `GET /wallets/config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletConfigQuery {
    /// The domain of the page, in lower case and without a port.
    pub domain: String,
}

impl WalletConfigQuery {
    /// Reads what follows the `?`, percent-encoded (WHATWG URL, `application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// Names the parameter at fault and what would be right.
    pub fn parse(query: &str) -> Result<Self, InvalidRequest> {
        let mut domain = None;
        query::read(query, &[DOMAIN], |field, value| {
            domain = Some(owned_if(is_domain(value), value).ok_or_else(|| field.refused())?);
            Ok(())
        })?;
        Ok(Self { domain: DOMAIN.required(domain)? })
    }
}

const DOMAIN: Field = Field { name: "domain", rule: "must be a domain in lower case, e.g. `shop.example`" };

/// Whether this is a name of a host that can have wallets: labels of letters, digits and hyphens (RFC 1123), two or
/// more, in lower case, at most 253 characters. What a browser reads as an address, such as `1.2` or `a.0x7f`, is none.
#[must_use]
pub fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = matches!(Authority::parse(name), Some(Authority { host: Host::Name(_) }));
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label) && is_name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn a_domain_is_asked_for_by_its_name_alone() {
        let read = WalletConfigQuery::parse("domain=pay.shop-1.example").unwrap();
        assert_eq!(read.domain, "pay.shop-1.example");
        for query in [
            "",
            "domain=",
            "domain=shop",
            "domain=Shop.example",
            "domain=shop.example%3A443",
            "domain=https%3A%2F%2Fshop.example",
            "domain=-shop.example",
            "domain=shop..example",
            "domain=shop.example.",
            "domain=127.0.0.1",
            "domain=01.2.3.4",
            "domain=shop.1",
            "domain=shop.0x7f",
            "domain=a.example&domain=a.example",
        ] {
            let invalid = WalletConfigQuery::parse(query).unwrap_err();
            assert_eq!(invalid.param.as_deref(), Some("domain"), "{query}");
        }
        assert_eq!(
            WalletConfigQuery::parse("provider=stripe").unwrap_err().param.as_deref(),
            Some("provider")
        );
    }
}
