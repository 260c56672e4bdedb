//! Diagnoses a webhook of PayPal.

use anyhow::Context as _;
use edge_core::head::Head;
use edge_core::provider::Provider;
use edge_core::webhook::paypal::{
    CERT_URL, CertificateUrl, CertificateUrlError, TRANSMISSION_SIG, TRANSMISSION_TIME, Transmission,
    WebhookId,
};
use edge_core::webhook::rsa::PureRust;
use edge_core::webhook::x509::{CertificateProblem, Trust, TrustedKey};
use edge_core::webhook::{CannotVerify, Forged, VerificationError};
use jiff::Timestamp;

use super::bodies::candidates;
use super::report::VerifyReport;
use super::{Delivery, PaypalEnvironment, VerifyArgs, date, fetch, read};

const TRUST: &[u8] = include_bytes!("../../../../envoy/trust/paypal.pem");

pub(super) async fn verify(delivery: &Delivery, args: &VerifyArgs) -> anyhow::Result<VerifyReport> {
    let trust = match &args.trust {
        Some(file) => Trust::from_pem(&read(file)?).with_context(|| file.display().to_string())?,
        None => Trust::from_pem(TRUST).context("the built-in trust bundle")?,
    };
    let given = args.certificate.as_deref().map(read).transpose()?;
    let webhook_id = args.webhook_id.as_deref().unwrap_or_default();
    let mut report = VerifyReport::new(Provider::Paypal, delivery.at);
    let checks = Checks { delivery, trust, webhook_id };
    let verdict = checks.run(&mut report, args.environment, given).await;
    Ok(report.conclude(verdict))
}

struct Checks<'a> {
    delivery: &'a Delivery,
    trust: Trust,
    webhook_id: &'a str,
}

impl Checks<'_> {
    /// Runs the checks in order; the first failure determines the verdict.
    async fn run(
        &self,
        report: &mut VerifyReport,
        environment: Option<PaypalEnvironment>,
        given: Option<Vec<u8>>,
    ) -> Result<(), VerificationError> {
        let transmission = Transmission::read(Head::new(&self.delivery.headers));
        report.check("headers", transmission.as_ref(), |_| "all five, each once".to_owned());
        let transmission = transmission.inspect_err(|forged| self.header_causes(report, *forged))?;
        let time = transmission.check_time(self.delivery.at_s());
        report.check("time", time.as_ref(), |()| "PayPal may still be sending it".to_owned());
        let time = time.inspect_err(|forged| time_causes(report, *forged));

        // Continue despite a wrong time: most webhooks checked here are old.
        let rest = self.by_certificate(report, &transmission, environment, given).await;
        time?;
        rest
    }

    async fn by_certificate(
        &self,
        report: &mut VerifyReport,
        transmission: &Transmission,
        environment: Option<PaypalEnvironment>,
        given: Option<Vec<u8>>,
    ) -> Result<(), VerificationError> {
        let url = self.delivery.first(CERT_URL).map(String::from_utf8_lossy).unwrap_or_default();
        let environment = environment.unwrap_or_else(|| at_host(&url));
        let checked = check_url(&url, environment, given.is_some());
        report.check("certificate url", checked.as_ref(), |(_, detail)| detail.clone());
        let url = checked.map_err(|error| url_causes(report, &url, environment, error)).map(|(url, _)| url);

        // Continue despite a bad URL: the other checks help to identify the sender.
        let pem = match (given, &url) {
            (Some(pem), _) => pem,
            (None, Err(forged)) => return Err((*forged).into()),
            (None, Ok(url)) => {
                let fetched = fetch::certificate(url).await;
                report.check("fetch", fetched.as_ref(), |pem| format!("{} bytes", pem.len()));
                fetched.inspect_err(|_| {
                    report.cause("the certificate cannot be fetched from here; get it elsewhere and give it with --certificate");
                })?
            }
        };
        let key =
            self.trust.key_of(&pem, environment.rules().certificate_name(), self.delivery.at_s(), &PureRust);
        report.check("certificate", key.as_ref(), |key| {
            format!("{}, valid until {}", environment.rules().certificate_name(), date(key.not_after_s()))
        });
        if let Err(CannotVerify::Certificate(problem)) = &key {
            self.certificate_causes(report, &pem, environment, *problem);
        }
        let signature = match key.as_ref().ok().cloned().or_else(|| self.key_back_then(&pem)) {
            Some(key) => self.check_signature(report, transmission, &key),
            None => Ok(()),
        };
        url?;
        key?;
        signature
    }

    fn check_signature(
        &self,
        report: &mut VerifyReport,
        transmission: &Transmission,
        key: &TrustedKey,
    ) -> Result<(), VerificationError> {
        let fits = |body: &[u8], id: &str| match WebhookId::parse(id) {
            Some(id) => transmission.verify(body, &id, key, &PureRust).map(|_| ()),
            None => Err(VerificationError::Forged(Forged::SignatureMismatch)),
        };
        let verified = fits(&self.delivery.body, self.webhook_id);
        let crc32 = crc32fast::hash(&self.delivery.body);
        report.check("signature", verified.as_ref(), |()| {
            format!("fits webhook id {} and a body with CRC-32 {crc32}", self.webhook_id)
        });
        verified.inspect_err(|_| self.mismatch_causes(report, |body, id| fits(body, id).is_ok()))
    }

    /// Finds the mistake that explains a signature mismatch.
    fn mismatch_causes(&self, report: &mut VerifyReport, fits: impl Fn(&[u8], &str) -> bool) {
        let trimmed = self.webhook_id.trim();
        let upper = trimmed.to_ascii_uppercase();
        let ids = [
            (self.webhook_id, ""),
            (trimmed, "the webhook id without the white space around it"),
            (upper.as_str(), "the webhook id in capital letters"),
            (
                WebhookId::SIMULATOR,
                "the literal webhook id WEBHOOK_ID: the simulator in PayPal's dashboard sent it, which signs for no real endpoint; events of a real endpoint are signed with its id",
            ),
        ];
        for (id, how) in ids {
            if fits(&self.delivery.body, id) {
                report.cause(format!("the signature fits {how}"));
                return;
            }
        }
        let others = candidates(&self.delivery.body);
        for (id, how) in ids {
            if let Some(body) = others.iter().find(|body| fits(&body.bytes, id)) {
                let and = if how.is_empty() { "" } else { " and " };
                report.cause(format!(
                    "the signature fits the body {}{and}{how}: something rewrote the body after PayPal signed it; verify the raw bytes",
                    body.how
                ));
                return;
            }
        }
        report.cause("neither the simulator's webhook id nor any usual change of the body fits: the webhook id is probably another endpoint's (each URL of each app has its own), or the webhook is altered or forged");
        if serde_json::from_slice::<serde::de::IgnoredAny>(&self.delivery.body).is_err() {
            report.cause("the body is not JSON: it is cut off, still compressed, or not the webhook's");
        }
    }

    fn header_causes(&self, report: &mut VerifyReport, forged: Forged) {
        match forged {
            Forged::HeaderMissing(name) => {
                report
                    .cause(format!("the header {name} was lost on the way, or this is not PayPal's webhook"));
            }
            Forged::HeaderRepeated(name) => {
                report.cause(format!("the header {name} was duplicated on the way"));
            }
            Forged::HeaderMalformed { header: TRANSMISSION_SIG, .. } => {
                let length = self.delivery.first(TRANSMISSION_SIG).map_or(0, <[u8]>::len);
                report.cause(format!(
                    "{TRANSMISSION_SIG} has {length} characters, and a signature by PayPal's key has 344: it is cut off, or not base64"
                ));
            }
            Forged::Algorithm => {
                report.cause(
                    "PayPal signs only with SHA256withRSA; no other algorithm is accepted, whatever its name",
                );
            }
            Forged::HeaderMalformed { header, .. }
            | Forged::HeaderTooLong(header)
            | Forged::HeaderNotPlain(header) => {
                report.cause(format!("the header {header} was rewritten on the way, or it is forged"));
            }
            _ => {}
        }
    }

    fn certificate_causes(
        &self,
        report: &mut VerifyReport,
        pem: &[u8],
        environment: PaypalEnvironment,
        problem: CertificateProblem,
    ) {
        let name = |environment: PaypalEnvironment| environment.rules().certificate_name().to_owned();
        match problem {
            CertificateProblem::Expired { not_after_s } => {
                report.cause(format!("the certificate expired on {}", date(not_after_s)));
                if self.key_back_then(pem).is_some() {
                    report.cause("it was good when the webhook was sent");
                }
            }
            CertificateProblem::NotYetValid { not_before_s } => report.cause(format!(
                "the certificate is valid from {} on: the time of the check is too early, or the clock is slow",
                date(not_before_s)
            )),
            CertificateProblem::Name => {
                let other = environment.other();
                let is_others = self.trust.key_of(pem, &name(other), self.delivery.at_s(), &PureRust).is_ok();
                report.cause(if is_others {
                    format!("it is the certificate of the other environment; try --environment {}", other.name())
                } else {
                    format!("the certificate is not for {}: it signs no webhooks", name(environment))
                });
            }
            CertificateProblem::UnknownIssuer => report.cause("the certificate does not lead to a root of the trust bundle: PayPal has moved to another issuer (give a newer bundle with --trust), or it is not PayPal's"),
            CertificateProblem::NotPem => report.cause("what should be the certificate is something else, such as the page of a proxy"),
            _ => report.cause(format!("the certificate is not one that PayPal signs with: {problem}")),
        }
    }

    /// The key of a certificate that was valid at the webhook's own, unverified sending time: good enough to diagnose.
    fn key_back_then(&self, pem: &[u8]) -> Option<TrustedKey> {
        let sent = std::str::from_utf8(self.delivery.first(TRANSMISSION_TIME)?).ok()?;
        let sent_s = sent.parse::<Timestamp>().ok()?.as_second().try_into().ok()?;
        PaypalEnvironment::ALL.into_iter().find_map(|environment| {
            self.trust.key_of(pem, environment.rules().certificate_name(), sent_s, &PureRust).ok()
        })
    }
}

/// The environment of a URL; live if it belongs to neither.
fn at_host(url: &str) -> PaypalEnvironment {
    let elsewhere = [CertificateUrlError::Path, CertificateUrlError::TooLong];
    let at = |environment: &PaypalEnvironment| match CertificateUrl::parse(url, &environment.rules()) {
        Ok(_) => true,
        Err(error) => elsewhere.contains(&error),
    };
    PaypalEnvironment::ALL.into_iter().find(at).unwrap_or(PaypalEnvironment::Live)
}

/// Parses the URL and describes it.
///
/// With a given certificate, nothing is fetched; then a URL at PayPal but outside its certificates folder is accepted,
/// since PayPal's own published examples have such URLs.
fn check_url(
    url: &str,
    environment: PaypalEnvironment,
    certificate_is_given: bool,
) -> Result<(CertificateUrl, String), Forged> {
    let rules = environment.rules();
    let at = |url: &CertificateUrl| format!("at {} ({})", url.authority(), environment.name());
    match CertificateUrl::parse(url, &rules) {
        Ok(url) => {
            let detail = at(&url);
            Ok((url, detail))
        }
        Err(CertificateUrlError::Path) if certificate_is_given => {
            let (origin, name) = url.split_once("/v1/notifications/").ok_or(CertificateUrlError::Path)?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(CertificateUrlError::Path.into());
            }
            let beside = format!("{origin}/v1/notifications/certs/CERT-00000000-00000000-00000000");
            let beside = CertificateUrl::parse(&beside, &rules)?;
            let detail = format!(
                "{}, but not among PayPal's certificates: the gateway would refuse it (401); ignored since --certificate is given",
                at(&beside)
            );
            Ok((beside, detail))
        }
        Err(error) => Err(error.into()),
    }
}

fn time_causes(report: &mut VerifyReport, forged: Forged) {
    report.cause(match forged {
        Forged::TooNew { .. } => {
            "it was sent after the time of the check: that is too early (see --at), or the clock is slow"
        }
        _ => "PayPal retries a webhook for three days: this is an old delivery (give its time with --at), or a replay",
    });
}

fn url_causes(
    report: &mut VerifyReport,
    url: &str,
    environment: PaypalEnvironment,
    forged: Forged,
) -> Forged {
    let other = environment.other();
    if CertificateUrl::parse(url, &other.rules()).is_ok() {
        report.cause(format!(
            "the certificate is in PayPal's {} environment, so the webhook is, too; try --environment {}",
            other.name(),
            other.name()
        ));
    } else {
        report.cause("the certificate's URL is not PayPal's: the webhook is forged, or something rewrote it");
    }
    forged
}
