//! A witness: another operator's service that signs each checkpoint which continues the last one that it signed
//! (<https://c2sp.org/tlog-witness>). It keeps a log from showing two trails.

use std::fmt::Write as _;
use std::time::Duration;

use audit_proof::{Note, Path, stored_ranges};
use payments::ports::store::audit::Seal;
use payments::ports::store::{Store, StoreError};
use payments_providers::Outgoing;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

/// For one request. Sealing waits for it, payments do not.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer: more than the signatures of 16 witnesses, post-quantum ones of 5 kB included.
const ANSWER_MAX: usize = 128 * 1024;

/// Why a checkpoint has no cosignature.
#[derive(Debug, thiserror::Error)]
pub enum NotCosigned {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the witness cannot be asked")]
    Unreachable(#[from] reqwest::Error),
    #[error("the witness answered {0}")]
    Refused(StatusCode),
    #[error(
        "the witness has seen {0} records, more than there are: the database was restored from a backup, or changed"
    )]
    Ahead(u64),
    #[error("the witness returned an invalid cosignature")]
    Garbled,
    #[error("the tree is damaged")]
    Damaged,
}

/// Why no witness can be asked.
#[derive(Debug, thiserror::Error)]
pub enum NoClient {
    #[error("the machine's authorities cannot be read; OUTGOING_CA can name others")]
    Authorities(#[from] rustls::Error),
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

pub struct Witness {
    client: Client,
    url: Url,
    /// The size of the last checkpoint that it signed, as far as is known.
    size: u64,
}

impl Witness {
    /// `base`: what `/add-checkpoint` is appended to. `outgoing`: how HTTPS leaves this process.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn new(base: &Url, outgoing: &Outgoing) -> Result<Self, NoClient> {
        let client = Client::builder().timeout(PATIENCE).redirect(Policy::none());
        // Plain text needs no authorities, which the machine may lack.
        let client = match base.scheme() {
            "https" => outgoing.apply(client)?,
            _ => client.no_proxy().tls_certs_only([]),
        };
        let client = client.build()?;
        let mut url = base.clone();
        url.set_path(&format!("{}/add-checkpoint", base.path().trim_end_matches('/')));
        Ok(Self { client, url, size: 0 })
    }

    /// Whether a witness answers. It is sent no checkpoint, so there is nothing that it could sign.
    ///
    /// # Errors
    /// No answer, or one that no witness gives.
    pub async fn inspect(&self) -> Result<(), NotCosigned> {
        let answer = self.client.post(self.url.clone()).body("").send().await?;
        match answer.status() {
            // A witness refuses a malformed request, an unknown signature and an unknown start.
            StatusCode::BAD_REQUEST
            | StatusCode::FORBIDDEN
            | StatusCode::CONFLICT
            | StatusCode::UNPROCESSABLE_ENTITY => Ok(()),
            status => Err(NotCosigned::Refused(status)),
        }
    }

    /// The checkpoint with the witness's signatures beside the log's.
    ///
    /// # Errors
    /// The witness does not sign it, or cannot be asked.
    pub async fn cosigned(
        &mut self,
        store: &dyn Store,
        seal: &Seal,
        note: &Note,
    ) -> Result<Note, NotCosigned> {
        // It says in a conflict what it signed last; another process may have asked in between.
        for _ in 0..3 {
            let body = request(store, self.size.min(seal.size), seal.size, note).await?;
            let answer = self.client.post(self.url.clone()).body(body).send().await?;
            match answer.status() {
                StatusCode::OK => {
                    let signatures = text(answer).await?;
                    let cosigned = note.with_signatures(&signatures).ok_or(NotCosigned::Garbled)?;
                    self.size = seal.size;
                    return Ok(cosigned);
                }
                StatusCode::CONFLICT => {
                    self.size = text(answer).await?.trim().parse().map_err(|_| NotCosigned::Garbled)?;
                    if self.size > seal.size {
                        return Err(NotCosigned::Ahead(self.size));
                    }
                }
                status => return Err(NotCosigned::Refused(status)),
            }
        }
        Err(NotCosigned::Refused(StatusCode::CONFLICT))
    }
}

/// The body of `add-checkpoint`: the old size, the proof that the tree continues that one, and the checkpoint.
async fn request(store: &dyn Store, old: u64, size: u64, note: &Note) -> Result<String, NotCosigned> {
    let path = Path::consistency(old, size).ok_or(NotCosigned::Damaged)?;
    let known = store.audit().tree_hashes(&stored_ranges(path.needs())).await?;
    let mut body = format!("old {old}\n");
    for hash in path.hashes(&known).ok_or(NotCosigned::Damaged)? {
        // Writing to a string cannot fail.
        let _ = writeln!(body, "{hash}");
    }
    let _ = write!(body, "\n{note}");
    Ok(body)
}

async fn text(mut answer: Response) -> Result<String, NotCosigned> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > ANSWER_MAX {
            return Err(NotCosigned::Garbled);
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| NotCosigned::Garbled)
}
