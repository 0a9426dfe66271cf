//! iscsi-iname(8): a new name for an iSCSI initiator.

use anyhow::{Result, bail};

use crate::run::{Cmd, Program};

/// Whether it is installed.
pub fn is_installed() -> bool {
    Program::IscsiIname.find().is_some()
}

/// A name that begins with a prefix and a colon; it goes on with digits.
///
/// # Errors
/// What it says, and a name of another form.
pub fn make(prefix: &str) -> Result<String> {
    let command = Cmd::new(Program::IscsiIname).args(["-p", prefix]);
    let said = String::from_utf8_lossy(&command.checked()?.stdout).trim().to_owned();
    let digits = said.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(':'));
    match digits {
        Some(digits)
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            Ok(said)
        }
        _ => bail!("{command} printed `{}`, which is not such a name", said.escape_debug()),
    }
}
