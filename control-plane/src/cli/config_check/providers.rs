//! Tries each provider's address and credentials. Without effect there.

use std::sync::Arc;

use payments::causes::with_causes;
use payments::ports::clock::SystemClock;
use payments_providers::{Fault, Settings, TransportError, inspect_paypal, inspect_stripe};

use super::CheckReport;

/// A provider, with the settings named in its error messages.
struct CheckedProvider {
    about: &'static str,
    base_key: &'static str,
    base: String,
    credentials: &'static str,
    /// `test` or `live` followed by a space, or nothing.
    mode: &'static str,
}

pub(super) async fn providers(settings: Settings, report: &mut CheckReport) {
    let Settings { stripe, paypal, timeouts, .. } = settings;
    if stripe.is_none() && paypal.is_none() {
        report.warn("providers", "none is configured: STRIPE_SECRET_KEY, or PAYPAL_CLIENT_ID and its secret");
    }
    if let Some(stripe) = stripe {
        let place = CheckedProvider {
            about: "Stripe",
            base_key: "STRIPE_API_BASE",
            base: stripe.api_base.to_string(),
            credentials: "STRIPE_SECRET_KEY",
            mode: if stripe.is_live() { "live " } else { "test " },
        };
        place.tell(inspect_stripe(stripe, timeouts, Arc::new(SystemClock)).await, report);
    }
    if let Some(paypal) = paypal {
        let place = CheckedProvider {
            about: "PayPal",
            base_key: "PAYPAL_API_BASE",
            base: paypal.api_base.to_string(),
            credentials: "PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET",
            mode: "",
        };
        place.tell(inspect_paypal(paypal, timeouts, Arc::new(SystemClock)).await, report);
    }
}

impl CheckedProvider {
    fn tell(&self, found: Result<Option<Fault>, TransportError>, report: &mut CheckReport) {
        let Self { about, base_key, base, credentials, mode } = self;
        let wrong = match found {
            Ok(None) => return report.good(about, format!("{base} takes the {mode}credentials")),
            Ok(Some(Fault::Credentials(problem))) => format!("{credentials}: {base}: {problem}"),
            Ok(Some(Fault::Address(problem) | Fault::Passing(problem))) => {
                format!("{base_key}: {base}: {problem}")
            }
            Err(error) => with_causes(&error),
        };
        report.bad(about, wrong);
    }
}
