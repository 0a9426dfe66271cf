//! Debian's snakeoil certificate (make-ssl-cert(8)): another key, and a certificate for it in this host's name. Both
//! are made before anything is changed.

mod change;

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::whole::{Texts, Whole};
use super::{Secret, hexadecimal};
use crate::change::Change;
use crate::encoding::base64;
use crate::exit::refuse;
use crate::guest::host;
use crate::guest::root::Root;
use crate::identity::items::certificates::{SNAKEOIL, SNAKEOIL_KEY, body};
use crate::openssl;
use crate::plan::Warning;
use crate::transaction::aside::Aside;
use crate::transaction::record::SavedChange;

/// The word under which journals keep this kind.
pub const KIND: &str = "snakeoil-certificate";

/// Another key and certificate.
#[derive(Debug)]
pub struct Renewal {
    kept: Kept,
    /// The files' new texts. Empty if only the journal is known.
    texts: Texts,
}

/// What a journal keeps of the change. It contains no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    files: Vec<Whole>,
    /// The fingerprints of the certificates.
    old: String,
    new: String,
}

/// Reads what a journal keeps of the change.
///
/// # Errors
/// Something that no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Kept = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading the change of the snakeoil certificate")?;
    let is_known =
        |file: &&Whole| [SNAKEOIL, SNAKEOIL_KEY].iter().any(|own| Path::new(own) == file.path);
    if let Some(file) = kept.files.iter().find(|file| !is_known(file)) {
        bail!("`{}` is not a file of the snakeoil certificate", file.path.display());
    }
    Ok(Box::new(Renewal { kept, texts: Texts::new() }))
}

/// A key and certificate that were made in this process.
#[derive(Debug, Default)]
pub struct Drawn(RefCell<Option<(Secret, Secret)>>);

/// The renewal that is due, or a warning that says why there is none. `drawn` keeps the new pair.
///
/// # Errors
/// Files that cannot be read, or an error of openssl.
pub fn find(root: &Root, drawn: &Drawn) -> Result<(Option<Renewal>, Vec<Warning>)> {
    let read = |path: &str| root.read(Path::new(path)).map_err(refuse);
    let (Some(certificate), Some(key)) = (read(SNAKEOIL)?, read(SNAKEOIL_KEY)?) else {
        return Ok((None, Vec::new()));
    };
    let left = |why: &str| {
        let warning = Warning::about(Path::new(SNAKEOIL), format!("{why}: it stays as it is"));
        Ok((None, vec![warning]))
    };
    if [SNAKEOIL, SNAKEOIL_KEY].iter().any(|path| root.is_link(Path::new(path))) {
        return left("somebody has replaced the snakeoil certificate or its key with a link");
    }
    let Some(old) = print(&certificate.bytes) else { return left("it is not a certificate") };
    let Some(host) = host::present(root).map(|host| host.name) else {
        return left("this machine has no name that a certificate could be made for");
    };
    let (new_key, new_certificate) = drawn.pair(&host).map_err(refuse)?;
    let new =
        print(&new_certificate).ok_or_else(|| refuse(anyhow!("openssl made no certificate")))?;
    let mut texts = Texts::new();
    // One is of no use without the other, so they are dropped together.
    let files = vec![
        Whole::new(Path::new(SNAKEOIL_KEY), &key.bytes, new_key, true, &mut texts),
        Whole::new(Path::new(SNAKEOIL), &certificate.bytes, new_certificate, true, &mut texts),
    ];
    Ok((Some(Renewal { kept: Kept { files, old, new }, texts }), Vec::new()))
}

/// `SHA256:` and the hash of a certificate's bytes.
fn print(pem: &[u8]) -> Option<String> {
    let bytes = base64(&body(std::str::from_utf8(pem).ok()?)?)?;
    Some(format!("SHA256:{}", hexadecimal(&Sha256::digest(bytes))))
}

impl Drawn {
    /// A key and its certificate in a host's name, made with openssl in the way of make-ssl-cert.
    fn pair(&self, host: &str) -> Result<(Vec<u8>, Vec<u8>)> {
        if let Some((Secret(key), Secret(certificate))) = &*self.0.borrow() {
            return Ok((key.clone(), certificate.clone()));
        }
        let aside = Aside::make()?;
        let settings = format!(
            "[req]\ndistinguished_name = name\nx509_extensions = more\nprompt = no\n[name]\ncommonName = {host}\n\
             [more]\nbasicConstraints = CA:FALSE\nsubjectAltName = DNS:{host}\n"
        );
        let config = aside.write("settings", settings.as_bytes())?;
        let [key, certificate] = ["key", "certificate"].map(|name| aside.path(name));
        openssl::make(&config, &key, &certificate)?;
        let read =
            |path: &Path| fs::read(path).with_context(|| format!("reading `{}`", path.display()));
        let pair = (read(&key)?, read(&certificate)?);
        *self.0.borrow_mut() = Some((Secret(pair.0.clone()), Secret(pair.1.clone())));
        Ok(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sum;
    use super::*;

    #[test]
    fn what_no_postclone_wrote_is_refused() {
        let saved = |path: &str| {
            let sum = serde_json::to_string(&Sum::of(b"x")).unwrap();
            let text = format!(
                r#"{{"kind":"snakeoil-certificate","old":"a","new":"b","files":[{{"path":"{path}","text":[{sum},{sum}],"secret":true}}]}}"#
            );
            of(&serde_json::from_str(&text).unwrap())
        };
        assert!(saved(SNAKEOIL_KEY).is_ok());
        let said = format!("{:#}", saved("/etc/shadow").unwrap_err());
        assert!(said.contains("`/etc/shadow` is not a file of the snakeoil certificate"), "{said}");
    }

    #[test]
    fn a_certificate_is_told_by_its_bytes() {
        let pem = |body: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        assert_eq!(print(pem("AAEC").as_bytes()), print(pem("AA\nEC").as_bytes()));
        assert!(print(pem("AAEC").as_bytes()).unwrap().starts_with("SHA256:ae4b3280"));
        assert_eq!(print(b"x"), None);
    }
}
