//! Shows how long the work has been going on: with one line that is updated if stderr is a terminal that can do
//! that, otherwise with a plain line every few seconds.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::LevelFilter;

use crate::printable;

/// Work that ends sooner is not shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the live line and the plain line are written.
const LIVE: Duration = Duration::from_millis(250);
const PLAIN: Duration = Duration::from_secs(5);

/// A live line fits in one row of the narrowest terminal.
const WIDTH: usize = 79;

/// Whether a live line is on the terminal.
static STANDS: Mutex<bool> = Mutex::new(false);

/// Shows how long something takes, until it is dropped.
#[derive(Debug)]
pub struct Ticker {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts counting.
    pub fn start(doing: String) -> Self {
        Self::with(move || doing.clone())
    }

    /// The same with a text that changes.
    pub fn with(doing: impl Fn() -> String + Send + 'static) -> Self {
        if log::max_level() < LevelFilter::Info {
            return Self { end: None, thread: None };
        }
        let (end, ended) = mpsc::channel();
        let thread = std::thread::Builder::new().spawn(move || tick(&doing, &ended)).ok();
        Self { end: Some(end), thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has already printed that.
            let _ = thread.join();
        }
    }
}

/// Removes a live line, because another line is about to be written.
pub fn clear() {
    let mut stands = STANDS.lock().unwrap_or_else(PoisonError::into_inner);
    if *stands {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
        *stands = false;
    }
}

fn tick(doing: &dyn Fn() -> String, ended: &mpsc::Receiver<()>) {
    let started = Instant::now();
    let is_live = takes_live_line();
    let mut pause = if is_live { PATIENCE } else { PLAIN };
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let line = line(&doing(), started.elapsed());
        if is_live {
            write_live(&line);
            pause = LIVE;
        } else {
            log::info!("{line}");
        }
    }
    clear();
}

fn write_live(line: &str) {
    let mut stands = STANDS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
    *stands = true;
}

/// A dumb terminal cannot erase a line (terminfo(5), `dumb`).
fn takes_live_line() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// The text, shortened at its end, and the time.
fn line(doing: &str, elapsed: Duration) -> String {
    let time = format!(": {}", seconds(elapsed));
    let room = WIDTH - time.len();
    let printable: String = doing.chars().filter(|c| !printable::acts(*c)).collect();
    if printable.chars().count() <= room {
        return printable + &time;
    }
    let start: String = printable.chars().take(room - 3).collect();
    format!("{start}...{time}")
}

/// `12 s`, `2 min 5 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_a_row_and_shows_its_time() {
        let time = Duration::from_secs(125);
        assert_eq!(line("build it", time), "build it: 2 min 5 s");
        let long = line(&"\u{e4}\x1b".repeat(100), time);
        assert_eq!(long.chars().count(), WIDTH);
        assert!(long.ends_with("\u{e4}...: 2 min 5 s") && !long.contains('\x1b'), "{long}");
        assert_eq!(seconds(Duration::from_millis(59_900)), "59 s");
    }
}
