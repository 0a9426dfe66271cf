//! SELinux labels: a file that covers another one gets its label.
//!
//! A policy confines image tools and the programs that they start (Debian's: `bootloader_t`, `kmod_t`,
//! `fsadm_t`). They may read files with the label of /dev or of /proc/cmdline, but not files with an
//! administrator's label.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use super::mounts;
use crate::transaction::scratch;

/// The extended attribute with the label (xattr(7)).
const LABEL: &str = "security.selinux";

/// The label of a file, or of a link itself. None if it has none, or if the file system has no labels.
pub(super) fn of(path: &Path) -> Result<Option<Vec<u8>>> {
    xattr::get(path, LABEL)
        .or_else(|error| if is_no_label(&error) { Ok(None) } else { Err(error) })
        .with_context(|| format!("reading the label of `{}`", path.display()))
}

/// Gives `to` the label of `like`, which it will cover. Links are not followed.
pub(super) fn copy(like: &Path, to: &Path) -> Result<()> {
    of(like)?.map_or(Ok(()), |label| give(to, &label))
}

/// Gives a label to a file, or to a link itself.
pub(super) fn give(to: &Path, label: &[u8]) -> Result<()> {
    let given = match scratch::extended_attribute(to, LABEL, label) {
        Err(error) if is_no_label(&error) => {
            log::debug!("`{}` keeps the label that it has: {error}", to.display());
            Ok(())
        }
        given => given,
    };
    given.with_context(|| format!("giving `{}` its label", to.display()))
}

/// Whether an error says that the label cannot be read or set: the file system has no labels, the policy
/// refuses or does not know this one, or the file is gone. A new file then keeps its own label.
fn is_no_label(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let passed_over =
        [Errno::EOPNOTSUPP, Errno::EPERM, Errno::EACCES, Errno::EINVAL, Errno::ENOENT];
    errno.is_some_and(|errno| passed_over.contains(&errno))
}

/// Writes the file `own`, which will be bound over `at`. Returns where it was written.
///
/// A policy limits each label to certain file systems (class `filesystem`, `associate`). Files on a tmpfs
/// may not have the labels of proc and sysfs, unless the whole tmpfs has that one label (`context=`,
/// mount(8)). In that case, the file gets a tmpfs of its own.
pub(super) fn file(own: &Path, bytes: &[u8], at: &Path) -> Result<PathBuf> {
    let label = of(at)?;
    let in_memory = statfs(at).is_ok_and(|stat| stat.filesystem_type() == TMPFS_MAGIC);
    if let Some(label) = label.as_deref().and_then(text).filter(|_| !in_memory) {
        let mut dir = own.as_os_str().to_owned();
        dir.push(".labelled");
        let dir = PathBuf::from(dir);
        scratch::directory(&dir)?;
        match mounts::memory_labelled(&dir, label) {
            Ok(()) => {
                let own = dir.join("file");
                scratch::file(&own, bytes)?;
                return Ok(own);
            }
            Err(error) => log::debug!("{error:#}"),
        }
    }
    scratch::file(own, bytes)?;
    if let Some(label) = label {
        give(own, &label)?;
    }
    Ok(own.to_owned())
}

/// A label for a mount option: without the zero byte at its end. None if it would need quotes.
fn text(label: &[u8]) -> Option<&str> {
    let label = std::str::from_utf8(label.strip_suffix(b"\0").unwrap_or(label)).ok()?;
    label.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\').then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_an_option_without_its_end_and_never_a_second_option() {
        assert_eq!(text(b"system_u:object_r:proc_t:s0\0"), Some("system_u:object_r:proc_t:s0"));
        assert_eq!(text(b"a:b:c:s0:c1,c2"), Some("a:b:c:s0:c1,c2"));
        for bad in [&b"a\",size=1"[..], b"a\0b\0", b"a b", b"\xff\0"] {
            assert_eq!(text(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn links_and_what_they_lead_to_have_labels_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let [target, link, like] = ["target", "link", "like"].map(|name| dir.path().join(name));
        for path in [&target, &like] {
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("target", &link).unwrap();
        copy(&like, &link).unwrap();
        assert_eq!(xattr::get(&link, LABEL).unwrap(), None);
        xattr::set(&like, LABEL, b"u:r:like:s0\0").unwrap();
        copy(&like, &link).unwrap();
        assert_eq!(xattr::get(&link, LABEL).unwrap().as_deref(), Some(&b"u:r:like:s0\0"[..]));
        assert_eq!(xattr::get(&target, LABEL).unwrap(), None);
        copy(&dir.path().join("gone"), &target).unwrap();
    }
}
