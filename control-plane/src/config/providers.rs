//! The providers: their credentials, and where the credentials may be sent.

use payments_providers::{PaypalSettings, Settings, StripeSettings, Timeouts};
use reqwest::Url;
use secrecy::SecretString;

use super::liability::wallet_liability_shift;
use super::{ConfigError, Plaintext, Source, Wire, keep, outgoing, return_url, seconds};
use crate::this_machine::is_this_machine;

const STRIPE_API: &str = "https://api.stripe.com";
pub(crate) const PAYPAL_API: &str = "https://api-m.sandbox.paypal.com";

/// Prefixes of credentials made up for one's own provider sandbox, which accepts any. No provider issues credentials
/// with them, and only credentials with them may cross a network in clear text.
const FOR_THE_SANDBOX: [&str; 2] = ["sk_test_sandbox_", "sandbox-"];

/// Reads every setting and reports everything that is wrong at once.
pub(crate) fn providers(source: &Source) -> Result<Settings, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let stripe = keep(&mut errors, stripe(source));
    let paypal = keep(&mut errors, paypal(source));
    let default_return_url = keep(&mut errors, return_url::default_return_url(source));
    let timeout = seconds(source, "PROVIDER_TIMEOUT_SECONDS", Timeouts::default().call);
    let timeout = keep(&mut errors, timeout);
    let circuit_breakers = source.read_with("CIRCUIT_BREAKERS", |text| match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be `on` or `off`".to_owned()),
    });
    let circuit_breakers = keep(&mut errors, circuit_breakers);
    let liability = keep(&mut errors, wallet_liability_shift(source));
    match (stripe, paypal, default_return_url, timeout, circuit_breakers, liability) {
        (
            Some(stripe),
            Some(paypal),
            Some(default_return_url),
            Some(timeout),
            Some(breakers),
            Some(wallet_liability_shift),
        ) => Ok(Settings {
            stripe,
            paypal,
            default_return_url,
            wallet_liability_shift,
            timeouts: Timeouts::of_calls(timeout),
            circuit_breakers: breakers.unwrap_or(true),
        }),
        _ => Err(errors),
    }
}

fn stripe(source: &Source) -> Result<Option<StripeSettings>, ConfigError> {
    let Some(key) = credential(source, "STRIPE_SECRET_KEY")? else { return Ok(None) };
    let is_key = |prefix| key.strip_prefix(prefix).is_some_and(|secret| !secret.is_empty());
    if !["sk_test_", "sk_live_", "rk_test_", "rk_live_"].into_iter().any(is_key) {
        return Err(source.invalid("STRIPE_SECRET_KEY", "must be a secret key, `sk_test_…` or `sk_live_…`"));
    }
    let api_base = api_base(source, "STRIPE_API_BASE", STRIPE_API)?;
    if api_base.scheme() == "http" && (key.starts_with("sk_live_") || key.starts_with("rk_live_")) {
        let problem = "must be https: STRIPE_SECRET_KEY is a live key, which never goes over plain HTTP";
        return Err(source.invalid("STRIPE_API_BASE", problem));
    }
    check_way(source, "STRIPE_API_BASE", &api_base, key)?;
    Ok(Some(StripeSettings { api_base, secret_key: SecretString::from(key), outgoing: outgoing(source)? }))
}

fn paypal(source: &Source) -> Result<Option<PaypalSettings>, ConfigError> {
    match (credential(source, "PAYPAL_CLIENT_ID")?, credential(source, "PAYPAL_CLIENT_SECRET")?) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => {
            let api_base = api_base(source, "PAYPAL_API_BASE", PAYPAL_API)?;
            check_way(source, "PAYPAL_API_BASE", &api_base, id)?;
            Ok(Some(PaypalSettings {
                api_base,
                client_id: id.to_owned(),
                client_secret: SecretString::from(secret),
                outgoing: outgoing(source)?,
            }))
        }
        (Some(_), None) => Err(ConfigError::Missing {
            key: "PAYPAL_CLIENT_SECRET",
            expected: "PAYPAL_CLIENT_ID is set and needs its secret",
        }),
        (None, Some(_)) => Err(ConfigError::Missing {
            key: "PAYPAL_CLIENT_ID",
            expected: "PAYPAL_CLIENT_SECRET is set and needs its client id",
        }),
    }
}

/// Rejects white space: no provider issues a credential with a blank, so it indicates a comment or a second value.
fn credential<'a>(source: &'a Source, key: &'static str) -> Result<Option<&'a str>, ConfigError> {
    let value = source.get(key);
    if value.is_some_and(|value| !value.bytes().all(|byte| byte.is_ascii_graphic())) {
        let problem = "must be one word of ASCII letters, digits and signs; a comment goes on its own line";
        return Err(source.invalid(key, problem));
    }
    Ok(value)
}

/// Checks that a provider's credentials leave this machine only over TLS.
fn check_way(source: &Source, key: &'static str, base: &Url, credential: &str) -> Result<(), ConfigError> {
    let is_made_up = FOR_THE_SANDBOX.iter().any(|prefix| credential.starts_with(prefix));
    if base.scheme() == "https" || base.host_str().is_some_and(is_this_machine) {
        return Ok(());
    }
    if is_made_up {
        return Plaintext::read(source)?.check(source, Wire::Providers, key, "use https://");
    }
    let problem = "must be https, or on this machine: only credentials made up for a provider sandbox, `sk_test_sandbox_…` and PayPal's `sandbox-…`, may use plain HTTP";
    Err(source.invalid(key, problem))
}

/// The base of a provider's API, to which paths are appended.
pub(crate) fn api_base(source: &Source, key: &'static str, default: &str) -> Result<Url, ConfigError> {
    http_url(source.get(key).unwrap_or(default)).map_err(|problem| source.invalid(key, problem))
}

/// The problem never repeats the text, which may hold a password. A base that is accepted is printed.
pub(super) fn http_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or("must be an http or https URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must have no user name or password (`…@`): credentials have settings of their own");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end before any `?` or `#`: it is only what paths are appended to");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Settings, String> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        providers(&Source::new(settings, None).unwrap()).map_err(|errors| errors[0].to_string())
    }

    fn stripe_at(key: &str, base: &str) -> Result<Settings, String> {
        read(&[("STRIPE_SECRET_KEY", key), ("STRIPE_API_BASE", base)])
    }

    fn paypal_at(id: &str, base: &str) -> Result<Settings, String> {
        read(&[("PAYPAL_CLIENT_ID", id), ("PAYPAL_CLIENT_SECRET", "hidden"), ("PAYPAL_API_BASE", base)])
    }

    #[test]
    fn a_credential_with_a_blank_in_it_is_named_and_not_printed() {
        for wrong in ["sk_test_hidden # test", "sk_test_hid den", "sk_test_hidden\u{a0}x", "sk_test_hiddén"]
        {
            let error = stripe_at(wrong, STRIPE_API).unwrap_err();
            assert!(error.starts_with("STRIPE_SECRET_KEY") && !error.contains("hid"), "{error}");
        }
        let error = paypal_at("id # live", PAYPAL_API).unwrap_err();
        assert!(error.starts_with("PAYPAL_CLIENT_ID"), "{error}");
    }

    #[test]
    fn a_prefix_without_a_key_is_no_key() {
        for wrong in ["sk_test_", "rk_live_", "sk_test", "pk_test_1"] {
            let error = stripe_at(wrong, STRIPE_API).unwrap_err();
            assert!(error.starts_with("STRIPE_SECRET_KEY"), "{error}");
        }
    }

    #[test]
    fn a_base_with_anything_but_a_place_is_refused_and_not_printed() {
        for wrong in [
            "https://user:hidden@api.stripe.com",
            "https://hidden@api.stripe.com",
            "https://api.stripe.com?key=hidden",
            "https://api.stripe.com/#hidden",
            "hidden",
        ] {
            for (key, error) in [
                ("STRIPE_API_BASE", stripe_at("sk_test_1", wrong)),
                ("PAYPAL_API_BASE", paypal_at("id", wrong)),
            ] {
                let error = error.unwrap_err();
                assert!(error.starts_with(key) && !error.contains("hidden"), "{error}");
            }
        }
        assert!(stripe_at("sk_test_1", "https://proxy.example/stripe/").is_ok());
    }

    #[test]
    fn live_keys_never_go_over_plain_http() {
        for key in ["sk_live_hidden", "rk_live_hidden"] {
            for base in ["http://sandbox:8090", "http://127.0.0.1:8090", "http://api.stripe.com"] {
                let error = stripe_at(key, base).unwrap_err();
                assert!(error.starts_with("STRIPE_API_BASE") && !error.contains("hidden"), "{error}");
            }
            assert!(stripe_at(key, "https://api.stripe.com").is_ok());
        }
        let error = paypal_at("AbCdEf", "http://api-m.paypal.com").unwrap_err();
        assert!(error.starts_with("PAYPAL_API_BASE"), "{error}");
    }

    #[test]
    fn real_credentials_never_go_to_a_sandbox_elsewhere() {
        assert!(stripe_at("sk_test_real", "http://sandbox:8090").is_err());
        assert!(paypal_at("AbCdEf", "http://sandbox:8090").is_err());
        assert!(stripe_at("sk_test_sandbox_1", "http://sandbox:8090").is_ok());
        assert!(paypal_at("sandbox-1", "http://sandbox:8090").is_ok());
        for base in ["http://127.0.0.1:8090", "http://localhost:8090", "http://[::1]:8090"] {
            assert!(stripe_at("sk_test_1", base).is_ok() && paypal_at("id", base).is_ok(), "{base}");
        }
        for base in ["http://127.0.0.1.example", "http://localhost.example", "http://10.0.0.1"] {
            assert!(stripe_at("sk_test_1", base).is_err(), "{base}");
        }
    }
}
