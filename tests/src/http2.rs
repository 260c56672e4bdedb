//! Raw HTTP/2 (RFC 9113) over a plain connection with prior knowledge.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::ResponseFuture;
use http::{HeaderMap, Request, Version};
use local_stack::DEMO_KEY;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{HttpResponse, contract, fresh_key};

const PATIENCE: Duration = Duration::from_secs(20);

/// The head of a JSON request of the client `demo`.
#[must_use]
pub fn post(path: &str) -> Request<()> {
    let request = Request::post(format!("http://gateway{path}")).version(Version::HTTP_2);
    let request = request.header("authorization", format!("Bearer {DEMO_KEY}"));
    let request = request.header("idempotency-key", fresh_key());
    request.header("content-type", "application/json").body(()).unwrap()
}

/// Sends a request whose body comes in these pieces, each in its own frames, without a content-length. With `trailers`,
/// the stream ends with them instead of with data.
pub async fn send(
    to: SocketAddr,
    request: Request<()>,
    pieces: &[&[u8]],
    trailers: Option<HeaderMap>,
) -> HttpResponse {
    timeout(PATIENCE, exchange(to, request, pieces, trailers)).await.expect("no answer in time")
}

/// Sends all requests at once over one connection, and returns the responses in order. The server must allow that many
/// streams.
pub async fn send_together(to: SocketAddr, requests: Vec<(Request<()>, Bytes)>) -> Vec<HttpResponse> {
    let (client, connection) = h2::client::handshake(TcpStream::connect(to).await.unwrap()).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut answers = Vec::new();
    for (request, body) in requests {
        let mut client = client.clone().ready().await.unwrap();
        let (response, mut stream) = client.send_request(request, false).unwrap();
        stream.send_data(body, true).unwrap();
        answers.push(response);
    }
    let mut whole = Vec::new();
    for answer in answers {
        whole.push(timeout(PATIENCE, read(answer)).await.expect("no answer in time"));
    }
    connection.abort();
    whole
}

async fn exchange(
    to: SocketAddr,
    request: Request<()>,
    pieces: &[&[u8]],
    trailers: Option<HeaderMap>,
) -> HttpResponse {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (client, connection) = h2::client::handshake(TcpStream::connect(to).await.unwrap()).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let (response, mut stream) = client.send_request(request, false).unwrap();
    for (n, piece) in pieces.iter().enumerate() {
        let last = n + 1 == pieces.len() && trailers.is_none();
        // The server may already have reset the stream.
        let _ = stream.send_data(Bytes::copy_from_slice(piece), last);
    }
    if let Some(trailers) = trailers {
        let _ = stream.send_trailers(trailers);
    }
    let answer = read(response).await;
    connection.abort();
    contract::check(method.as_str(), &path, &answer);
    answer
}

async fn read(response: ResponseFuture) -> HttpResponse {
    let (head, mut stream) = response.await.expect("no answer").into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece.expect("the answer breaks off");
        stream.flow_control().release_capacity(piece.len()).unwrap();
        body.extend_from_slice(&piece);
    }
    HttpResponse { status: head.status.as_u16(), headers: head.headers, body: body.into() }
}
