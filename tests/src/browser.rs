//! A real browser: Chromium without a screen opens a page of a server of its own, whose script reports what it saw.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// For a browser to start and a page to do its work, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const ARGUMENTS: [&str; 13] = [
    "--headless=new",
    // Tests may run as root, and in containers with little shared memory.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    // Nothing leaves this machine.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--metrics-recording-only",
];

/// A browser with one page open. Both end when this is dropped.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    server: JoinHandle<()>,
    reports: mpsc::Receiver<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Opens a page with this script in it; `report(…)` in the script sends what [`Self::report`] returns. `None` if this
    /// machine has no browser.
    ///
    /// # Panics
    /// If the page cannot be served.
    pub async fn open(script: &str) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let profile = tempfile::Builder::new().prefix("gateway-browser-").tempdir().unwrap();
        let child = start_browser(&format!("http://{address}/"), profile.path(), &[])?;
        let (sender, reports) = mpsc::channel(16);
        let page = page(script);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A browser opens connections ahead and sends nothing over some.
                tokio::spawn(serve(stream, page.clone(), sender.clone()));
            }
        });
        Some(Self { child, server, reports, _profile: profile })
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
        let _ = (self.child.kill(), self.child.wait());
    }
}

/// Starts a browser on this page, with its state in the folder `profile`. `None` if this machine has none.
///
/// # Panics
/// If the browser does not start.
#[must_use]
pub(crate) fn start_browser(page: &str, profile: &Path, more_arguments: &[&str]) -> Option<Child> {
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.args(ARGUMENTS).args(more_arguments);
        command.arg(format!("--user-data-dir={}", profile.display())).arg(page);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => return Some(child),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => panic!("{program} does not start: {error}"),
        }
    }
    None
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
