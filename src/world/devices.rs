//! A copy of /dev with the group's volumes only under their new names.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::names::Names;
use super::{labels, mounts};
use crate::transaction::scratch;

/// Copies /dev to `to`: nodes and links unchanged, except for the group's names. What is mounted below
/// /dev (`mounted`, full paths) is also shown in the copy.
pub(super) fn copy(from: &Path, to: &Path, names: &Names, mounted: &[PathBuf]) -> Result<()> {
    let copy = Copy { from, to, names, mounted };
    labels::copy(from, to)?;
    copy.directory(Path::new(""))
}

struct Copy<'a> {
    from: &'a Path,
    to: &'a Path,
    names: &'a Names,
    mounted: &'a [PathBuf],
}

impl Copy<'_> {
    fn directory(&self, path: &Path) -> Result<()> {
        let dir = self.from.join(path);
        let listing = || format!("listing `{}`", dir.display());
        for entry in fs::read_dir(&dir).with_context(listing)? {
            let path = path.join(entry.with_context(listing)?.file_name());
            self.entry(&path)?;
        }
        Ok(())
    }

    fn entry(&self, path: &Path) -> Result<()> {
        let from = self.from.join(path);
        // It has vanished since the directory was read.
        let Ok(metadata) = fs::symlink_metadata(&from) else { return Ok(()) };
        let kind = metadata.file_type();
        if kind.is_dir() {
            let to = self.to.join(path);
            if self.mounted.contains(&from) {
                scratch::directory(&to)?;
                return mounts::bind_all(&from, &to);
            }
            if !self.names.is_group(path) {
                scratch::directory(&to)?;
                scratch::attributes(&to, &metadata)?;
                labels::copy(&from, &to)?;
            }
            return self.directory(path);
        }
        let target = kind.is_symlink().then(|| fs::read_link(&from)).transpose();
        let target = target.with_context(|| format!("reading the link `{}`", from.display()))?;
        let to = self.to.join(self.names.entry(path, target.as_deref()));
        // Until the reboot, a volume has links under both names.
        if to.symlink_metadata().is_ok() {
            return Ok(());
        }
        match (to.parent(), from.parent()) {
            (Some(dir), Some(like)) if !dir.exists() => {
                scratch::directory(dir)?;
                labels::copy(like, dir)?;
            }
            _ => {}
        }
        match target {
            Some(target) => scratch::link(&target, &to)?,
            None if kind.is_block_device() || kind.is_char_device() => {
                scratch::node(&to, &metadata)?;
            }
            None => {
                scratch::file(&to, b"")?;
                return mounts::bind(&from, &to);
            }
        }
        labels::copy(&from, &to)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_stand_under_the_new_names_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (block, dev, to) =
            (dir.path().join("block"), dir.path().join("dev"), dir.path().join("to"));
        let dm = block.join("dm-0/dm");
        for made in [&dm, &dev.join("mapper"), &dev.join("a"), &dev.join("bus"), &to] {
            fs::create_dir_all(made).unwrap();
        }
        fs::write(dm.join("uuid"), "LVM-GROUPv\n").unwrap();
        fs::write(dm.join("name"), "a-root\n").unwrap();
        fs::write(block.join("dm-0/dev"), "254:0\n").unwrap();
        for (target, link) in [
            ("../dm-0", "mapper/a-root"),
            ("../dm-0", "mapper/b-root"),
            ("../dm-1", "mapper/a-other"),
            ("../dm-0", "a/root"),
            ("pts/ptmx", "ptmx"),
        ] {
            symlink(target, dev.join(link)).unwrap();
        }
        let names = Names::find(&block, |uuid, name| {
            let rest = name.strip_prefix("a-").filter(|_| uuid.starts_with("LVM-GROUP"))?;
            Some(format!("b-{rest}"))
        });
        copy(&dev, &to, &names, &[]).unwrap();
        let list = |path: &str| {
            let mut names: Vec<String> = fs::read_dir(to.join(path))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(list(""), ["b", "bus", "mapper", "ptmx"]);
        assert_eq!(list("mapper"), ["a-other", "b-root"]);
        assert_eq!(list("b"), ["root"]);
        assert_eq!(fs::read_link(to.join("b/root")).unwrap(), Path::new("../dm-0"));
    }
}
