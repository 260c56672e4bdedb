//! A webhook at the edge: its head, and the verification of its signature.

use super::{Exchange, HostAction, Request, Stage};
use crate::attestation;
use crate::config::EdgeConfig;
use crate::error::ErrorCode;
use crate::head::Head;
use crate::provider::Provider;
use crate::rejection::Rejection;
use crate::webhook::paypal::{CertificateUrl, Transmission};
use crate::webhook::rsa::VerifyRsa;
use crate::webhook::stripe::Signed;
use crate::webhook::x509::TrustedKey;
use crate::webhook::{CannotVerify, VerificationError};

/// How long a provider should wait before it redelivers a webhook that could not be verified. Providers follow their
/// own schedule.
const RETRY_S: u32 = 30;

/// A webhook whose head is valid.
#[derive(Debug)]
pub(super) enum Webhook {
    Stripe(Signed),
    Paypal(Transmission, CertificateUrl),
}

/// The name of a valid signature in metrics and the access log, beside those of [`VerificationError::reason`].
const VERIFIED: &str = "verified";
const NOT_CONFIGURED: &str = "not_configured";

/// Why a webhook is rejected, for the caller and for the log.
pub(super) struct WebhookRejection {
    rejection: Rejection,
    reason: &'static str,
}

impl Webhook {
    /// Rejects what can be rejected before the body has arrived.
    pub(super) fn read(
        provider: Provider,
        head: Head<'_>,
        config: &EdgeConfig,
        now_s: u64,
    ) -> Result<Self, WebhookRejection> {
        let webhooks = &config.webhooks;
        match provider {
            Provider::Stripe if webhooks.stripe.is_some() => Ok(Self::Stripe(
                Signed::read(head, now_s, webhooks.tolerance_s).map_err(VerificationError::from)?,
            )),
            Provider::Paypal => {
                let Some(paypal) = &webhooks.paypal else { return Err(not_configured(provider)) };
                let transmission = Transmission::read(head).map_err(VerificationError::from)?;
                transmission.check_time(now_s).map_err(VerificationError::from)?;
                let url =
                    transmission.certificate_url(&paypal.environment).map_err(VerificationError::from)?;
                Ok(Self::Paypal(transmission, url))
            }
            Provider::Stripe => Err(not_configured(provider)),
        }
    }
}

/// A webhook that waits for a certificate. Only the checksums of its body, which may be long, are kept.
#[derive(Debug)]
pub(super) struct Awaiting {
    request: Box<Request>,
    transmission: Transmission,
    body_crc32: u32,
    body_sha256: [u8; 32],
}

impl Exchange {
    /// The certificate of [`HostAction::Certificate`]: its trusted key, or why there is none.
    pub fn on_certificate(
        &mut self,
        key: Result<&TrustedKey, CannotVerify>,
        rsa: &impl VerifyRsa,
        config: &EdgeConfig,
        now_s: u64,
    ) -> HostAction {
        let Awaiting { request, transmission, body_crc32, body_sha256 } =
            match std::mem::take(&mut self.stage) {
                Stage::Awaiting(awaiting) => *awaiting,
                other => {
                    self.stage = other;
                    return self.after_decision();
                }
            };
        let verified = verify_paypal(&transmission, body_crc32, key, rsa, config);
        self.on_verified(request, verified.map(|provider| (provider, body_sha256)), config, now_s)
    }

    pub(super) fn on_webhook(
        &mut self,
        request: Box<Request>,
        webhook: Webhook,
        body: &[u8],
        config: &EdgeConfig,
        now_s: u64,
    ) -> HostAction {
        let sha256 = || attestation::Request::new(&request.method, &request.path, body).body_sha256;
        match webhook {
            Webhook::Stripe(signed) => {
                let verified = verify_stripe(&signed, body, config);
                let verified = verified.map(|provider| (provider, sha256()));
                self.on_verified(request, verified, config, now_s)
            }
            Webhook::Paypal(transmission, url) => {
                let (body_crc32, body_sha256) = (crc32fast::hash(body), sha256());
                let awaiting = Awaiting { request, transmission, body_crc32, body_sha256 };
                self.stage = Stage::Awaiting(Box::new(awaiting));
                HostAction::Certificate(url)
            }
        }
    }

    /// `verified`: the provider, and the SHA-256 of the body.
    fn on_verified(
        &mut self,
        mut request: Box<Request>,
        verified: Result<(Provider, [u8; 32]), WebhookRejection>,
        config: &EdgeConfig,
        now_s: u64,
    ) -> HostAction {
        match verified {
            Ok((provider, body_sha256)) => {
                self.signature = Some(VERIFIED);
                request.statement.webhook = Some(provider);
                self.forward(&request, body_sha256, config, now_s)
            }
            Err(webhook) => {
                let rejection = self.note_rejection(webhook);
                self.reject(rejection, Some(request.statement.request_id))
            }
        }
    }

    pub(super) fn note_rejection(&mut self, webhook: WebhookRejection) -> Rejection {
        self.signature = Some(webhook.reason);
        webhook.rejection
    }
}

/// Verifies that Stripe signed this body.
fn verify_stripe(signed: &Signed, body: &[u8], config: &EdgeConfig) -> Result<Provider, WebhookRejection> {
    let Some(secrets) = &config.webhooks.stripe else { return Err(not_configured(Provider::Stripe)) };
    signed.verify(secrets, body).map_err(VerificationError::from)?;
    Ok(Provider::Stripe)
}

/// Verifies that PayPal signed a body with this checksum, with the key of the certificate that the transmission names.
fn verify_paypal(
    transmission: &Transmission,
    body_crc32: u32,
    key: Result<&TrustedKey, CannotVerify>,
    rsa: &impl VerifyRsa,
    config: &EdgeConfig,
) -> Result<Provider, WebhookRejection> {
    let Some(paypal) = &config.webhooks.paypal else { return Err(not_configured(Provider::Paypal)) };
    transmission.verify_sum(body_crc32, &paypal.webhook_id, key.map_err(VerificationError::from)?, rsa)?;
    Ok(Provider::Paypal)
}

fn not_configured(provider: Provider) -> WebhookRejection {
    let message =
        format!("webhooks of {provider} cannot be checked here: the gateway does not know its secret or id");
    let rejection = Rejection::new(ErrorCode::SignatureUnverifiable, message).retry_after(RETRY_S);
    WebhookRejection { rejection, reason: NOT_CONFIGURED }
}

impl From<VerificationError> for WebhookRejection {
    fn from(error: VerificationError) -> Self {
        let rejection = Rejection::new(error.code(), error.to_string());
        let rejection = match error {
            VerificationError::Forged(_) => rejection,
            VerificationError::CannotVerify(_) => rejection.retry_after(RETRY_S),
        };
        Self { rejection, reason: error.reason() }
    }
}
