//! A part's log as a pipe, to test writers without a reader.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::OFlags;

const PAUSE: Duration = Duration::from_millis(5);

/// The reader's behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PipeReader {
    Reads,
    /// Holds the pipe open and reads nothing.
    Stalls,
    /// The pipe is closed.
    IsGone,
    /// The reader thread ends.
    Ends,
}

impl PipeReader {
    fn of(number: u8) -> Self {
        [Self::Reads, Self::Stalls, Self::IsGone, Self::Ends][usize::from(number)]
    }
}

/// A named pipe in place of a log, and its reader, which copies what it reads to a file beside it.
#[derive(Debug)]
pub struct LogPipe {
    wanted: Arc<AtomicU8>,
    /// The reader's current behaviour.
    does: Arc<Mutex<PipeReader>>,
    read: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl LogPipe {
    /// Must be called before the part starts: opening a pipe blocks until its other end is open.
    #[must_use]
    pub fn in_place_of(log: &Path) -> Self {
        assert!(Command::new("mkfifo").arg(log).status().unwrap().success(), "mkfifo");
        let read = log.with_extension("read.log");
        let (wanted, does) =
            (Arc::new(AtomicU8::new(PipeReader::Reads as u8)), Arc::new(Mutex::new(PipeReader::Reads)));
        let reader = Some(open(log));
        let thread = thread::spawn({
            let (log, read, wanted, does) = (log.to_owned(), read.clone(), wanted.clone(), does.clone());
            move || run(&log, &read, &wanted, &does, reader)
        });
        Self { wanted, does, read, thread: Some(thread) }
    }

    /// Returns when the reader has changed its behaviour.
    pub fn set(&self, reader: PipeReader) {
        self.wanted.store(reader as u8, Ordering::Release);
        while *self.does.lock().unwrap() != reader {
            assert!(
                self.thread.as_ref().is_some_and(|thread| !thread.is_finished()),
                "the reader has failed"
            );
            thread::sleep(PAUSE);
        }
    }

    /// Everything read so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.read).unwrap_or_default()).into_owned()
    }
}

impl Drop for LogPipe {
    fn drop(&mut self) {
        self.wanted.store(PipeReader::Ends as u8, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Opens without blocking, whether or not there is a writer.
fn open(pipe: &Path) -> File {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
    File::options().read(true).custom_flags(flags).open(pipe).unwrap()
}

fn run(log: &Path, read: &Path, wanted: &AtomicU8, does: &Mutex<PipeReader>, mut reader: Option<File>) {
    let mut copy = File::create(read).unwrap();
    let mut bytes = [0; 65_536];
    loop {
        let wants = PipeReader::of(wanted.load(Ordering::Acquire));
        match wants {
            PipeReader::Reads | PipeReader::Stalls => {
                reader = Some(reader.take().unwrap_or_else(|| open(log)));
            }
            PipeReader::IsGone | PipeReader::Ends => reader = None,
        }
        *does.lock().unwrap() = wants;
        if wants == PipeReader::Ends {
            return;
        }
        let got =
            match reader.as_mut().filter(|_| wants == PipeReader::Reads).map(|pipe| pipe.read(&mut bytes)) {
                Some(Ok(length)) => length,
                Some(Err(error)) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
                _ => 0,
            };
        copy.write_all(&bytes[..got]).unwrap();
        if got == 0 {
            thread::sleep(PAUSE);
        }
    }
}
