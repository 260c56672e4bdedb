//! Stripe's secret keys: as a bearer token, or as the user name of basic authentication.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::errors::{Result, StripeError};

/// Accepts the `expected` key, or any test-mode key if none is expected; `for_browsers`: also any publishable key. A
/// live key is never accepted: its sender has mistaken the sandbox for Stripe.
pub(crate) fn check(headers: &HeaderMap, expected: Option<&str>, for_browsers: bool) -> Result<()> {
    let Some(key) = key(headers) else {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization header, \
             using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
        return StripeError::unauthenticated(message).refuse();
    };
    let is_of = |kind| key.strip_prefix(kind).is_some_and(|rest: &str| !rest.is_empty());
    let is_secret = is_of("sk_test_") && expected.is_none_or(|expected| key == expected);
    let accepted = is_secret || (for_browsers && is_of("pk_test_"));
    if accepted { Ok(()) } else { StripeError::unauthenticated("Invalid API Key provided.").refuse() }
}

fn key(headers: &HeaderMap) -> Option<String> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(user, _)| user.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn checked(authorization: &'static str, expected: Option<&str>) -> bool {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(authorization))]);
        check(&headers, expected, false).is_ok()
    }

    #[test]
    fn test_keys_are_accepted_as_bearer_and_as_basic_user() {
        assert!(checked("Bearer sk_test_1", None));
        // sk_test_1:
        assert!(checked("Basic c2tfdGVzdF8xOg==", None));
        assert!(checked("Bearer sk_test_1", Some("sk_test_1")));
    }

    #[test]
    fn other_keys_are_refused() {
        for authorization in
            ["Bearer sk_live_1", "Bearer sk_test_", "Bearer", "Bearer pk_test_1", "Basic !", "sk_test_1"]
        {
            assert!(!checked(authorization, None), "{authorization}");
        }
        assert!(!checked("Bearer sk_test_2", Some("sk_test_1")));
        assert!(check(&HeaderMap::new(), None, false).is_err());
    }

    #[test]
    fn publishable_keys_are_for_browsers() {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer pk_test_1"))]);
        assert!(check(&headers, Some("sk_test_1"), true).is_ok() && check(&headers, None, false).is_err());
    }
}
