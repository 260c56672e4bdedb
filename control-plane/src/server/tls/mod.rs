//! TLS 1.3 with client certificates, for every listener of a process (RFC 8446).
//!
//! The files are read again as they change, so that certificates are replaced without a restart: new connections use
//! the new ones, and open connections are asked to end, which costs no request and lets no peer stay that would be
//! refused now. Files that make no TLS change nothing.

mod files;
mod names;
mod own_peer;
mod refusals;
mod verifier;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use files::{Contents, Loaded};
pub use files::{TlsError, TlsFile, TlsSettings};
pub use names::PeerNames;
pub use own_peer::OwnPeer;
pub(crate) use refusals::REFUSED;
use refusals::{Reason, Refusals};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::life::Life;

/// How long a handshake may take: several round trips to anywhere, and far below what an unused connection is given.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the files are looked at. Two looks must agree, so that a certificate and a key that are replaced one after
/// the other are not read in between.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) const EXPIRES: &str = "tls_certificate_expires_timestamp_seconds";
pub(crate) const LOADED: &str = "tls_certificate_loads_total";

/// The TLS of a process's listeners. Clones share it.
#[derive(Clone)]
pub struct Tls {
    current: watch::Receiver<Arc<Generation>>,
    refusals: Arc<Refusals>,
}

/// The files as they were at one time.
struct Generation {
    acceptor: TlsAcceptor,
    /// Newer files are in use.
    replaced: CancellationToken,
}

impl Tls {
    /// Reads the files, and from then on follows their changes until the process ends. Must be called within a Tokio
    /// runtime.
    ///
    /// # Errors
    /// The file that is wrong, and what would be right.
    pub fn open(settings: TlsSettings, life: &Life) -> Result<Self, TlsError> {
        Refusals::show();
        metrics::counter!(LOADED, "outcome" => "failed").increment(0);
        let contents = settings.read()?;
        let (sender, current) = watch::channel(Generation::new(settings.load(&contents)?));
        let follower = Follower { settings: Arc::new(settings), judged: Ok(contents), current: sender };
        life.spawn("follower of TLS files", follower.run(life.stop().clone()));
        Ok(Self { current, refusals: Arc::default() })
    }

    /// Performs the TLS handshake. `None`: the peer was refused, which is counted and logged.
    pub(super) async fn accept(&self, stream: TcpStream, peer: SocketAddr) -> Option<Accepted> {
        let generation = self.current.borrow().clone();
        let accepting = generation.acceptor.accept(stream);
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, accepting).await {
            Ok(Ok(stream)) => Some(Accepted { stream, replaced: generation.replaced.clone() }),
            Ok(Err(error)) => {
                match Reason::of(&error) {
                    Some(reason) => self.refusals.note(reason, peer, &refusals::words(&error)),
                    None => tracing::debug!(%peer, %error, "a peer left before the TLS handshake ended"),
                }
                None
            }
            Err(_) => {
                self.refusals.note(Reason::Timeout, peer, &"the handshake took longer than five seconds");
                None
            }
        }
    }
}

/// A connection of a peer that may connect.
pub(super) struct Accepted {
    pub(super) stream: TlsStream<TcpStream>,
    /// The connection should end soon, since the peer is to prove itself to newer files.
    pub(super) replaced: CancellationToken,
}

impl Generation {
    fn new(loaded: Loaded) -> Arc<Self> {
        metrics::counter!(LOADED, "outcome" => "loaded").increment(1);
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!(EXPIRES).set(loaded.expires_at_s as f64);
        Arc::new(Self { acceptor: loaded.config.into(), replaced: CancellationToken::new() })
    }
}

/// Puts new files into use.
struct Follower {
    settings: Arc<TlsSettings>,
    /// What was last put into use or refused.
    judged: Result<Contents, TlsError>,
    current: watch::Sender<Arc<Generation>>,
}

impl Follower {
    async fn run(mut self, stop: CancellationToken) {
        let mut seen = None;
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            let settings = self.settings.clone();
            let Ok(found) = tokio::task::spawn_blocking(move || settings.read()).await else { continue };
            if found == self.judged {
                seen = None;
            } else if seen.as_ref() == Some(&found) {
                self.judge(found);
                seen = None;
            } else {
                seen = Some(found);
            }
        }
    }

    fn judge(&mut self, found: Result<Contents, TlsError>) {
        let loaded = found.as_ref().map_err(Clone::clone).and_then(|contents| self.settings.load(contents));
        match loaded {
            Ok(loaded) => {
                let expires_at_s = loaded.expires_at_s;
                let before = self.current.send_replace(Generation::new(loaded));
                before.replaced.cancel();
                tracing::info!(expires_at_s, "new TLS certificates are in use");
            }
            Err(error) => {
                metrics::counter!(LOADED, "outcome" => "failed").increment(1);
                tracing::error!(%error, "the new TLS files are unusable; the old ones stay in use");
            }
        }
        self.judged = found;
    }
}
