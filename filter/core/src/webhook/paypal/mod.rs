//! PayPal's signature: RSA over transmission id, time, webhook id and the body's CRC-32, by a key whose certificate
//! the webhook names (<https://developer.paypal.com/api/rest/webhooks/rest/#verify-signature>).
//!
//! The CRC-32 does not stop a forger who holds one signed transmission from changing the body: a body with the same
//! checksum is easily made. So a transmission is accepted only as long as PayPal retries it, and an event is only a
//! hint: the facts are read from PayPal's own objects, including disputes.

mod certificate_cache;
mod certificate_url;
mod certificate_waiters;
mod environment;
mod shared_certificates;
mod transmission;

pub use certificate_cache::{CertificateCache, Lookup};
pub use certificate_url::{CertificateUrl, CertificateUrlError};
pub use certificate_waiters::CertificateWaiters;
pub use environment::{Environment, EnvironmentError};
pub use shared_certificates::SharedCertificates;
pub use transmission::{
    AUTH_ALGO, CERT_URL, SENT_WITHIN_S, TRANSMISSION_ID, TRANSMISSION_SIG, TRANSMISSION_TIME, Transmission,
    WebhookId,
};
