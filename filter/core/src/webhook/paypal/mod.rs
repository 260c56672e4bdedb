//! PayPal's signature: RSA over transmission id, time, webhook id and the body's CRC-32, by a key whose certificate
//! the webhook names (<https://developer.paypal.com/api/rest/webhooks/rest/#verify-signature>).
//!
//! The CRC-32 keeps no forger from changing the body, for whoever holds one signed transmission: a body with the
//! same sum is easily made. So a transmission is good for as long as PayPal repeats it and no longer, and an event is
//! a hint: what it is about is read from PayPal's own objects, disputes too.

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
