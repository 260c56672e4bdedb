//! The body's type, length and encoding, as announced in the head.

use crate::config::EdgeConfig;
use crate::error::ErrorCode;
use crate::head::Head;
use crate::rejection::Rejection;
use crate::route::BodyRule;

/// The announced body, to be compared with the received one.
#[derive(Debug)]
pub(crate) struct Content {
    rule: BodyRule,
    bytes_max: usize,
    is_json: Result<(), Rejection>,
}

impl Content {
    /// Rejects what can be rejected before the body has arrived.
    pub(crate) fn announced(head: Head<'_>, rule: BodyRule, config: &EdgeConfig) -> Result<Self, Rejection> {
        let bytes_max = match rule {
            BodyRule::Signed => config.webhooks.body_bytes_max,
            BodyRule::None | BodyRule::Required | BodyRule::Optional => config.body_bytes_max,
        };
        let content = Self { rule, bytes_max, is_json: head.one("content-type").and_then(is_json) };
        if head.all("content-encoding").next().is_some() {
            return Err(unsupported("the body must come without content-encoding"));
        }
        if let Some(length) = head.one("content-length")? {
            let length = length.parse().map_err(|_| {
                Rejection::invalid("content-length", "the header `content-length` must be a number of bytes")
            })?;
            content.check(length)?;
        }
        Ok(content)
    }

    /// Checks the length of a complete body.
    pub(crate) fn check(&self, length: usize) -> Result<(), Rejection> {
        self.within_limit(length)?;
        match self.rule {
            BodyRule::None if length > 0 => {
                Err(Rejection::new(ErrorCode::InvalidRequest, "this request takes no body"))
            }
            BodyRule::Signed => Ok(()),
            BodyRule::Required if length == 0 => Err(Rejection::new(
                ErrorCode::InvalidRequest,
                "the body is missing; it must be a JSON object",
            )),
            // Without a body there is no type to check, though many clients send one.
            _ if length == 0 => Ok(()),
            _ => self.is_json.clone(),
        }
    }

    pub(crate) const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Checks the bytes received so far against the limit.
    pub(crate) fn within_limit(&self, length: usize) -> Result<(), Rejection> {
        let limit = self.bytes_max;
        if length > limit {
            return Err(Rejection::new(
                ErrorCode::PayloadTooLarge,
                format!("the body is larger than {limit} bytes"),
            ));
        }
        Ok(())
    }
}

/// `application/json`, with no parameter but `charset=utf-8` (RFC 9110, section 8.3).
fn is_json(content_type: Option<&str>) -> Result<(), Rejection> {
    let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let parameters_fit = match (parts.next(), parts.next()) {
        (None, _) => true,
        (Some(charset), None) => {
            ["charset=utf-8", "charset=\"utf-8\""].iter().any(|fit| charset.eq_ignore_ascii_case(fit))
        }
        (Some(_), Some(_)) => false,
    };
    if media_type.eq_ignore_ascii_case("application/json") && parameters_fit {
        return Ok(());
    }
    Err(unsupported("the header `content-type` must be `application/json`"))
}

fn unsupported(message: &str) -> Rejection {
    Rejection::new(ErrorCode::UnsupportedMediaType, message)
}
