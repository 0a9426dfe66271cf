//! Decides which SSH host keys are renewed. A key that somebody put there on purpose is left alone and shown.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::drawn::{Pair, Wanted};
use super::{Drawn, Kept, Key, Renewal, Texts};
use crate::exit::refuse;
use crate::guest::host;
use crate::guest::root::Root;
use crate::identity::View;
use crate::identity::items::ssh::{DEFAULTS, certificate_types, key_paths};
use crate::identity::told;
use crate::plan::Warning;
use crate::renew::{Secret, Sum};
use crate::ssh_keygen::{self, Print};

/// Dropbear's keys. ssh-keygen cannot make them (dropbearkey(1)).
const DROPBEAR: &[&str] = &[
    "etc/dropbear/dropbear_*_host_key",
    "etc/dropbear/initramfs/dropbear_*_host_key",
    "etc/dropbear-initramfs/dropbear_*_host_key",
];

/// Types that every current server and client accepts: the beginning of a public key, and ssh-keygen's name.
const TYPES: &[(&str, &str)] =
    &[("ssh-rsa", "RSA"), ("ecdsa-sha2-", "ECDSA"), ("ssh-ed25519", "ED25519")];

/// The renewal of every key that can be renewed, and warnings about the rest. `drawn` keeps the new keys. Their
/// comments name `host`, or the present host if `host` is `None`.
///
/// # Errors
/// A key that cannot be read or made.
pub fn find(
    root: &Root,
    drawn: &Drawn,
    host: Option<&str>,
) -> Result<(Option<Renewal>, Vec<Warning>)> {
    let host = host.map(str::to_owned).or_else(|| host::present(root).map(|own| own.name));
    let mut view = View::of(root);
    if root.is_live() {
        view.sshd = told::sshd(root);
    }
    let certificates = certificate_types(&view);
    let (mut plains, mut warnings) = (Vec::new(), Vec::new());
    for path in key_paths(&view) {
        let path = PathBuf::from(path);
        if !root.exists(&path) {
            continue;
        }
        match plain(root, &path, &certificates).map_err(refuse)? {
            Ok(plain) => plains.push((path, plain)),
            Err(why) => {
                let text = format!("{why}: the SSH host key stays as it is");
                warnings.push(Warning::about(&path, text));
            }
        }
    }
    if let Some(trouble) = view.take_troubles().first() {
        return Err(refuse(anyhow!("looking for SSH host keys: {trouble}: run it as root")));
    }
    for pattern in DROPBEAR {
        for path in root.glob(pattern).map_err(refuse)?.iter().filter(|path| root.exists(path)) {
            let text = "Dropbear's host key is left as it is: make a new one with `dropbearkey`, and rebuild the \
                        image where it is in one";
            warnings.push(Warning::about(path, text));
        }
    }
    if plains.is_empty() {
        return Ok((None, warnings));
    }
    let wanted = plains.iter().map(|(path, plain)| wanted(root, path, plain, host.as_deref()));
    let wanted = wanted.collect::<Result<Vec<_>>>().map_err(refuse)?;
    let drawn = drawn.keys(&wanted).map_err(refuse)?;
    let (mut keys, mut texts) = (Vec::new(), Texts::new());
    for ((wanted, (_, plain)), new) in wanted.iter().zip(&plains).zip(drawn) {
        keys.push(renewed(wanted, plain, new, &mut texts));
    }
    Ok((Some(Renewal { kept: Kept { keys }, texts }), warnings))
}

/// A key that can be renewed: its private half, and the text and path of its public half.
struct Plain {
    private: Vec<u8>,
    public: String,
    /// Inside the root. Links are resolved.
    public_path: PathBuf,
}

/// Whether a key is one that installers make. If not, says why.
fn plain(
    root: &Root,
    path: &Path,
    certificates: &[Option<String>],
) -> Result<Result<Plain, &'static str>> {
    if !DEFAULTS.iter().any(|known| Path::new(known) == path) {
        return Ok(Err("`HostKey` names it at a special place"));
    }
    let public_path = ssh_keygen::public(path);
    if root.is_link(path) || root.is_link(&public_path) {
        return Ok(Err("it is a link"));
    }
    let Some(private) = root.read(path)? else { return Ok(Err("it is gone")) };
    if !private.bytes.starts_with(b"-----BEGIN ") {
        return Ok(Err("it is not a private key: an agent or a device may have the private key"));
    }
    let Some(public) = root.read(&public_path)? else {
        return Ok(Err("its public half is not beside it"));
    };
    let public_path = public.path;
    let Ok(public) = String::from_utf8(public.bytes) else {
        return Ok(Err("its public half is not text"));
    };
    let kind = public.split_whitespace().next().unwrap_or_default().to_owned();
    if !TYPES.iter().any(|(word, _)| kind.starts_with(word)) {
        return Ok(Err("keys of its type are no longer made"));
    }
    let is_certified = |certificate: &Option<String>| {
        certificate.as_ref().is_none_or(|of| of.starts_with(kind.as_str()))
    };
    if certificates.iter().any(is_certified) {
        return Ok(Err(
            "`HostCertificate` names a certificate of its type, which would not match another key",
        ));
    }
    Ok(Ok(Plain { private: private.bytes, public, public_path }))
}

/// What is wanted in the place of a key.
fn wanted(root: &Root, path: &Path, plain: &Plain, host: Option<&str>) -> Result<Wanted> {
    let like: Print = ssh_keygen::print(&root.outer(&plain.public_path))?;
    let text = plain.public.lines().next().unwrap_or_default();
    let comment = text.splitn(3, ' ').nth(2).unwrap_or_default().trim();
    Ok(Wanted { path: path.to_owned(), like, comment: commented(host, comment) })
}

/// The key that replaces it. The new texts are added to `texts`.
fn renewed(wanted: &Wanted, plain: &Plain, new: Pair, texts: &mut Texts) -> Key {
    let rest = plain.public.split_once('\n').map_or("", |(_, rest)| rest);
    let mut public = new.public.0;
    if !plain.public.contains('\n') {
        public.truncate(public.trim_ascii_end().len());
    }
    public.extend_from_slice(rest.as_bytes());
    let sums = (Sum::of(&new.private.0), Sum::of(&public));
    let key = Key {
        path: wanted.path.clone(),
        old: wanted.like.to_string(),
        new: new.print.to_string(),
        private: (Sum::of(&plain.private), sums.0.clone()),
        public: (Sum::of(plain.public.as_bytes()), sums.1.clone()),
    };
    texts.insert(sums.0, new.private);
    texts.insert(sums.1, Secret(public));
    key
}

/// The comment of the new key: the old comment, with this host's name in place of the old host's.
fn commented(own: Option<&str>, comment: &str) -> String {
    match (comment.split_once('@'), own) {
        (Some((user, host)), Some(own)) if !comment.contains(' ') && !host.is_empty() => {
            format!("{user}@{own}")
        }
        _ => comment.to_owned(),
    }
}
