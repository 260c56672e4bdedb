//! Why a domain could not be asked, in words.

use std::error::Error;
use std::io;

use payments::causes::with_causes;
use rustls::{Error as TlsError, InvalidMessage};

pub(super) fn words(problem: &reqwest::Error) -> String {
    match of_tls(problem) {
        // What came begins with no byte that TLS has there. A server for plain HTTP answers so.
        Some(TlsError::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "no TLS: what listens there does not speak it, as a server for plain HTTP does not".to_owned()
        }
        _ => with_causes(problem),
    }
}

/// The error of TLS among the causes.
fn of_tls<'a>(problem: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    let mut next = Some(problem);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<TlsError>() {
            return Some(found);
        }
        // An I/O error does not count the error that it holds among its causes.
        if let Some(held) = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            next = Some(held);
        } else {
            next = cause.source();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::super::fetch;
    use super::*;

    /// Answers its first connection as a server for plain HTTP does what it cannot read.
    async fn plain(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
            // Until the other side has read it.
            drop(stream.read_to_end(&mut Vec::new()).await);
        });
        at
    }

    #[tokio::test]
    async fn a_port_for_plain_http_is_told_to_have_no_tls() {
        for answer in ["HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n", "<html></html>"] {
            let at = plain(answer).await;
            let Err(told) = fetch("shop.example", Some(at), None).await.unwrap() else { panic!("{answer}") };
            assert!(told.starts_with("no TLS: ") && !told.contains("InvalidContentType"), "{told}");
        }
    }

    #[test]
    fn an_error_of_tls_is_found_however_deep_it_is_held() {
        let tls = || TlsError::InvalidMessage(InvalidMessage::InvalidContentType);
        let held = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls()));
        assert_eq!(of_tls(&held), Some(&tls()));
        assert_eq!(of_tls(&io::Error::other("gone")), None);
    }
}
