//! What a thread ended with.

use std::thread;

use anyhow::{Result, anyhow};

/// The result of a thread's work, from what `join` returned. A panic is an error.
///
/// # Errors
/// The work's own error, or a panic.
pub fn joined<T>(ended: thread::Result<Result<T>>) -> Result<T> {
    ended.unwrap_or_else(|_| Err(anyhow!("a thread ended in a panic")))
}
