//! The initramfs images of installed kernels, and the tool that builds them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::copies::is_copy;
use crate::guest::presets::presets;
use crate::guest::root::Root;

/// The tool that builds the images of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// update-initramfs(8) of initramfs-tools.
    InitramfsTools,
    /// dracut(8).
    Dracut,
    /// mkinitcpio(8), Arch.
    Mkinitcpio,
    /// booster(1), Arch.
    Booster,
    /// mkinitfs(1), Alpine.
    Mkinitfs,
}

/// The tools, as messages list them.
pub const KNOWN: &str = "update-initramfs, dracut, mkinitcpio, booster and mkinitfs";

impl Generator {
    /// The name by which people know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InitramfsTools => "update-initramfs",
            Self::Dracut => "dracut",
            Self::Mkinitcpio => "mkinitcpio",
            Self::Booster => "booster",
            Self::Mkinitfs => "mkinitfs",
        }
    }

    /// Where it is configured.
    pub fn configuration(self) -> &'static str {
        match self {
            Self::InitramfsTools => {
                "update_initramfs= in /etc/initramfs-tools/update-initramfs.conf"
            }
            Self::Dracut => "/etc/dracut.conf, /etc/dracut.conf.d",
            Self::Mkinitcpio => "/etc/mkinitcpio.conf, /etc/mkinitcpio.d",
            Self::Booster => "/etc/booster.yaml",
            Self::Mkinitfs => "/etc/mkinitfs/mkinitfs.conf",
        }
    }
}

/// The image of one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The kernel's version, as `uname -r` prints it.
    pub version: String,
    /// The image, absolute inside the root.
    pub path: PathBuf,
}

/// An image that is not rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The image, absolute inside the root.
    pub path: PathBuf,
    /// Why, and what to do.
    pub why: String,
    /// Whether the next boot would find the old name in it.
    pub refuses: bool,
}

/// The images in `/boot`.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// Images to rebuild.
    pub images: Vec<Image>,
    /// Images that stay as they are.
    pub left: Vec<Left>,
}

/// The parts of file names before and after the version: Debian's, Fedora's, openSUSE's.
const FORMS: &[(&str, &str)] = &[("initrd.img-", ""), ("initramfs-", ".img"), ("initrd-", "")];

/// dracut's 51-dracut-rescue.install builds it once, for any host.
const RESCUE: &str = "it is the rescue image, which is built once and for any host, and it stays as it is: if \
                      you want it to have the new name, remove it and install its kernel again";
/// kdump-utils, kdumpctl(8); kdump-tools, kdump-config(8).
const KDUMP: &str = "it is kdump's image for the capture kernel, and it stays as it is: after the reboot, run \
                     `kdumpctl rebuild`, or on Debian `kdump-config unload` and `kdump-config load`";
const NO_MODULES: &str = "no modules of this kernel are installed, so the image stays as it is";

/// The images of kernels with installed modules, and the images in `/boot` that are left.
pub fn images(root: &Root, generator: Option<Generator>) -> Result<Images> {
    let mut found = Images::default();
    if generator == Some(Generator::Mkinitcpio) {
        add_presets(root, &mut found);
    }
    let packages = packages(root);
    for name in root.list("/boot")? {
        let Some(name) = name.to_str() else { continue };
        let path = PathBuf::from("/boot").join(name);
        if found.has(&path) || root.is_link(&path) && !is_versioned(name) {
            continue;
        }
        let mut leave = |why: &str| {
            found.left.push(Left { path: path.clone(), why: why.to_owned(), refuses: false });
        };
        match judge(root, generator, &packages, name) {
            Judged::Version(version) if has_modules(root, &version) => {
                found.images.push(Image { version, path });
            }
            Judged::Version(_) => leave(NO_MODULES),
            Judged::Rescue => leave(RESCUE),
            Judged::Kdump => leave(KDUMP),
            Judged::Other => {}
        }
    }
    Ok(found)
}

impl Images {
    /// Whether an image is listed already.
    pub fn has(&self, path: &Path) -> bool {
        self.images.iter().any(|image| image.path == path)
            || self.left.iter().any(|left| left.path == path)
    }
}

enum Judged {
    Version(String),
    Rescue,
    Kdump,
    Other,
}

fn is_versioned(name: &str) -> bool {
    FORMS.iter().any(|(head, tail)| version_in(name, head, tail).is_some_and(is_version))
}

fn version_in<'a>(name: &'a str, head: &str, tail: &str) -> Option<&'a str> {
    name.strip_prefix(head)?.strip_suffix(tail)
}

fn judge(
    root: &Root,
    generator: Option<Generator>,
    packages: &BTreeMap<String, String>,
    name: &str,
) -> Judged {
    let version = FORMS.iter().find_map(|(head, tail)| version_in(name, head, tail));
    match version {
        Some(version) if version.starts_with("0-rescue") => return Judged::Rescue,
        Some(version) if is_kdump(version) => return Judged::Kdump,
        Some(version) if is_version(version) => return Judged::Version(version.to_owned()),
        _ => {}
    }
    let release = match generator {
        Some(Generator::Dracut) => version_in(name, "initramfs-", ".img")
            .and_then(|package| packages.get(package).cloned()),
        Some(Generator::Booster) => {
            version_in(name, "booster-", ".img").and_then(|package| packages.get(package).cloned())
        }
        Some(Generator::Mkinitfs) => {
            version_in(name, "initramfs-", "").and_then(|flavour| of_flavour(root, flavour))
        }
        _ => None,
    };
    release.map_or(Judged::Other, Judged::Version)
}

fn add_presets(root: &Root, found: &mut Images) {
    let packages = packages(root);
    for preset in presets(root) {
        if !root.exists(&preset.image) || found.has(&preset.image) {
            continue;
        }
        let version = if preset.kernel.starts_with('/') {
            packages.get(&preset.name).cloned()
        } else {
            Some(preset.kernel).filter(|version| has_modules(root, version))
        };
        match version {
            Some(version) => found.images.push(Image { version, path: preset.image }),
            None => found.left.push(Left {
                path: preset.image,
                why: NO_MODULES.to_owned(),
                refuses: false,
            }),
        }
    }
}

/// Where modules are. `/lib` is a link on most systems.
const MODULES: &[&str] = &["/usr/lib/modules", "/lib/modules"];

fn has_modules(root: &Root, version: &str) -> bool {
    MODULES.iter().any(|dir| root.exists(format!("{dir}/{version}")))
}

fn releases(root: &Root) -> impl Iterator<Item = (PathBuf, String)> {
    MODULES.iter().flat_map(|dir| {
        let names = root.list(dir).unwrap_or_default().into_iter();
        names.filter_map(move |name| Some((Path::new(dir).join(&name), name.to_str()?.to_owned())))
    })
}

/// Arch's kernel packages, each with its version (`pkgbase` in the directory of the modules).
fn packages(root: &Root) -> BTreeMap<String, String> {
    let package =
        |dir: PathBuf| root.read_text(dir.join("pkgbase")).map(|text| text.trim().to_owned());
    releases(root).filter_map(|(dir, version)| Some((package(dir)?, version))).collect()
}

/// The version of a flavour of Alpine's kernel: `lts` may be `6.6.58-0-lts`.
fn of_flavour(root: &Root, flavour: &str) -> Option<String> {
    let told = root.read_text(format!("/usr/share/kernel/{flavour}/kernel.release"));
    let tail = format!("-{flavour}");
    told.map(|text| text.trim().to_owned())
        .or_else(|| releases(root).map(|(_, version)| version).find(|name| name.ends_with(&tail)))
}

/// Whether it is a kernel version, which begins with a digit. `6.1.0.bak`, `.old` and `.dpkg-bak` are
/// copies.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && !is_copy(text.as_bytes())
        && !text.ends_with(".new")
        && !is_kdump(text)
}

fn is_kdump(version: &str) -> bool {
    version.ends_with("kdump")
}

/// The tool that builds the images of this system, found by its configuration and program.
pub fn generator(root: &Root) -> Option<Generator> {
    let has = |program: &str| {
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .iter()
            .any(|dir| root.exists(format!("{dir}/{program}")))
    };
    let any = |pattern: &str| !root.glob(pattern).unwrap_or_default().is_empty();
    let has_preset_images = || presets(root).iter().any(|preset| root.exists(&preset.image));
    // In Debian, the package dracut has its own update-initramfs since version 106.
    if has("mkinitramfs") && has("update-initramfs") {
        Some(Generator::InitramfsTools)
    } else if has("mkinitcpio") && has_preset_images() {
        Some(Generator::Mkinitcpio)
    } else if has("booster") && any("boot/booster-*.img") {
        Some(Generator::Booster)
    } else if has("mkinitfs") && root.exists("/etc/mkinitfs/mkinitfs.conf") {
        Some(Generator::Mkinitfs)
    } else if has("dracut") {
        Some(Generator::Dracut)
    } else {
        None
    }
}
