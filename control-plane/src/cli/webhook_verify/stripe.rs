//! Diagnoses a webhook of Stripe.

use edge_core::head::Head;
use edge_core::provider::Provider;
use edge_core::webhook::stripe::{HEADER, Secrets, Signed};
use edge_core::webhook::{Forged, VerificationError};

use super::bodies::candidates;
use super::report::VerifyReport;
use super::{Delivery, date};

pub(super) fn verify(delivery: &Delivery, secrets: &[String], tolerance_s: u64) -> VerifyReport {
    let mut report = VerifyReport::new(Provider::Stripe, delivery.at);
    let head = Head::new(&delivery.headers);
    let now_s = delivery.at_s();

    let fresh = Signed::read(head, now_s, tolerance_s);
    let signed = report.check("header", Signed::read(head, now_s, u64::MAX), |signed| {
        format!("signed at {}", date(signed.at_s()))
    });
    if let Some(signed) = &signed {
        let time = fresh.as_ref().map_err(Clone::clone);
        let ok = report.check("time", time, |_| format!("within {tolerance_s} s of {}", delivery.at));
        let off = now_s.abs_diff(signed.at_s());
        match ok {
            None if signed.at_s() < now_s => report.cause(format!(
                "it was signed {off} s before the time of this check: this is an old delivery (give its time with --at) or a replay, or the clock is {off} s fast"
            )),
            None => report.cause(format!(
                "it was signed {off} s after the time of this check: the clock is {off} s slow"
            )),
            Some(_) => {}
        }
    } else {
        header_causes(&mut report, delivery);
    }

    let usable = report.check("secrets", Secrets::new(secrets.iter().map(String::as_str)), |_| {
        format!("{} given", secrets.len())
    });
    let fits = |signed: &Signed, secret: &str, body: &[u8]| {
        Secrets::new([secret]).is_ok_and(|secret| signed.verify(&secret, body).is_ok())
    };
    let mut verdict = fresh.as_ref().map(|_| ()).map_err(|forged| VerificationError::from(*forged));
    if let Some(signed) = &signed {
        let verified = match &usable {
            Some(secrets) => signed.verify(secrets, &delivery.body),
            None => Err(Forged::SignatureMismatch),
        };
        if verdict.is_ok() {
            verdict = verified.as_ref().map(|_| ()).map_err(|forged| VerificationError::from(*forged));
        }
        let which = secrets.iter().position(|secret| fits(signed, secret, &delivery.body)).unwrap_or(0) + 1;
        let ok = report.check("signature", verified, |_| format!("fits the body and secret {which}"));
        if ok.is_none() {
            mismatch_causes(&mut report, delivery, signed, secrets, fits);
        } else if verdict.is_err() {
            report.cause("the signature fits body and secret; only the time is wrong");
        }
    }
    report.conclude(verdict)
}

/// Finds the reason why the header is unreadable.
fn header_causes(report: &mut VerifyReport, delivery: &Delivery) {
    let lines = delivery.headers.iter().filter(|(name, _)| name == HEADER).count();
    let Some(value) = delivery.first(HEADER) else {
        report.cause("the header Stripe-Signature was lost on the way, or this is not Stripe's webhook");
        return;
    };
    if lines > 1 {
        report.cause("the header Stripe-Signature was duplicated on the way");
        return;
    }
    let value = String::from_utf8_lossy(value);
    let all = |key: &'static str| {
        value
            .split(',')
            .filter_map(move |part| part.split_once('=').filter(|(name, _)| *name == key))
            .map(|(_, v)| v)
    };
    match (all("t").next(), all("t").count()) {
        (None, _) => report.cause("the header has no `t=`: its beginning is cut off"),
        (Some(time), 1) if time.is_empty() || !time.bytes().all(|b| b.is_ascii_digit()) => {
            report.cause("the header's `t=` is not a number: it is forged, or was rewritten on the way");
        }
        (Some(_), 1) => {}
        (Some(_), _) => {
            report.cause("the header has more than one `t=`: two headers were joined, or it is forged");
        }
    }
    if value.contains(", ") || value.contains(" ,") {
        report.cause("the header has spaces at its commas: it was rewritten on the way");
    }
    if all("v1").next().is_none() {
        report.cause(if all("v0").next().is_some() {
            "the header has a test signature (`v0=`) only, which proves nothing; `v1=` is missing"
        } else {
            "the header has no `v1=`: its end is cut off"
        });
    }
    for digits in all("v1") {
        if digits.len() < 64 {
            let length = digits.len();
            report.cause(format!("a `v1` has {length} of 64 hex digits: the header is cut off"));
        } else if digits.bytes().any(|b| b.is_ascii_uppercase()) {
            report.cause("a `v1` is in capital letters, which Stripe never writes");
        } else if digits.len() > 64 {
            report.cause("a `v1` has more than 64 hex digits: something has been joined to it");
        }
    }
}

/// Finds the mistake that explains a signature mismatch.
fn mismatch_causes(
    report: &mut VerifyReport,
    delivery: &Delivery,
    signed: &Signed,
    secrets: &[String],
    fits: impl Fn(&Signed, &str, &[u8]) -> bool,
) {
    let others = candidates(&delivery.body);
    for (n, secret) in (1..).zip(secrets) {
        for (how, secret) in variants(secret) {
            if fits(signed, &secret, &delivery.body) {
                report.cause(format!("the signature fits secret {n} {how}"));
                return;
            }
        }
        let variants = variants(secret).into_iter().map(|(how, secret)| (format!(" {how}"), secret));
        for (spelt, secret) in std::iter::once((String::new(), secret.clone())).chain(variants) {
            if let Some(body) = others.iter().find(|body| fits(signed, &secret, &body.bytes)) {
                report.cause(format!(
                    "the signature fits secret {n}{spelt} and the body {}: something rewrote the body after Stripe signed it; verify the raw bytes",
                    body.how
                ));
                return;
            }
        }
    }
    report.cause(format!(
        "{} given fits, nor does any usual change of the body: the secret is probably another endpoint's (each has its own, and so has `stripe listen`), or one that was rolled",
        if secrets.len() == 1 { "the secret" } else { "none of the secrets" }
    ));
    match serde_json::from_slice::<Event>(&delivery.body) {
        Ok(Event { livemode: Some(live) }) => {
            let (this, other) = if live { ("live", "test") } else { ("test", "live") };
            report.cause(format!(
                "the event is of {this} mode: a secret of the {other} mode's endpoint does not fit it"
            ));
        }
        Ok(_) => {}
        Err(_) => report
            .cause("the body is not a JSON object: it is cut off, still compressed, or not the webhook's"),
    }
}

#[derive(serde::Deserialize)]
struct Event {
    livemode: Option<bool>,
}

/// Likely intended secrets, each with a description of the mistake.
fn variants(secret: &str) -> Vec<(&'static str, String)> {
    let trimmed = secret.trim();
    let unquoted = trimmed.trim_matches(['"', '\'']);
    let mut all = vec![
        ("without the white space around it", trimmed.to_owned()),
        ("without the quotes around it", unquoted.to_owned()),
        ("with `whsec_` before it, which belongs to it", format!("whsec_{unquoted}")),
    ];
    if let Some(rest) = unquoted.strip_prefix("whsec_") {
        all.push(("without its `whsec_`: the signer has left that out", rest.to_owned()));
    }
    all.retain(|(_, variant)| variant != secret);
    all
}
