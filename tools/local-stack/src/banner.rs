//! What to show about a gateway that has become ready.

use std::path::Path;

use local_stack::{DEMO_KEY, Destination, Destinations, Stack};

pub(crate) fn of(stack: &Stack, providers: &Destinations) -> String {
    let gateway = stack.gateway_url();
    let certificate = stack.setting("TLS_CERTIFICATE").map_or(String::new(), shown);
    // The sandbox's vault ids are unknown to the real PayPal, which sends the payer to an approval page.
    let paypal = match providers.paypal {
        Destination::Sandbox => r#""paymentMethodId":"vault-ok""#,
        Destination::Given(_) => r#""returnUrl":"https://example.com/back""#,
    };
    format!(
        "
  gateway         {gateway}  (its API: {gateway}/docs)
                  {tls}  (TLS 1.3; curl --cacert {certificate})
  Envoy admin     {admin}  (metrics: {stats}/stats/prometheus)
  control plane   {control_plane}
  sandbox         {sandbox}  (what was charged: {sandbox}/_sandbox/ledger)
  checkout page   {sandbox}/_sandbox/checkout  (open it in a browser)
  Stripe calls    {stripe_calls}
  PayPal calls    {paypal_calls}
  state and logs  {run_dir}

A charge of 49.99 USD with Stripe, and one with PayPal:

{stripe_charge}

{paypal_charge}
",
        tls = stack.gateway_tls_url(),
        admin = stack.admin_url(),
        stats = stack.stats_url(),
        control_plane = stack.control_plane_url(),
        sandbox = stack.sandbox_url(),
        stripe_calls = providers.stripe,
        paypal_calls = providers.paypal,
        run_dir = shown(&stack.run_dir().path().display().to_string()),
        stripe_charge = charge(&gateway, "stripe", r#""paymentMethodId":"pm_card_visa""#),
        paypal_charge = charge(&gateway, "paypal", paypal),
    )
}

fn charge(gateway: &str, provider: &str, rest: &str) -> String {
    format!(
        "  curl {gateway}/payments/charge \\
    -H 'Authorization: Bearer {DEMO_KEY}' -H 'Content-Type: application/json' \\
    -H \"Idempotency-Key: {provider}-$(date +%s)\" \\
    -d '{{\"provider\":\"{provider}\",\"amount\":4999,\"currency\":\"USD\",{rest}}}'"
    )
}

/// A path relative to the current folder.
fn shown(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    Path::new(path).strip_prefix(here).unwrap_or(Path::new(path)).display().to_string()
}
