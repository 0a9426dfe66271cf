//! A plan as text, as a patch, or as JSON.

pub mod audit;
pub mod diff;
pub mod identity;
pub mod json;
mod moved;
pub mod not_rewritten;
mod path_name;
pub mod proof;
pub mod services;
pub mod style;
pub mod text;
pub mod wrap;

use std::io::{self, Write};

use anyhow::{Context, Result};

/// Writes to stdout. It is no error if the reader has gone away (`| head`).
pub fn to_stdout(body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match body(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(()),
    }
}
