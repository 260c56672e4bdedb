//! The cost of verifying a webhook: genuine and forged Stripe webhooks, compared with plain proxying of the same bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::bench_stack::{BenchStack, PLAIN};
use crate::connection::PreparedRequest;
use crate::load::Load;
use crate::replay::print;
use crate::rounds::{Comparison, compare};

/// Signatures are made once and stay valid for the whole run.
const TOLERANCE: (&str, &str) = ("WEBHOOK_TOLERANCE_SECONDS", "3600");
const DOOR: &str = "/webhooks/stripe";

pub(crate) async fn run() {
    let mut rows = Vec::new();
    for (bytes, genuine, forged) in [
        (2 * 1_024, "genuine webhooks of 2 KiB", "forged webhooks of 2 KiB"),
        (64 * 1_024, "genuine webhooks of 64 KiB", "forged webhooks of 64 KiB"),
    ] {
        rows.push((genuine, measure(bytes, 200).await));
        rows.push((forged, measure(bytes, 401).await));
    }
    print(&rows);
}

async fn measure(bytes: usize, status: u16) -> Comparison {
    let bench_stack = BenchStack::set(&[TOLERANCE], None).await;
    let secret = bench_stack.stack.setting("STRIPE_WEBHOOK_SECRETS").and_then(|all| all.split(',').next());
    let secret =
        if status == 200 { secret.expect("the stack has a secret") } else { "whsec_of_another_account" };
    let body = vec![b'x'; bytes];
    let signature = signature(secret, &body);
    let headers = [("stripe-signature", signature.as_str()), ("content-type", "application/json")];
    let load = |path, status| {
        Load::new(
            bench_stack.address(),
            vec![PreparedRequest::new("POST", path, &headers, &body, (status, false))],
        )
    };
    let (plain, webhooks) = (load(PLAIN, 200), load(DOOR, status));
    assert!(plain.try_once().await && webhooks.try_once().await, "both are answered as they should be");
    let compared = compare("webhooks", &bench_stack, &plain, &webhooks).await;
    bench_stack.stack.stop().await;
    compared
}

fn signature(secret: &str, body: &[u8]) -> String {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(format!("{now_s}.").as_bytes());
    mac.update(body);
    format!("t={now_s},v1={}", hex::encode(mac.finalize().into_bytes()))
}
