//! Progress and warnings on stderr, a line each: names of files and words of tools cannot add another,
//! nor drive the terminal.

use std::io::Write;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::{printable, progress};

/// The target of records that are items of a list, whose head was logged before them.
pub const ITEM: &str = "item";

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
            _ if record.target() == ITEM => "  ",
            Level::Error => "postclone: error: ",
            Level::Warn => "postclone: warning: ",
            _ => "postclone: ",
        };
        progress::clear();
        // A closed stderr is no reason to stop in the middle of a rename.
        let _ =
            writeln!(std::io::stderr(), "{prefix}{}", printable::line(&record.args().to_string()));
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
