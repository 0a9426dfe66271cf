//! Files that kernel-install(8) has placed for systemd-boot: copies of images, images that were built
//! there, and unified kernel images.
//!
//! They are found by the files themselves, not by kernel-install's configuration, which may be newer:
//! until the next kernel, the entries of a clone have the machine ID of the template.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::kernel_install::Settings;
use super::kernels::{Generator, Image};
use super::root::{Root, identity};
use crate::image::Unified;
use crate::rewrite::lines::lines;

/// The file systems that systemd-boot reads, where kernel-install looks for them (systemd
/// src/shared/find-esp.c: the extended boot partition at `/boot`, the ESP at the others).
const PARTITIONS: &[&str] = &["/efi", "/boot", "/boot/efi"];

/// A file that must change with the image of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The kernel's version.
    pub kernel: String,
    /// The file, absolute inside the root, with links resolved.
    pub path: PathBuf,
    /// How it is made.
    #[serde(flatten)]
    pub made: Made,
}

/// How a placed file is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "made", rename_all = "kebab-case")]
pub enum Made {
    /// A copy of an image, for a BLS entry of type #1.
    Copy {
        /// The image.
        of: PathBuf,
    },
    /// A unified kernel image (type #2), built by ukify(1).
    Unified {
        /// The entry token, with which its name begins.
        token: String,
        /// The kernel in it.
        linux: PathBuf,
        /// The image in it. None if a plugin of kernel-install builds one.
        #[serde(skip_serializing_if = "Option::is_none")]
        initrd: Option<PathBuf>,
        /// The kernel command line in it.
        cmdline: String,
    },
}

/// Everything that was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Files that must change with an image.
    pub placed: Vec<Placed>,
    /// Images that the tool has built there and will build there again.
    pub images: Vec<Image>,
    /// Unified kernel images that stay as they are, each with the reason.
    pub left: Vec<(PathBuf, String)>,
    /// Another directory where kernel-install places kernels. It was not searched.
    pub elsewhere: Option<PathBuf>,
}

/// Checks every boot entry and every unified kernel image. `images` are the images that will be rebuilt.
pub fn find(root: &Root, images: &[Image], generator: Option<Generator>) -> Result<Found> {
    let mut found = Found::default();
    let versions = versions(root)?;
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    for image in images {
        seen.extend(root.resolve(&image.path)?);
    }
    for partition in PARTITIONS.iter().map(Path::new) {
        for path in initrds(root, partition)? {
            if !seen.insert(path.clone()) {
                continue;
            }
            if let Some(of) = original(root, images, &path)? {
                let made = Made::Copy { of: of.path.clone() };
                found.placed.push(Placed { kernel: of.version.clone(), path, made });
            } else if let Some(kernel) = dracuts_own(&path, &versions).filter(|_| {
                // dracut install.d/50-dracut.install writes it to the directory of the entry.
                generator == Some(Generator::Dracut)
            }) {
                found.images.push(Image { version: kernel, path });
            } else {
                log::debug!("`{}` is not a copy of an image that is built here", path.display());
            }
        }
    }
    let settings = Settings::read(root);
    let is_known = |dir: &&Path| PARTITIONS.iter().any(|known| Path::new(known) == *dir);
    found.elsewhere = settings.boot_root().filter(|dir| !is_known(dir)).map(Path::to_owned);
    for path in unified(root)? {
        if !seen.insert(path.clone()) {
            continue;
        }
        match unified_image(root, &settings, images, &versions, &path) {
            Ok(placed) => found.placed.push(placed),
            Err(why) => found.left.push((path, why)),
        }
    }
    Ok(found)
}

/// The images that the entries on a file system name, with links resolved.
fn initrds(root: &Root, partition: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let pattern = format!("{}/loader/entries/*.conf", &partition.to_string_lossy()[1..]);
    for entry in root.glob(&pattern)? {
        let Ok(Some(source)) = root.read(&entry) else { continue };
        for line in lines(&source.bytes) {
            let line = String::from_utf8_lossy(&source.bytes[line]).into_owned();
            let Some((key, value)) = line.trim().split_once([' ', '\t']) else { continue };
            if key != "initrd" {
                continue;
            }
            for file in value.split_whitespace() {
                let below = Path::new(file.trim_start_matches('/'));
                // If the directory is on `/`, kernel-install writes the path from `/`.
                for base in [partition, Path::new("/")] {
                    if let Ok(Some(path)) = root.resolve(&base.join(below)) {
                        paths.push(path);
                        break;
                    }
                }
            }
        }
    }
    Ok(paths)
}

/// The image of which a file is kernel-install's copy. It is recognized by its path, `TOKEN/VERSION/NAME`,
/// also if it is older than the image, or else by its bytes.
fn original<'a>(root: &Root, images: &'a [Image], path: &Path) -> Result<Option<&'a Image>> {
    let name = path.file_name();
    let dir = path.parent().and_then(Path::file_name);
    for image in images {
        let by_place = image.path.file_name() == name
            && dir.is_some_and(|dir| dir.as_bytes() == image.version.as_bytes());
        if by_place {
            return Ok(Some(image));
        }
    }
    for image in images {
        let Some(image_path) = root.resolve(&image.path)? else { continue };
        // A copy in the same directory is a user's own backup.
        let elsewhere = image_path.parent() != path.parent();
        if elsewhere && same_bytes(&root.outer(&image_path), &root.outer(path)) {
            return Ok(Some(image));
        }
    }
    Ok(None)
}

/// Whether two files have the same content. False if one of them cannot be read.
pub fn same_bytes(left: &Path, right: &Path) -> bool {
    let length = |path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|of| of.len());
    let (Some(wanted), Some(other)) = (length(left), length(right)) else { return false };
    wanted == other && same_content(left, right).unwrap_or(false)
}

fn same_content(left: &Path, right: &Path) -> std::io::Result<bool> {
    let (mut left, mut right) = (fs::File::open(left)?, fs::File::open(right)?);
    let (mut one, mut other) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let length = left.read(&mut one)?;
        if length == 0 {
            return Ok(true);
        }
        right.read_exact(&mut other[..length])?;
        if one[..length] != other[..length] {
            return Ok(false);
        }
    }
}

/// The version in `TOKEN/VERSION/initrd`.
fn dracuts_own(path: &Path, versions: &BTreeSet<String>) -> Option<String> {
    let version = path.parent()?.file_name()?.to_str()?;
    (path.file_name()? == "initrd" && versions.contains(version)).then(|| version.to_owned())
}

/// The versions of kernels with installed modules.
fn versions(root: &Root) -> Result<BTreeSet<String>> {
    let mut versions = BTreeSet::new();
    for dir in ["/lib/modules", "/usr/lib/modules"] {
        let names = root.list(dir)?.into_iter();
        versions.extend(names.filter_map(|name| name.into_string().ok()));
    }
    Ok(versions)
}

/// Every unified kernel image, each once.
fn unified(root: &Root) -> Result<Vec<PathBuf>> {
    let (mut paths, mut seen) = (Vec::new(), BTreeSet::new());
    for partition in PARTITIONS {
        for path in root.glob(&format!("{}/EFI/Linux/*.efi", &partition[1..]))? {
            let Some(path) = root.resolve(&path)? else { continue };
            let Ok(metadata) = fs::symlink_metadata(root.outer(&path)) else { continue };
            if metadata.is_file() && seen.insert(identity(&metadata)) {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

/// A unified kernel image that can be rebuilt in kernel-install's way.
///
/// # Errors
/// Why it cannot be rebuilt.
fn unified_image(
    root: &Root,
    settings: &Settings,
    images: &[Image],
    versions: &BTreeSet<String>,
    path: &Path,
) -> Result<Placed, String> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let (token, kernel) =
        token_and_version(stem, versions).filter(|(token, _)| settings.is_token(token)).ok_or(
            "its name is not one that kernel-install gives to the image of an installed kernel",
        )?;
    settings.can_build_unified()?;
    let content = Unified::read(&root.outer(path)).map_err(|error| format!("{error:#}"))?;
    let [cmdline] = content.cmdlines.as_slice() else {
        return Err(format!("it has {} command lines", content.cmdlines.len()));
    };
    let linux = [format!("/boot/vmlinuz-{kernel}"), format!("/usr/lib/modules/{kernel}/vmlinuz")];
    let linux = linux.iter().map(PathBuf::from).find(|linux| root.exists(linux));
    let linux = linux.ok_or_else(|| format!("there is no `/boot/vmlinuz-{kernel}`"))?;
    let initrd = images.iter().find(|image| image.version == kernel);
    Ok(Placed {
        kernel: kernel.to_owned(),
        path: path.to_owned(),
        made: Made::Unified {
            token: token.to_owned(),
            linux,
            initrd: initrd.map(|image| image.path.clone()),
            cmdline: cmdline.clone(),
        },
    })
}

/// Token and version in `TOKEN-VERSION`. A count of tries (`+3-1`, uapi-group.org, Automatic Boot
/// Assessment) may follow. Both parts may have hyphens, so the version must be that of an installed
/// kernel.
fn token_and_version<'a>(
    stem: &'a str,
    versions: &'a BTreeSet<String>,
) -> Option<(&'a str, &'a str)> {
    let split = |stem: &'a str| {
        let of = |version: &'a String| {
            let token = stem.strip_suffix(version.as_str())?.strip_suffix('-')?;
            (!token.is_empty()).then_some((token, version.as_str()))
        };
        versions.iter().filter_map(of).max_by_key(|(_, version)| version.len())
    };
    split(stem).or_else(|| split(without_tries(stem)))
}

/// A name without the count of tries.
pub fn without_tries(stem: &str) -> &str {
    let Some((head, tries)) = stem.rsplit_once('+') else { return stem };
    let (left, done) = tries.split_once('-').unwrap_or((tries, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(left) && is_number(done) { head } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_by_the_installed_versions() {
        let versions: BTreeSet<String> =
            ["6.12.1+deb13-amd64", "6.12.1+1", "1-amd64"].map(str::to_owned).into();
        for (stem, parts) in [
            ("abc-6.12.1+deb13-amd64", Some(("abc", "6.12.1+deb13-amd64"))),
            ("my-box-6.12.1+deb13-amd64+3", Some(("my-box", "6.12.1+deb13-amd64"))),
            ("a-6.12.1+deb13-amd64+2-1", Some(("a", "6.12.1+deb13-amd64"))),
            ("a-6.12.1+1", Some(("a", "6.12.1+1"))),
            ("a-6.12.1+1+3", Some(("a", "6.12.1+1"))),
            ("-6.12.1+1", None),
            ("6.12.1+1", None),
            ("a-6.12.1+deb13-amd64+x", None),
            ("debian", None),
        ] {
            assert_eq!(token_and_version(stem, &versions), parts, "{stem}");
        }
    }
}
