//! An attacker who controls Redis or the network to it: a server that speaks Redis' protocol and replies as configured.
//! It even knows the keys under which answers are encrypted, so that the seals alone are left to stop it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use control_plane::cache::AnswerCipher;
use edge_core::attestation::Keys;
use edge_core::idempotency::{Scope, SealedAnswer};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The reply to claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FakeReply {
    /// Grants every claim. Completions are recorded, but never found again.
    Start,
    /// Replays this answer, in JSON.
    Replay(String),
    /// The key stands for this fingerprint and had this answer in JSON; empty while it is in progress.
    Mismatch(String, String),
    /// Always in flight.
    InFlight,
    /// Not a verdict.
    Nonsense,
}

/// A completed answer, as the attacker reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    pub key: String,
    /// In JSON.
    pub sealed: String,
}

#[derive(Debug)]
pub struct HostileRedis {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    acceptor: JoinHandle<()>,
}

struct State {
    cipher: AnswerCipher,
    reply: FakeReply,
    claimed: Vec<String>,
    stored: Vec<StoredAnswer>,
}

impl HostileRedis {
    /// # Panics
    /// If there is no free port, or `keys` is not a list of attestation keys.
    pub async fn start(keys: &str) -> Self {
        let cipher = AnswerCipher::new(&Keys::parse(keys).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            cipher,
            reply: FakeReply::Start,
            claimed: Vec::new(),
            stored: Vec::new(),
        }));
        let shared = state.clone();
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, shared.clone()));
            }
        });
        Self { address, state, acceptor }
    }

    #[must_use]
    pub fn uri(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub fn reply_with(&self, reply: FakeReply) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).reply = reply;
    }

    /// The fingerprints of the claims so far, in order.
    #[must_use]
    pub fn claimed(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).claimed.clone()
    }

    /// The answers so far, in order.
    #[must_use]
    pub fn stored(&self) -> Vec<StoredAnswer> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stored.clone()
    }
}

impl Drop for HostileRedis {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Ends when the client disconnects or sends no valid command.
async fn connection(client: TcpStream, state: Arc<Mutex<State>>) {
    let _ = client.set_nodelay(true);
    let mut client = BufReader::new(client);
    while let Ok(command) = command(&mut client).await {
        let reply = state.lock().unwrap_or_else(PoisonError::into_inner).response(&command);
        if client.write_all(&reply).await.is_err() {
            break;
        }
    }
}

/// An array of bulk strings, the only form that clients send.
async fn command(client: &mut BufReader<TcpStream>) -> io::Result<Vec<Vec<u8>>> {
    let length = number(client, b'*').await?;
    let mut parts = Vec::new();
    for _ in 0..length {
        let mut part = vec![0; number(client, b'$').await? + 2];
        client.read_exact(&mut part).await?;
        part.truncate(part.len() - 2);
        parts.push(part);
    }
    Ok(parts)
}

async fn number(client: &mut BufReader<TcpStream>, kind: u8) -> io::Result<usize> {
    let mut line = String::new();
    client.read_line(&mut line).await?;
    let number = line.strip_prefix(char::from(kind)).and_then(|number| number.trim_end().parse().ok());
    number.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn bulk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The scope in the key of a record.
fn scope(key: &str) -> Option<Scope> {
    Scope::from_hex(key.rsplit(':').next()?)
}

impl State {
    fn response(&mut self, command: &[Vec<u8>]) -> Vec<u8> {
        let words: Vec<_> = command.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        match words[..] {
            ["HELLO", ..] => [b"%1\r\n".to_vec(), bulk("proto"), b":3\r\n".to_vec()].concat(),
            // A claim: key; fingerprint, lease, retention. Probes are granted.
            ["EVALSHA" | "EVAL", _, "1", key, fingerprint, _, _] => {
                self.claimed.push(fingerprint.to_owned());
                if key.ends_with(":ready") {
                    self.verdict(key, &FakeReply::Start)
                } else {
                    self.verdict(key, &self.reply)
                }
            }
            // A completion: keys of the scope and the client; fence, the encrypted answer, …
            ["EVALSHA" | "EVAL", _, "2", key, _, _, _, ..] => {
                let answer = command.get(6).map(Vec::as_slice).unwrap_or_default();
                let sealed = scope(key).and_then(|scope| self.cipher.decrypt(&scope, answer));
                let sealed = sealed.map(|answer| serde_json::to_string(&answer).unwrap());
                self.stored.push(StoredAnswer { key: key.to_owned(), sealed: sealed.unwrap_or_default() });
                b":1\r\n".to_vec()
            }
            ["EVALSHA" | "EVAL", ..] => b":1\r\n".to_vec(),
            _ => b"+OK\r\n".to_vec(),
        }
    }

    /// An answer as it would be stored under this key; what is no answer stays as it is.
    fn encrypted(&self, key: &str, json: &str) -> Vec<u8> {
        let encrypt = || {
            let answer = serde_json::from_str::<SealedAnswer>(json).ok()?;
            self.cipher.encrypt(&scope(key)?, &answer)
        };
        encrypt().unwrap_or_else(|| json.as_bytes().to_vec())
    }

    fn verdict(&self, key: &str, reply: &FakeReply) -> Vec<u8> {
        match reply {
            FakeReply::Start => {
                [b"*2\r\n".to_vec(), bulk("start"), b":1764000000000000\r\n".to_vec()].concat()
            }
            FakeReply::Replay(answer) => {
                [b"*2\r\n".to_vec(), bulk("replay"), bulk(self.encrypted(key, answer))].concat()
            }
            FakeReply::Mismatch(fingerprint, answer) => {
                let answer = bulk(self.encrypted(key, answer));
                [b"*3\r\n".to_vec(), bulk("mismatch"), bulk(fingerprint), answer].concat()
            }
            FakeReply::InFlight => {
                [b"*2\r\n".to_vec(), bulk("in_flight"), b":15000000\r\n".to_vec()].concat()
            }
            FakeReply::Nonsense => b"$5\r\nhello\r\n".to_vec(),
        }
    }
}

/// Without keys and answers.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("claimed", &self.claimed.len()).finish_non_exhaustive()
    }
}
