//! Failed TLS handshakes: counted by reason, and logged within bounds.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::{CertificateError, Error, PeerIncompatible};

use super::verifier::NotAllowed;

pub(crate) const REFUSED: &str = "tls_connections_refused_total";

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reason {
    /// The peer offers no TLS 1.3.
    Version,
    NoCertificate,
    /// No authority of ours issued the certificate.
    Authority,
    Expired,
    /// The certificate is genuine, but none of its names may connect.
    Name,
    /// The certificate is unusable for another reason.
    Certificate,
    /// The peer does not accept our certificate, or nothing that we offer.
    ByPeer,
    /// What came is not TLS.
    NotTls,
    Timeout,
    Other,
}

impl Reason {
    const ALL: [Self; 10] = [
        Self::Version,
        Self::NoCertificate,
        Self::Authority,
        Self::Expired,
        Self::Name,
        Self::Certificate,
        Self::ByPeer,
        Self::NotTls,
        Self::Timeout,
        Self::Other,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::NoCertificate => "no_certificate",
            Self::Authority => "authority",
            Self::Expired => "expired",
            Self::Name => "name",
            Self::Certificate => "certificate",
            Self::ByPeer => "by_peer",
            Self::NotTls => "not_tls",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }

    /// `None`: the peer only left, as probes of load balancers do that open a connection and close it.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        let Some(error) = of_tls(error) else {
            let is_gone = matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            );
            return (!is_gone).then_some(Self::Other);
        };
        Some(match error {
            Error::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::SupportedVersionsExtensionRequired,
            ) => Self::Version,
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::InvalidCertificate(problem) => Self::of_certificate(problem),
            Error::AlertReceived(_) => Self::ByPeer,
            Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => Self::NotTls,
            _ => Self::Other,
        })
    }

    fn of_certificate(problem: &CertificateError) -> Self {
        match problem {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Authority,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Expired,
            CertificateError::Other(other) if other.0.is::<NotAllowed>() => Self::Name,
            _ => Self::Certificate,
        }
    }
}

fn of_tls(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// The error in words; rustls shows what is wrong with a certificate in the form for programmers.
pub(super) fn words(error: &io::Error) -> String {
    match of_tls(error) {
        Some(Error::InvalidCertificate(CertificateError::Other(problem))) => problem.0.to_string(),
        _ => error.to_string(),
    }
}

/// The pause between two log lines for one reason: a port scan must not fill the log.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// One entry for each [`Reason`]: its last line, and what was not logged since.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<Reason, (Instant, u64)>>);

impl Refusals {
    /// Creates every counter at 0, since the first increase of a counter that starts above 0 is invisible.
    pub(super) fn show() {
        for reason in Reason::ALL {
            metrics::counter!(REFUSED, "reason" => reason.name()).increment(0);
        }
    }

    pub(super) fn note(&self, reason: Reason, peer: SocketAddr, error: &dyn std::fmt::Display) {
        metrics::counter!(REFUSED, "reason" => reason.name()).increment(1);
        if let Some(unlogged) = self.turn(reason) {
            let reason = reason.name();
            tracing::warn!(%peer, reason, %error, unlogged, "a TLS connection was refused");
        }
    }

    /// How many refusals for this reason were not logged, if this one may be.
    fn turn(&self, reason: Reason) -> Option<u64> {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match logged.get_mut(&reason) {
            Some((at, unlogged)) if at.elapsed() < LOG_EVERY => {
                *unlogged = unlogged.saturating_add(1);
                None
            }
            _ => Some(logged.insert(reason, (Instant::now(), 0)).map_or(0, |(_, unlogged)| unlogged)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_refusals_is_counted_in_the_next_line_instead_of_logged() {
        let refusals = Refusals::default();
        assert_eq!(refusals.turn(Reason::Name), Some(0));
        assert_eq!((refusals.turn(Reason::Name), refusals.turn(Reason::Name)), (None, None));
        assert_eq!(refusals.turn(Reason::Version), Some(0), "each reason has its own line");
        std::thread::sleep(LOG_EVERY);
        assert_eq!(refusals.turn(Reason::Name), Some(2));
    }

    #[test]
    fn a_peer_that_only_leaves_is_no_refusal() {
        for gone in [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset] {
            assert_eq!(Reason::of(&gone.into()), None);
        }
        assert_eq!(Reason::of(&io::ErrorKind::OutOfMemory.into()), Some(Reason::Other));
    }
}
