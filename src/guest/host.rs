//! The host's name, and the group's name that goes with it.

use crate::guest::root::Root;
use crate::names::VgName;

/// The system's short host name: `/etc/hostname`, or the kernel's for the running system.
pub fn host_name(root: &Root) -> Option<String> {
    let written = root.read_text("/etc/hostname").and_then(|text| {
        let line =
            text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        line.map(str::to_owned)
    });
    let name = match written {
        Some(name) => name,
        None if root.is_live() => nix::unistd::gethostname().ok()?.into_string().ok()?,
        None => return None,
    };
    let short = name.split('.').next().unwrap_or_default().to_owned();
    (!short.is_empty() && short != "localhost").then_some(short)
}

/// Group names that installers make of a prefix and the host name (`rhel_web1`: anaconda).
const PREFIXES: &[&str] = &[
    "vg_",
    "vg-",
    "rhel_",
    "rl_",
    "ol_",
    "centos_",
    "fedora_",
    "almalinux_",
    "cs_",
    "rhel-",
    "ubuntu-vg-",
];

/// Group names that installers make of the host name and a suffix (`web1-vg`: Debian, Ubuntu).
const SUFFIXES: &[&str] = &["-vg", "_vg", "-lvm", "_lvm"];

/// Names that anaconda gives without a host name; with one they get it behind an underscore.
const DISTRIBUTIONS: &[&str] = &["rhel", "rl", "ol", "centos", "fedora", "almalinux", "cs"];

/// The name that `old`'s pattern gives on this host; `None` where `old` shows no pattern, the
/// pattern's host name is this host's already, or LVM would not take the result.
pub fn suggest(old: &VgName, host: &str) -> Option<VgName> {
    by_pattern(old, host).filter(|new| new != old)
}

/// Whether `old` is what its pattern gives on this host already.
pub fn fits(old: &VgName, host: &str) -> bool {
    by_pattern(old, host).as_ref() == Some(old)
}

fn by_pattern(old: &VgName, host: &str) -> Option<VgName> {
    let old_name = old.as_str();
    let name = if let Some(suffix) = SUFFIXES
        .iter()
        .find(|suffix| strictly_longer(old_name, suffix) && old_name.ends_with(**suffix))
    {
        format!("{host}{suffix}")
    } else if let Some(prefix) = PREFIXES
        .iter()
        .find(|prefix| strictly_longer(old_name, prefix) && old_name.starts_with(**prefix))
    {
        format!("{prefix}{host}")
    } else if DISTRIBUTIONS.contains(&old_name) {
        format!("{old_name}_{host}")
    } else {
        return None;
    };
    VgName::rename_target(&name).ok()
}

fn strictly_longer(name: &str, part: &str) -> bool {
    name.len() > part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_of_the_old_name_is_kept() {
        let suggested = |old: &str, host: &str| {
            suggest(&VgName::new(old).unwrap(), host).map(|name| name.to_string())
        };
        assert_eq!(suggested("svlmon2-vg", "svlinuxtest").as_deref(), Some("svlinuxtest-vg"));
        assert_eq!(suggested("ubuntu-vg", "web01").as_deref(), Some("web01-vg"));
        assert_eq!(suggested("vg_template", "web01").as_deref(), Some("vg_web01"));
        assert_eq!(suggested("rhel_vm37-146", "clone").as_deref(), Some("rhel_clone"));
        assert_eq!(suggested("rhel", "clone").as_deref(), Some("rhel_clone"));
        assert_eq!(suggested("system", "web01"), None);
        assert_eq!(suggested("-vg".trim_start_matches('-'), "web01"), None);
        assert_eq!(suggested("web01-vg", "web01"), None);
        assert_eq!(suggested("rhel_web01", "web01"), None);
        assert_eq!(suggested("a-vg", &"x".repeat(120)), None);
    }

    #[test]
    fn a_name_that_fits_is_told_from_one_without_a_pattern() {
        let fits = |old: &str, host: &str| fits(&VgName::new(old).unwrap(), host);
        assert!(fits("web01-vg", "web01"));
        assert!(fits("rhel_web01", "web01"));
        assert!(!fits("svlmon2-vg", "web01"));
        assert!(!fits("rhel", "web01"));
        assert!(!fits("web01", "web01"));
    }
}
