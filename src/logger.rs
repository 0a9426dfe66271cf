//! Progress and warnings on stderr.

use std::io::Write;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::progress;

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let prefix = match record.level() {
            Level::Error => "postclone: error: ",
            Level::Warn => "postclone: warning: ",
            _ => "postclone: ",
        };
        progress::clear();
        // A closed stderr is no reason to stop in the middle of a rename.
        let _ = writeln!(std::io::stderr(), "{prefix}{}", record.args());
    }

    fn flush(&self) {}
}

/// Starts the logger: progress by default, `-v` adds the programs that are run, `-q` keeps warnings.
pub fn start(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::Warn,
        (false, 0) => LevelFilter::Info,
        (false, 1) => LevelFilter::Debug,
        (false, _) => LevelFilter::Trace,
    };
    // A second start in one process (tests) keeps the first logger.
    let _ = log::set_boxed_logger(Box::new(Stderr));
    log::set_max_level(level);
}
