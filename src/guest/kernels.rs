//! Installed kernels' initramfs images, and the tool that makes them.

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::guest::root::Root;

/// The tool that builds the images of this system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// update-initramfs(8) of initramfs-tools.
    InitramfsTools,
    /// dracut(8).
    Dracut,
}

impl Generator {
    /// The name under which a person knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InitramfsTools => "update-initramfs",
            Self::Dracut => "dracut",
        }
    }
}

/// One kernel's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The kernel's version, as `uname -r` says it.
    pub version: String,
    /// The image, absolute inside the root.
    pub path: PathBuf,
}

/// What is found of images in `/boot`.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// To be rebuilt, by version.
    pub images: Vec<Image>,
    /// Images for which no kernel's modules are installed: nothing can rebuild them.
    pub orphans: Vec<PathBuf>,
}

/// File names before and after the version: Debian's, Fedora's.
const FORMS: &[(&str, &str)] = &[("initrd.img-", ""), ("initramfs-", ".img")];

/// The images in `/boot` whose kernel's modules are installed.
pub fn images(root: &Root) -> Result<Images> {
    let mut found = Images::default();
    for name in root.list("/boot")? {
        let Some(name) = name.to_str() else { continue };
        let version =
            FORMS.iter().find_map(|(head, tail)| name.strip_prefix(head)?.strip_suffix(tail));
        let Some(version) = version.filter(|version| is_version(version)) else { continue };
        let path = PathBuf::from("/boot").join(name);
        if root.exists(format!("/lib/modules/{version}"))
            || root.exists(format!("/usr/lib/modules/{version}"))
        {
            found.images.push(Image { version: version.to_owned(), path });
        } else {
            found.orphans.push(path);
        }
    }
    Ok(found)
}

/// Kernel versions start with a digit; `6.1.0.bak`, `.old`, `.dpkg-bak` and kdump's are copies.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && ![".old", ".bak", ".dpkg-bak", ".new", ".orig"].iter().any(|tail| text.ends_with(tail))
        && !text.ends_with("kdump")
}

/// The generator of this system: the one whose configuration and program are installed.
pub fn generator(root: &Root) -> Option<Generator> {
    let has = |program: &str| {
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .iter()
            .any(|dir| root.exists(format!("{dir}/{program}")))
    };
    // Debian's dracut package ships an update-initramfs of its own from version 106 on.
    if has("mkinitramfs") && has("update-initramfs") {
        Some(Generator::InitramfsTools)
    } else if has("dracut") {
        Some(Generator::Dracut)
    } else {
        None
    }
}
