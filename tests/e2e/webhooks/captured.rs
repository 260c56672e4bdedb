//! One of PayPal's deliveries, captured from the network: everything that a forger needs.

use gateway_tests::http1::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Receives PayPal's webhooks instead of the gateway.
pub(super) struct Tap(TcpListener);

/// A genuine delivery.
pub(super) struct Captured {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Tap {
    pub(super) async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/webhooks/paypal", self.0.local_addr().unwrap())
    }

    /// Captures the next delivery, and acknowledges it.
    pub(super) async fn next(&self) -> Captured {
        let (mut connection, _) = self.0.accept().await.unwrap();
        let captured = read(&mut connection).await;
        let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        connection.write_all(response).await.unwrap();
        captured
    }
}

async fn read(connection: &mut TcpStream) -> Captured {
    let mut bytes = Vec::new();
    loop {
        assert_ne!(connection.read_buf(&mut bytes).await.unwrap(), 0, "the delivery breaks off");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: Vec<_> =
            lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
        if body.len() >= length {
            let body = bytes[head.len() + 4..].to_vec();
            return Captured { headers, body };
        }
    }
}

impl Captured {
    /// The delivery with another body.
    pub(super) fn with(&self, body: &[u8]) -> Request {
        let own = self.headers.iter().filter(|(name, _)| name.starts_with("paypal-"));
        let request = Request::new("POST", "/webhooks/paypal").json();
        own.fold(request, |request, (name, value)| request.header(name, value)).body(body)
    }

    pub(super) fn as_it_came(&self) -> Request {
        self.with(&self.body)
    }

    /// `event`, an object, with an additional field that gives it the CRC-32 of the signed body.
    pub(super) fn rewritten(&self, event: &serde_json::Value) -> Vec<u8> {
        let text = event.to_string();
        let head = format!("{},\"pad\":\"", text.strip_suffix('}').unwrap());
        same_sum(head.as_bytes(), b"\"}", crc32fast::hash(&self.body))
    }
}

/// `head`, letters, `tail`, with this CRC-32. A CRC is linear: each changed bit changes the checksum by its own
/// pattern, and some of these patterns add up to any desired change.
fn same_sum(head: &[u8], tail: &[u8], wanted: u32) -> Vec<u8> {
    const LETTERS: usize = 40;
    let with = |flips: u64| {
        let letters = (0..LETTERS).map(|i| b'a' ^ u8::from(flips >> i & 1 == 1));
        [head, &letters.collect::<Vec<_>>(), tail].concat()
    };
    let sum = |flips: u64| crc32fast::hash(&with(flips));
    let mut basis: [Option<(u32, u64)>; 32] = [None; 32];
    let reduce = |basis: &[Option<(u32, u64)>; 32], mut change: u32, mut flips: u64| {
        while change != 0 {
            let Some((by, of)) = basis[change.ilog2() as usize] else { return (change, flips) };
            (change, flips) = (change ^ by, flips ^ of);
        }
        (0, flips)
    };
    for i in 0..LETTERS {
        let (change, flips) = reduce(&basis, sum(1 << i) ^ sum(0), 1 << i);
        if change != 0 {
            basis[change.ilog2() as usize] = Some((change, flips));
        }
    }
    let (left, flips) = reduce(&basis, wanted ^ sum(0), 0);
    assert_eq!(left, 0, "forty letters reach every sum");
    with(flips)
}
