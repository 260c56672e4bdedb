//! The query of `GET /wallets/config`.

use super::InvalidRequest;
use super::object::Field;
use super::query;
use crate::authority::{Authority, Host};

/// The query of `GET /wallets/config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletConfigQuery {
    /// The domain of the page, in lower case and without the dot of a full name.
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
            domain = Some(domain_of(value).ok_or_else(|| field.refused())?);
            Ok(())
        })?;
        Ok(Self { domain: DOMAIN.required(domain)? })
    }
}

const DOMAIN: Field = Field { name: "domain", rule: "must be a domain without a port, e.g. `shop.example`" };
const DOMAIN_CHARS_MAX: usize = 253;

/// Names of hosts are the same in any case, with or without the dot of a full name (RFC 4343; RFC 1034, section 3.1).
fn domain_of(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    (text.len() <= DOMAIN_CHARS_MAX && is_domain(&name)).then_some(name)
}

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
    name.len() <= DOMAIN_CHARS_MAX && name.contains('.') && name.split('.').all(is_label) && is_name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn a_domain_is_asked_for_by_its_name_alone() {
        for same in ["pay.shop-1.example", "Pay.SHOP-1.example", "pay.shop-1.example.", "PAY.shop-1.EXAMPLE."]
        {
            let read = WalletConfigQuery::parse(&format!("domain={same}")).unwrap();
            assert_eq!(read.domain, "pay.shop-1.example", "{same}");
        }
        for query in [
            "",
            "domain=",
            "domain=shop",
            "domain=Shop",
            "domain=shop.",
            "domain=.",
            "domain=shop.example%3A443",
            "domain=https%3A%2F%2Fshop.example",
            "domain=-shop.example",
            "domain=shop..example",
            "domain=shop.example..",
            "domain=shop.example.%3A443",
            "domain=%E2%84%AA.example",
            "domain=127.0.0.1",
            "domain=01.2.3.4",
            "domain=shop.1",
            "domain=shop.0x7f",
            "domain=shop.0X7F.",
            "domain=shop.1.",
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
