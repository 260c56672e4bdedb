//! The queue of lines and the thread that drains it.
//!
//! `tracing-appender` has such a queue too, but if it is full when the process ends, it prints to standard output,
//! which fails or blocks forever exactly where standard error does; and it does not count failed writes.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::Loss;

/// How many bytes may wait to be written: at 1,000 lines of 400 bytes a second, a reader may pause for ten seconds. The
/// same amount again may be on its way to the sink.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Space for the line that reports a loss, which would itself be lost if lines arrive faster than they are read.
const TELLING_BYTES_MAX: usize = 64 * 1024;

/// Buffers that grew beyond this in a burst are shrunk.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long lines are collected for one write: a busy process wakes the thread 200 times a second, not once per line.
const GATHER: Duration = Duration::from_millis(5);

/// The pause before retrying a sink that currently accepts nothing and does not block (a pipe in non-blocking mode).
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// How long an ending process waits for lines that are not written yet.
pub const FLUSH_MAX: Duration = Duration::from_secs(1);

/// Accepts lines without blocking. Each call of `write` passes one or more whole lines; it queues or drops them and
/// never fails. Clones share one queue.
#[derive(Clone, Debug)]
pub struct Writer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Tells the thread that lines are waiting.
    filled: Condvar,
    /// Tells callers of `flush` that the thread has written everything it took.
    written: Condvar,
    lines_dropped: AtomicU64,
    /// The thread that writes and reports losses.
    thread: OnceLock<ThreadId>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<u8>,
    /// The thread sleeps until it is notified of new lines.
    is_thread_idle: bool,
    /// The thread holds lines that are not written yet.
    is_writing: bool,
}

impl Writer {
    /// Starts the thread that writes to `sink`, a file or file-like object. That thread calls `tell` when lines can be
    /// written again after a loss; `tell` may log.
    ///
    /// # Errors
    /// If the system provides no second handle of the sink, or no thread.
    pub fn start(sink: &impl AsFd, tell: impl Fn(&Loss) + Send + 'static) -> io::Result<Self> {
        // A separate handle: the standard library's comes with a lock, which a blocked write would keep from others.
        let sink = File::from(sink.as_fd().try_clone_to_owned()?);
        let shared = Arc::new(Shared::default());
        let thread = Thread {
            shared: shared.clone(),
            sink: Sink { file: sink, is_line_open: false },
            told: 0,
            reason: None,
        };
        let thread = thread::Builder::new().name("logs".to_owned()).spawn(move || thread.run(&tell))?;
        let _ = shared.thread.set(thread.thread().id());
        Ok(Self(shared))
    }

    /// The number of lines dropped since the start.
    #[must_use]
    pub fn lines_dropped(&self) -> u64 {
        self.0.lines_dropped.load(Ordering::Relaxed)
    }

    /// Waits until all queued lines are written, but not longer than `patience`. `false`: some are not written.
    pub fn flush(&self, patience: Duration) -> bool {
        let is_busy = |queue: &mut Queue| queue.is_writing || !queue.waiting.is_empty();
        let waited = self.0.written.wait_timeout_while(self.0.lock(), patience, is_busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Write for Writer {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.lock();
        let full = queue.waiting.len().saturating_add(lines.len());
        if full > WAITING_BYTES_MAX && !(full <= WAITING_BYTES_MAX + TELLING_BYTES_MAX && self.0.is_telling())
        {
            drop(queue);
            self.0.drop_lines(lines);
        } else {
            queue.waiting.extend_from_slice(lines);
            if queue.is_thread_idle {
                queue.is_thread_idle = false;
                self.0.filled.notify_one();
            }
        }
        Ok(lines.len())
    }

    /// Does not wait; see [`Writer::flush`], which takes a timeout.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// Ignores poisoning: no holder of the lock can leave the queue half changed.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_telling(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }

    fn drop_lines(&self, lines: &[u8]) {
        let ends = lines.iter().filter(|byte| **byte == b'\n').count();
        // The rest of a truncated line counts as one line.
        let dropped = u64::try_from(ends).unwrap_or(u64::MAX).max(1);
        self.lines_dropped.fetch_add(dropped, Ordering::Relaxed);
    }

    /// Waits for lines and swaps them with the empty `batch`.
    fn take(&self, batch: &mut Vec<u8>) {
        let mut queue = self.lock();
        queue.is_writing = false;
        if queue.waiting.is_empty() {
            self.written.notify_all();
            queue.is_thread_idle = true;
            let filled = self.filled.wait_while(queue, |queue| queue.waiting.is_empty());
            queue = filled.unwrap_or_else(PoisonError::into_inner);
            queue.is_thread_idle = false;
            drop(queue);
            thread::sleep(GATHER);
            queue = self.lock();
        }
        std::mem::swap(&mut queue.waiting, batch);
        queue.is_writing = true;
    }
}

struct Thread {
    shared: Arc<Shared>,
    sink: Sink,
    /// The number of dropped lines already reported to `tell`.
    told: u64,
    /// The sink's last error; `None`: the sink was only too slow.
    reason: Option<io::Error>,
}

impl Thread {
    fn run(mut self, tell: &dyn Fn(&Loss)) {
        let mut batch = Vec::new();
        loop {
            self.shared.take(&mut batch);
            match self.sink.write(&batch) {
                Ok(()) => self.tell_of_loss(tell),
                Err((error, lost)) => {
                    self.shared.drop_lines(lost);
                    self.reason = Some(error);
                }
            }
            batch.clear();
            batch.shrink_to(BUFFER_BYTES);
        }
    }

    fn tell_of_loss(&mut self, tell: &dyn Fn(&Loss)) {
        let dropped = self.shared.lines_dropped.load(Ordering::Relaxed);
        if dropped > self.told {
            let reason = self.reason.take().map(|error| error.to_string());
            let reason = reason.unwrap_or_else(|| "the reader was too slow".to_owned());
            tell(&Loss { lines: dropped - self.told, reason });
            self.told = dropped;
        }
    }
}

struct Sink {
    file: File,
    /// The last write ended in the middle of a line.
    is_line_open: bool,
}

impl Sink {
    /// Returns the unwritten part with an error.
    fn write<'a>(&mut self, lines: &'a [u8]) -> Result<(), (io::Error, &'a [u8])> {
        if self.is_line_open {
            self.write_all(b"\n").map_err(|(error, _)| (error, lines))?;
        }
        self.write_all(lines)
    }

    fn write_all<'a>(&mut self, mut bytes: &'a [u8]) -> Result<(), (io::Error, &'a [u8])> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err((ErrorKind::WriteZero.into(), bytes)),
                Ok(written) => {
                    let (done, rest) = bytes.split_at(written.min(bytes.len()));
                    self.is_line_open = done.last() != Some(&b'\n');
                    bytes = rest;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY_PAUSE),
                Err(error) => return Err((error, bytes)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);
    const LINE: &[u8] = b"0123456789012345678901234567890123456789012345678901234567890123456789012345678\n";

    /// More than the queue and a pipe can hold.
    const MORE_THAN_FITS: usize = 3 * WAITING_BYTES_MAX / LINE.len();

    fn writer(sink: &impl AsFd) -> (Writer, mpsc::Receiver<Loss>) {
        let (sender, losses) = mpsc::channel();
        (Writer::start(sink, move |loss| sender.send(loss.clone()).unwrap()).unwrap(), losses)
    }

    #[test]
    fn lines_come_out_whole_and_in_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (mut writer, _losses) = writer(file.as_file());
        let mut expected = String::new();
        for number in 0..10_000 {
            let line = format!("line {number}\n");
            writer.write_all(line.as_bytes()).unwrap();
            expected.push_str(&line);
        }
        assert!(writer.flush(PATIENCE));
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), expected);
        assert_eq!(writer.lines_dropped(), 0);
    }

    #[test]
    fn a_reader_that_stalls_holds_up_nobody_and_is_told_what_it_missed() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let (mut writer, losses) = writer(&pipe);
        drop(pipe);
        let begun = Instant::now();
        for _ in 0..MORE_THAN_FITS {
            writer.write_all(LINE).unwrap();
        }
        assert!(!writer.flush(Duration::from_millis(100)));
        assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
        let dropped = writer.lines_dropped();
        assert!(dropped > 0 && writer.0.lock().waiting.len() <= WAITING_BYTES_MAX);

        let kept = MORE_THAN_FITS - usize::try_from(dropped).unwrap();
        let mut read = vec![0; kept * LINE.len()];
        reader.read_exact(&mut read).unwrap();
        assert!(read.chunks(LINE.len()).all(|line| line == LINE), "a line is torn");
        let loss = losses.recv_timeout(PATIENCE).unwrap();
        assert_eq!(loss, Loss { lines: dropped, reason: "the reader was too slow".to_owned() });
    }

    /// Others keep writing while the loss is reported.
    #[test]
    fn the_line_about_a_loss_is_not_lost_where_the_queue_is_full_again() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let own = Arc::new(OnceLock::<Writer>::new());
        let teller = own.clone();
        let tell = move |loss: &Loss| {
            let mut writer = teller.wait().clone();
            let others = thread::spawn({
                let mut writer = writer.clone();
                move || (0..MORE_THAN_FITS).for_each(|_| writer.write_all(LINE).unwrap())
            });
            others.join().unwrap();
            writer.write_all(format!("LOST {}\n", loss.lines).as_bytes()).unwrap();
        };
        let mut writer = Writer::start(&pipe, tell).unwrap();
        own.set(writer.clone()).unwrap();
        drop(pipe);
        for _ in 0..MORE_THAN_FITS {
            writer.write_all(LINE).unwrap();
        }
        let dropped = writer.lines_dropped();
        let (mut read, mut bytes) = (String::new(), [0; 65_536]);
        while !read.contains("LOST") {
            let length = reader.read(&mut bytes).unwrap();
            read.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        assert!(read.contains(&format!("LOST {dropped}\n")));
    }

    #[test]
    fn a_reader_that_has_gone_costs_lines_and_nothing_else() {
        let (reader, pipe) = io::pipe().unwrap();
        let (mut writer, _losses) = writer(&pipe);
        drop((reader, pipe));
        for _ in 0..3 {
            writer.write_all(LINE).unwrap();
            assert!(writer.flush(PATIENCE));
        }
        assert_eq!(writer.lines_dropped(), 3);
    }

    /// `/dev/full` fails like a full disk; the lines are counted.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_costs_lines_and_nothing_else() {
        let (mut writer, losses) = writer(&File::options().write(true).open("/dev/full").unwrap());
        writer.write_all(&LINE.repeat(5)).unwrap();
        assert!(writer.flush(PATIENCE));
        assert_eq!(writer.lines_dropped(), 5);
        assert!(losses.try_recv().is_err(), "no loss can be reported");
    }

    /// The reader of a named pipe goes and another comes, as when a log shipper restarts.
    #[test]
    fn lines_go_on_when_a_reader_is_back_and_begin_on_a_line_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        // Opening the pipe for reading blocks until a writer opens it, so both ends are opened concurrently.
        let reader = thread::spawn({
            let path = path.clone();
            move || File::open(path).unwrap()
        });
        let pipe = File::options().write(true).open(&path).unwrap();
        drop(reader.join().unwrap());
        let (mut writer, losses) = writer(&pipe);
        writer.write_all(LINE).unwrap();
        assert!(writer.flush(PATIENCE));
        let mut reader = File::open(&path).unwrap();
        writer.write_all(b"back\n").unwrap();
        let mut line = [0; 5];
        reader.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"back\n");
        let loss = losses.recv_timeout(PATIENCE).unwrap();
        assert!(loss.lines == 1 && loss.to_string().contains("Broken pipe"), "{loss}");
    }

    #[test]
    fn a_line_that_was_cut_is_ended_before_the_next() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut sink = Sink { file: file.reopen().unwrap(), is_line_open: false };
        sink.write(b"half a li").unwrap();
        sink.write(b"whole\n").unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "half a li\nwhole\n");
    }
}
