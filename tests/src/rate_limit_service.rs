//! A rate limit service with Envoy's protocol (gRPC, `envoy.service.ratelimit.v3`), which several Envoys can share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, server};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Its behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Allows every request.
    Generous,
    /// Allows each client this many requests from now on.
    Budget(u32),
    /// Never answers.
    Silent,
}

/// Ends when dropped.
#[derive(Debug)]
pub struct RateLimitService {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    /// The number of requests of each client since the behaviour changed.
    asked: HashMap<String, u32>,
}

impl RateLimitService {
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { behaviour: Behaviour::Generous, asked: HashMap::new() }));
        let shared = state.clone();
        let acceptor = tokio::spawn(async move {
            // Ends with this task.
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, shared.clone()));
            }
        });
        Self { address, state, acceptor }
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, behaviour: Behaviour) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) =
            State { behaviour, asked: HashMap::new() };
    }

    /// How many requests it received for this client since its behaviour changed.
    #[must_use]
    pub fn asked(&self, client: &str) -> u32 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked.get(client).copied().unwrap_or_default()
    }
}

impl Drop for RateLimitService {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn serve(connection: TcpStream, state: Arc<Mutex<State>>) {
    let Ok(mut connection) = server::handshake(connection).await else { return };
    let mut calls = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        calls.spawn(call(request, respond, state.clone()));
    }
}

async fn call(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, state: Arc<Mutex<State>>) {
    assert_eq!(request.uri().path(), "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit");
    let mut body = request.into_body();
    let mut message = Vec::new();
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
        message.extend_from_slice(&piece);
    }
    let client = client_of(&message).expect("a request names a client");
    let verdict = state.lock().unwrap_or_else(PoisonError::into_inner).decide(client);
    let Some(passes) = verdict else { return std::future::pending().await };
    // `overall_code` of a RateLimitResponse: OK is 1, OVER_LIMIT 2. A message follows a flag and its length.
    let code = if passes { 1 } else { 2 };
    let response = Bytes::copy_from_slice(&[0, 0, 0, 0, 2, 0x08, code]);
    let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    // Envoy may have cancelled the call.
    let Ok(mut stream) = respond.send_response(head, false) else { return };
    let _ = stream.send_data(response, false);
    let _ =
        stream.send_trailers(HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]));
}

impl State {
    /// Whether the request is allowed; `None` to never answer.
    fn decide(&mut self, client: String) -> Option<bool> {
        let asked = self.asked.entry(client).or_default();
        *asked += 1;
        match self.behaviour {
            Behaviour::Generous => Some(true),
            Behaviour::Budget(budget) => Some(*asked <= budget),
            Behaviour::Silent => None,
        }
    }
}

/// The value of the first descriptor's first entry, whose key is `client`, in a RateLimitRequest after its five bytes
/// of gRPC.
fn client_of(message: &[u8]) -> Option<String> {
    const DESCRIPTORS: u8 = 2;
    const ENTRIES: u8 = 1;
    const KEY: u8 = 1;
    const VALUE: u8 = 2;
    let descriptor = field(message.get(5..)?, DESCRIPTORS)?;
    let entry = field(descriptor, ENTRIES)?;
    let client = field(entry, VALUE)?;
    (field(entry, KEY)? == b"client").then(|| String::from_utf8_lossy(client).into_owned())
}

/// The first field of this number in a message of fields that are all shorter than 128 bytes and of variable length
/// (wire type 2).
fn field(mut message: &[u8], number: u8) -> Option<&[u8]> {
    loop {
        let (&[tag, length], rest) = message.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(length.into())?;
        if tag == number << 3 | 2 {
            return Some(value);
        }
        message = rest;
    }
}
