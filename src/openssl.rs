//! openssl(1): a key and a certificate that it signs itself.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::run::{Cmd, Program};

/// Makes both, by settings in openssl's form (x509v3_config(5)). They are read again: the certificate is of the
/// key.
///
/// # Errors
/// What openssl says.
pub fn make(settings: &Path, key: &Path, certificate: &Path) -> Result<()> {
    let command = Cmd::new(Program::Openssl).args(["req", "-new", "-x509", "-nodes", "-sha256"]);
    let command = command.args(["-days", "3650", "-newkey", "rsa:2048", "-config"]).arg(settings);
    let command = command.arg("-keyout").arg(key).arg("-out").arg(certificate);
    command.checked().context("making a key and its certificate")?;
    let ask = |words: &[&str], of: &Path| {
        let command = Cmd::new(Program::Openssl).args(words.iter().copied()).arg("-in").arg(of);
        command.checked().map(|output| output.stdout)
    };
    let public = ask(&["x509", "-noout", "-pubkey"], certificate)?;
    if public.is_empty() || public != ask(&["pkey", "-pubout"], key)? {
        bail!(
            "openssl made a certificate that does not match its key: nothing was changed, try again"
        );
    }
    Ok(())
}
