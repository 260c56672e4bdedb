//! An attacker who controls Redis or the network to it: a server that speaks Redis' protocol and replies as configured.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The reply to claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FakeReply {
    /// Grants every claim. Completions are recorded, but never found again.
    Start,
    /// Replays this answer, in its stored form.
    Replay(String),
    /// The key stands for this fingerprint and had this answer; empty while it is in progress.
    Mismatch(String, String),
    /// Always in flight.
    InFlight,
    /// Not a verdict.
    Nonsense,
}

/// A completed answer, as the attacker receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    pub key: String,
    pub sealed: String,
}

#[derive(Debug)]
pub struct HostileRedis {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    reply: FakeReply,
    claimed: Vec<String>,
    stored: Vec<StoredAnswer>,
}

impl HostileRedis {
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state =
            Arc::new(Mutex::new(State { reply: FakeReply::Start, claimed: Vec::new(), stored: Vec::new() }));
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
        if client.write_all(reply.as_bytes()).await.is_err() {
            break;
        }
    }
}

/// An array of bulk strings, the only form that clients send.
async fn command(client: &mut BufReader<TcpStream>) -> io::Result<Vec<String>> {
    let length = number(client, b'*').await?;
    let mut parts = Vec::new();
    for _ in 0..length {
        let mut part = vec![0; number(client, b'$').await? + 2];
        client.read_exact(&mut part).await?;
        part.truncate(part.len() - 2);
        parts.push(String::from_utf8_lossy(&part).into_owned());
    }
    Ok(parts)
}

async fn number(client: &mut BufReader<TcpStream>, kind: u8) -> io::Result<usize> {
    let mut line = String::new();
    client.read_line(&mut line).await?;
    let number = line.strip_prefix(char::from(kind)).and_then(|number| number.trim_end().parse().ok());
    number.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

impl State {
    fn response(&mut self, command: &[String]) -> String {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words[..] {
            ["HELLO", ..] => format!("%1\r\n{}:3\r\n", bulk("proto")),
            // A claim: key; fingerprint, lease, retention. Probes are granted.
            ["EVALSHA" | "EVAL", _, "1", key, fingerprint, _, _] => {
                self.claimed.push(fingerprint.to_owned());
                if key.ends_with(":ready") { verdict(&FakeReply::Start) } else { verdict(&self.reply) }
            }
            // A completion: keys of the scope and the client; fence, the sealed answer, …
            ["EVALSHA" | "EVAL", _, "2", key, _, _, response, ..] => {
                self.stored.push(StoredAnswer { key: key.to_owned(), sealed: response.to_owned() });
                ":1\r\n".to_owned()
            }
            ["EVALSHA" | "EVAL", ..] => ":1\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        }
    }
}

fn verdict(reply: &FakeReply) -> String {
    match reply {
        FakeReply::Start => format!("*2\r\n{}:1764000000000000\r\n", bulk("start")),
        FakeReply::Replay(response) => format!("*2\r\n{}{}", bulk("replay"), bulk(response)),
        FakeReply::Mismatch(fingerprint, record) => {
            format!("*3\r\n{}{}{}", bulk("mismatch"), bulk(fingerprint), bulk(record))
        }
        FakeReply::InFlight => format!("*2\r\n{}:15000000\r\n", bulk("in_flight")),
        FakeReply::Nonsense => "$5\r\nhello\r\n".to_owned(),
    }
}
