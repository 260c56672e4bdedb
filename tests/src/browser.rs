//! A real browser: Chromium without a screen opens a page of a server of its own, whose script reports what it saw.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::browser_process::BrowserProcess;

/// For a browser to start and a page to do its work, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser with one page open. Both end when this is dropped.
#[derive(Debug)]
pub struct Browser {
    _process: BrowserProcess,
    server: JoinHandle<()>,
    reports: mpsc::Receiver<Value>,
}

impl Browser {
    /// Opens a page with this script in it; `report(…)` in the script sends what [`Self::report`] returns. `None` if
    /// this machine has no browser.
    ///
    /// # Panics
    /// If the page cannot be served.
    pub async fn open(script: &str) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let process = BrowserProcess::start(&format!("http://{address}/"), "gateway-browser-", &[])?;
        let (sender, reports) = mpsc::channel(16);
        let page = page(script);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A browser opens connections ahead and sends nothing over some.
                tokio::spawn(serve(stream, page.clone(), sender.clone()));
            }
        });
        Some(Self { _process: process, server, reports })
    }

    /// The next report of the page.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn report(&mut self) -> Value {
        let report = timeout(PATIENCE, self.reports.recv()).await;
        report.expect("the page reports nothing").expect("the page's server has ended")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn page(script: &str) -> String {
    format!(
        "<!doctype html><meta charset=utf-8><title>shop</title><script>\n\
         const report = what => fetch('/report', {{ method: 'POST', body: JSON.stringify(what) }});\n\
         window.onerror = (message) => report({{ error: String(message) }});\n{script}\n</script>"
    )
}

/// Answers one request.
async fn serve(mut stream: TcpStream, page: String, reports: mpsc::Sender<Value>) -> Option<()> {
    let mut request = Vec::new();
    let head_end = loop {
        if let Some(end) = request.windows(4).position(|part| part == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&request[..head_end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    while request.len() < head_end + length {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
    let (status, kind, body) = if head.starts_with("get / ") {
        ("200 OK", "text/html", page)
    } else if head.starts_with("post /report ") {
        let report = serde_json::from_slice(&request[head_end..]).unwrap();
        reports.send(report).await.ok()?;
        ("204 No Content", "text/plain", String::new())
    } else {
        ("404 Not Found", "text/plain", String::new())
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all((head + &body).as_bytes()).await.ok()
}
