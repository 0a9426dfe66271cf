//! ssh-keygen(1): the fingerprints of keys, and new keys.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::run::{Cmd, Program};

/// A key's fingerprint, length and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// Its length in bits.
    pub bits: u32,
    /// `SHA256:` and a hash of its public half.
    pub hash: String,
    /// The type: `RSA`, `ECDSA`, `ED25519`.
    pub kind: String,
}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.hash, self.kind)
    }
}

/// The fingerprint of a public key, from the file that contains it.
///
/// # Errors
/// An error of ssh-keygen about a file that contains no key.
pub fn print(public: &Path) -> Result<Print> {
    let output = Cmd::new(Program::SshKeygen).args(["-l", "-E", "sha256", "-f"]).arg(public);
    let output = output.checked()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    parse(&said).ok_or_else(|| {
        anyhow!(
            "ssh-keygen printed something unknown for `{}`: `{}`",
            public.display(),
            said.trim()
        )
    })
}

/// `256 SHA256:HASH a comment (ED25519)`
fn parse(said: &str) -> Option<Print> {
    let line = said.lines().next()?.trim();
    let (bits, rest) = line.split_once(' ')?;
    let hash = rest.split(' ').next().filter(|hash| hash.starts_with("SHA256:"))?;
    let kind = line.strip_suffix(')')?.rsplit_once('(')?.1;
    Some(Print { bits: bits.parse().ok()?, hash: hash.to_owned(), kind: kind.to_owned() })
}

/// Makes a key of the same type as another one, without a passphrase, and its public half beside it. The key is read
/// again to check that both halves belong together. Returns its fingerprint.
///
/// # Errors
/// An error of ssh-keygen.
pub fn make(key: &Path, like: &Print, comment: &str) -> Result<Print> {
    let mut command = Cmd::new(Program::SshKeygen).args(["-q", "-N", "", "-t"]);
    command = command.arg(like.kind.to_lowercase());
    if like.kind != "ED25519" {
        command = command.arg("-b").arg(like.bits.to_string());
    }
    command.arg("-C").arg(comment).arg("-f").arg(key).checked()?;
    let public = public(key);
    let text = std::fs::read_to_string(&public)
        .with_context(|| format!("reading the new `{}`", public.display()))?;
    let derived = Cmd::new(Program::SshKeygen).args(["-y", "-f"]).arg(key).checked()?;
    let derived = String::from_utf8_lossy(&derived.stdout).into_owned();
    let halves =
        |text: &str| text.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    if halves(&text).len() != 2 || halves(&text) != halves(&derived) {
        bail!("ssh-keygen made a key whose halves do not match: nothing was changed, try again");
    }
    let made = print(&public)?;
    if (made.bits, &made.kind) != (like.bits, &like.kind) {
        bail!("ssh-keygen made a key of {} bits ({}): nothing was changed", made.bits, made.kind);
    }
    Ok(made)
}

/// Where a key's public half is.
pub fn public(key: &Path) -> std::path::PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_by_its_line() {
        let print = parse("3072 SHA256:abc/+ root@a b (c) (RSA)\n").unwrap();
        assert_eq!(print.to_string(), "SHA256:abc/+ (RSA)");
        assert_eq!(print.bits, 3072);
        assert_eq!(parse("256 SHA256:x no comment (ED25519)").unwrap().kind, "ED25519");
        for text in ["", "256", "x SHA256:a b (RSA)", "256 MD5:a b (RSA)", "256 SHA256:a b"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
