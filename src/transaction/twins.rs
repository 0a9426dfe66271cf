//! Gives files and directories another name where a boot may read them at any instant. First, copies under the new
//! names are made complete and durable. Then the old ones are removed.
//!
//! They are copies because FAT has no links, and because a power failure during a rename on FAT can lose both names.

use std::fs::{self, DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::statvfs::statvfs;

use super::{attributes, inside, staged, stream};
use crate::failpoint;
use crate::guest::placed::same_bytes;

/// One file or directory, by its paths on this machine.
#[derive(Debug)]
pub struct Twin {
    /// Where it is.
    pub from: PathBuf,
    /// Where it should be.
    pub to: PathBuf,
    /// Its content there, if that differs.
    pub text: Option<Vec<u8>>,
    /// Whether it is created last and removed first, because it names the others.
    pub is_last: bool,
}

/// Room in addition to what is counted, for directories that grow.
const SPARE: u64 = 1 << 20;

/// Creates every twin under its other name, with owner, mode, attributes and times. Those that name others come last.
/// It is not an error if a twin exists already, or if it is gone under both names.
///
/// # Errors
/// Something else is under the other name. There is no room; this is found out before anything is created.
pub fn make(twins: &[Twin]) -> Result<()> {
    sweep(twins);
    there_is_room(twins)?;
    for is_last in [false, true] {
        let mut made = Vec::new();
        for twin in twins.iter().filter(|twin| twin.is_last == is_last) {
            if twin.make()? {
                made.push(twin.to.clone());
            }
        }
        sync(&made)?;
    }
    Ok(())
}

/// Removes every twin under its first name. Those that name others come first.
///
/// # Errors
/// A twin that is not there, complete, under its other name. A directory that contains something else.
pub fn remove(twins: &[Twin]) -> Result<()> {
    sweep(twins);
    for twin in twins {
        twin.is_made()?;
    }
    for is_last in [true, false] {
        let mut removed = Vec::new();
        // A directory's entries come after it in the list.
        for twin in twins.iter().rev().filter(|twin| twin.is_last == is_last) {
            if twin.remove()? {
                removed.push(twin.from.clone());
            }
        }
        sync(&removed)?;
    }
    Ok(())
}

/// Demands that there is room for what must still be created.
///
/// # Errors
/// A file system with too little room.
pub fn there_is_room(twins: &[Twin]) -> Result<()> {
    let mut needs: Vec<(u64, PathBuf, u64)> = Vec::new();
    for twin in twins.iter().filter(|twin| twin.to.symlink_metadata().is_err()) {
        let Ok(metadata) = twin.from.symlink_metadata() else { continue };
        let dir = twin.to.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"));
        let stat = statvfs(dir)
            .with_context(|| format!("asking for the free space at `{}`", dir.display()))?;
        let block = stat.fragment_size().max(512);
        let bytes = metadata.len().div_ceil(block) * block + block;
        match needs.iter_mut().find(|(device, ..)| *device == metadata.dev()) {
            Some((.., all)) => *all += bytes,
            None => needs.push((metadata.dev(), dir.to_owned(), bytes)),
        }
    }
    for (_, dir, bytes) in needs {
        let stat = statvfs(&dir)
            .with_context(|| format!("asking for the free space at `{}`", dir.display()))?;
        let free = stat.blocks_available() as u64 * stat.fragment_size() as u64;
        if free < bytes + SPARE {
            bail!(
                "the file system of `{}` has {} MiB free, and a second copy of what is renamed there needs {} \
                 MiB: make room, for example by removing a kernel that nobody boots",
                dir.display(),
                free >> 20,
                (bytes + SPARE).div_ceil(1 << 20)
            );
        }
    }
    Ok(())
}

impl Twin {
    /// True if this call created it.
    fn make(&self) -> Result<bool> {
        let making = || format!("making `{}`", self.to.display());
        let dir =
            self.to.parent().ok_or_else(|| anyhow!("`{}` has no directory", self.to.display()))?;
        inside::straight(dir)?;
        let Some(old) = kind(&self.from)? else { return Ok(false) };
        if old.is_dir() {
            if kind(&self.to)?.is_some_and(|there| there.is_dir()) {
                return Ok(false);
            }
            failpoint::hit("make-twin").with_context(making)?;
            DirBuilder::new().mode(0o755).create(&self.to).with_context(making)?;
            let made = File::open(&self.to).with_context(making)?;
            attributes::copy(&self.from, &made, &self.to)?;
            return Ok(true);
        }
        if inside::is_file(&self.to)? {
            if self.is_whole()? {
                return Ok(false);
            }
            bail!(
                "`{}` exists with other bytes: find out whose it is, and move it away",
                self.to.display()
            );
        }
        failpoint::hit("stage").with_context(making)?;
        let mut file = tempfile::Builder::new()
            .prefix(staged::PREFIX)
            .tempfile_in(dir)
            .with_context(making)?;
        attributes::prepare(&self.to, &self.from, file.as_file());
        if let Some(text) = &self.text {
            file.write_all(text).with_context(making)?;
        } else {
            let mut source = stream::open(&self.from)?;
            std::io::copy(&mut source, file.as_file_mut()).with_context(making)?;
        }
        // Signatures of the content are copied only with the content.
        let target = if self.text.is_some() { &self.from } else { &self.to };
        attributes::carry(target, &self.from, file.as_file(), file.path())?;
        file.as_file().set_times(attributes::times(&old)).with_context(making)?;
        file.as_file().sync_all().with_context(making)?;
        failpoint::hit("commit").with_context(making)?;
        file.into_temp_path()
            .persist_noclobber(&self.to)
            .map_err(|error| error.error)
            .with_context(making)?;
        Ok(true)
    }

    /// Demands that the twin exists under its other name, if it exists under the first.
    fn is_made(&self) -> Result<()> {
        let Some(old) = kind(&self.from)? else { return Ok(()) };
        let stands = if old.is_dir() {
            kind(&self.to)?.is_some_and(|there| there.is_dir())
        } else {
            inside::is_file(&self.to)? && self.is_whole()?
        };
        if !stands {
            bail!(
                "`{}` is not what was made from `{}`, which stays: find out what else writes there",
                self.to.display(),
                self.from.display()
            );
        }
        Ok(())
    }

    /// Whether the file under the other name has the right content.
    fn is_whole(&self) -> Result<bool> {
        let reading = || format!("reading `{}`", self.to.display());
        match &self.text {
            Some(text) => Ok(fs::read(&self.to).with_context(reading)? == *text),
            None => Ok(same_bytes(&self.from, &self.to)),
        }
    }

    /// True if this call removed it.
    fn remove(&self) -> Result<bool> {
        let removing = || format!("removing `{}`", self.from.display());
        inside::straight(self.from.parent().unwrap_or(&self.from))?;
        let Some(old) = kind(&self.from)? else { return Ok(false) };
        failpoint::hit("remove-twin").with_context(removing)?;
        if old.is_dir() {
            fs::remove_dir(&self.from).with_context(removing)?;
        } else {
            fs::remove_file(&self.from).with_context(removing)?;
        }
        Ok(true)
    }
}

fn kind(path: &Path) -> Result<Option<fs::Metadata>> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("looking at `{}`", path.display())),
    }
}

/// Removes what a killed run left beside them.
fn sweep(twins: &[Twin]) {
    let paths = twins.iter().flat_map(|twin| [&twin.from, &twin.to]);
    staged::sweep(paths.map(PathBuf::as_path));
}

/// The same as [`staged::sync`], for paths whose directories may have been removed, too.
fn sync(paths: &[PathBuf]) -> Result<()> {
    let is_there = |path: &&PathBuf| path.parent().is_some_and(Path::is_dir);
    let there: Vec<PathBuf> = paths.iter().filter(is_there).cloned().collect();
    if there.is_empty() { Ok(()) } else { staged::sync(&there) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel in a directory, and the entry that names it, with their new names and contents.
    fn twins(dir: &Path) -> Vec<Twin> {
        let twin = |name: &str, text: Option<&str>| Twin {
            from: dir.join(name.replace("ID", "old")),
            to: dir.join(name.replace("ID", "new")),
            text: text.map(|text| text.as_bytes().to_vec()),
            is_last: text.is_some(),
        };
        vec![twin("ID", None), twin("ID/linux", None), twin("ID.conf", Some("linux new/linux"))]
    }

    fn planted() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("old")).unwrap();
        fs::write(dir.path().join("old/linux"), "kernel").unwrap();
        fs::write(dir.path().join("old.conf"), "linux old/linux").unwrap();
        dir
    }

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().flatten();
        let mut names: Vec<String> =
            names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn both_are_there_before_the_first_goes() {
        let dir = planted();
        let twins = twins(dir.path());
        for _ in 0..2 {
            make(&twins).unwrap();
            assert_eq!(names(dir.path()), ["new", "new.conf", "old", "old.conf"]);
        }
        assert_eq!(fs::read(dir.path().join("new/linux")).unwrap(), b"kernel");
        assert_eq!(fs::read(dir.path().join("new.conf")).unwrap(), b"linux new/linux");
        for _ in 0..2 {
            remove(&twins).unwrap();
            assert_eq!(names(dir.path()), ["new", "new.conf"]);
        }
    }

    #[test]
    fn nothing_goes_that_is_not_there_whole_under_the_other_name() {
        let dir = planted();
        let twins = twins(dir.path());
        make(&twins).unwrap();
        fs::write(dir.path().join("new/linux"), "half").unwrap();
        let said = format!("{:#}", remove(&twins).unwrap_err());
        assert!(said.contains("new/linux` is not what was made from `"), "{said}");
        assert!(
            said.ends_with("old/linux`, which stays: find out what else writes there"),
            "{said}"
        );
        assert_eq!(names(dir.path()), ["new", "new.conf", "old", "old.conf"]);
        let said = format!("{:#}", make(&twins).unwrap_err());
        let words = "linux` exists with other bytes: find out whose it is, and move it away";
        assert!(said.contains(words), "{said}");
    }
}
