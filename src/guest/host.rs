//! The host name, and the names that other programs give to the host.

use std::fmt;
use std::path::Path;

use super::kvp;
use super::machine::{self, Platform};
use crate::guest::root::Root;

/// The longest host name (gethostname(2), `HOST_NAME_MAX`).
const MAX_LABEL: usize = 64;

/// What cloud-init knows about the machine. Everybody may read it.
const INSTANCE_DATA: &str = "/run/cloud-init/instance-data.json";

/// A name for the host, and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// The short name: the part before the first dot.
    pub name: String,
    /// Where it was read.
    pub source: Source,
}

/// Where a name for the host was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Argument,
    /// `/etc/hostname`.
    File,
    /// The kernel: hostname(1), DHCP.
    Kernel,
    /// cloud-init's instance data.
    CloudInit,
    /// Hyper-V's name for the virtual machine.
    HyperV,
    /// VMware's variable `guestinfo.hostname`, if a person set it.
    Vmware,
    /// The asset tag of the chassis.
    AssetTag,
}

impl Source {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Argument => "argument",
            Self::File => "file",
            Self::Kernel => "kernel",
            Self::CloudInit => "cloud-init",
            Self::HyperV => "hyper-v",
            Self::Vmware => "vmware",
            Self::AssetTag => "asset-tag",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Argument => "--to-hostname",
            Self::File => "/etc/hostname",
            Self::Kernel => "the running kernel's host name",
            Self::CloudInit => "cloud-init's instance data",
            Self::HyperV => "Hyper-V's name for this machine",
            Self::Vmware => "VMware's guestinfo.hostname",
            Self::AssetTag => "the chassis' asset tag",
        })
    }
}

/// The system's own name: from `/etc/hostname`, or from the kernel of the running system.
pub fn present(root: &Root) -> Option<HostName> {
    let written = root.read_text("/etc/hostname").and_then(|text| {
        let line =
            text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        line.map(str::to_owned)
    });
    match written {
        Some(name) => named(&name, Source::File),
        None if root.is_live() => kernels(),
        None => None,
    }
}

/// Other names of the running system, the nearest first. For another root, there are none. `vmware` asks
/// VMware for `guestinfo.hostname`.
pub fn others(root: &Root, vmware: impl FnOnce() -> Option<String>) -> Vec<HostName> {
    if !root.is_live() {
        return Vec::new();
    }
    let present = present(root);
    let cloud = cloud_init().and_then(|name| named(&name, Source::CloudInit));
    let found = [kernels(), cloud, from_platform(vmware), from_tag()].into_iter().flatten();
    found
        .filter(|other| present.as_ref().is_none_or(|present| present.name != other.name))
        .collect()
}

/// The short host name in a text, if it is a valid one.
pub fn short(text: &str) -> Option<&str> {
    let short = text.trim().split('.').next().unwrap_or_default();
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let valid = short.len() <= MAX_LABEL
        && short.bytes().all(inner)
        && short.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && short != "localhost";
    valid.then_some(short)
}

fn named(text: &str, source: Source) -> Option<HostName> {
    let name = short(text);
    if name.is_none() {
        log::debug!("`{}` ({source}) cannot be a host name", text.trim());
    }
    name.map(|name| HostName { name: name.to_owned(), source })
}

fn kernels() -> Option<HostName> {
    named(&nix::unistd::gethostname().ok()?.into_string().ok()?, Source::Kernel)
}

/// `v1.local_hostname` (cloud-init, Instance metadata: standardized keys).
fn cloud_init() -> Option<String> {
    let bytes = std::fs::read(INSTANCE_DATA).ok()?;
    let data: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    data.get("v1")?.get("local_hostname")?.as_str().map(str::to_owned)
}

fn from_platform(vmware: impl FnOnce() -> Option<String>) -> Option<HostName> {
    match Platform::of_running()? {
        Platform::HyperV => {
            let pool = Path::new(kvp::POOL);
            if !kvp::is_fresh(pool) {
                log::debug!("`{}` does not exist, or is older than this boot", pool.display());
                return None;
            }
            let name = kvp::value(&std::fs::read(pool).ok()?, kvp::MACHINE_NAME)?;
            named(&name, Source::HyperV)
        }
        Platform::Vmware => named(&vmware()?, Source::Vmware),
        _ => None,
    }
}

fn from_tag() -> Option<HostName> {
    named(&machine::asset_tag()?, Source::AssetTag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_no_hosts_name_is_none() {
        for (text, name) in [
            ("web01.example.org\n", Some("web01")),
            ("WEB_01", Some("WEB_01")),
            ("Web 01 (restored)", None),
            ("", None),
            ("localhost.localdomain", None),
            ("-x", None),
            (".x", None),
            ("w\u{fc}rfel", None),
        ] {
            assert_eq!(short(text), name, "{text}");
        }
        assert_eq!(short(&"x".repeat(65)), None);
    }
}
