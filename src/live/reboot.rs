//! The time between a rename and the reboot: generators are told the new name, people are reminded.

use std::path::Path;

use anyhow::Result;

use crate::names::path::MAPPER;
use crate::own::{GRUB_LINK, PENDING};
use crate::transaction::runtime;

/// What grub-mkconfig is told; in /run, so that it is gone with the reboot.
const GRUB: &str = "/run/postclone/grub.cfg";

/// Stands before the package's tmpfiles.d entry, which removes the link at boot: a soft reboot
/// (systemd-soft-reboot.service(8)) is a boot to systemd-tmpfiles(8), while the kernel, /run and the dm
/// nodes' names stay, and so does the need for the link. A file of the same name in /run comes before
/// that in /usr/lib (tmpfiles.d(5)), and is gone after a reboot of the kernel.
const TMPFILES: &str = "/run/tmpfiles.d/postclone.conf";

/// Where Debian and Ubuntu users look (update-notifier-common, needrestart, unattended-upgrades).
const REQUIRED: &str = "/run/reboot-required";
const REQUIRED_BY: &str = "/run/reboot-required.pkgs";
const PACKAGE: &str = "postclone";

/// Keeps the name `from` from coming back before the reboot, and asks for it; both are what was renamed, in
/// words, and `nodes` are how its dm nodes are called.
///
/// grub-mkconfig asks grub-probe for the root device, which reads the mount table, which keeps the
/// name under which root was mounted: with links for it, update-grub would write the old name into
/// grub.cfg and end well. A kernel's installation runs it.
pub fn announce(from: &str, to: &str, nodes: &Nodes) -> Result<()> {
    runtime::write(Path::new(PENDING), &format!("{from}\n{to}\n"))?;
    if Path::new(GRUB_LINK).parent().is_some_and(Path::is_dir) {
        runtime::write(Path::new(GRUB), &nodes.grub_guard())?;
        runtime::link(Path::new(GRUB), Path::new(GRUB_LINK))?;
        runtime::write(Path::new(TMPFILES), &format!("L {GRUB_LINK} - - - - {GRUB}\n"))?;
    }
    let by = std::fs::read_to_string(REQUIRED_BY).unwrap_or_default();
    if !by.lines().any(|line| line == PACKAGE) {
        runtime::write(Path::new(REQUIRED_BY), &format!("{by}{PACKAGE}\n"))?;
    }
    if !Path::new(REQUIRED).exists() {
        runtime::write(Path::new(REQUIRED), "*** System restart required ***\n")?;
    }
    Ok(())
}

/// Takes it all away: the running system has the name that it is to have.
pub fn withdraw() -> Result<()> {
    runtime::unlink(Path::new(GRUB_LINK))?;
    for path in [TMPFILES, GRUB, PENDING] {
        runtime::remove(Path::new(path))?;
    }
    let by = std::fs::read_to_string(REQUIRED_BY).unwrap_or_default();
    if by.lines().any(|line| line == PACKAGE) {
        let others: Vec<&str> = by.lines().filter(|line| *line != PACKAGE).collect();
        if others.is_empty() {
            runtime::remove(Path::new(REQUIRED_BY))?;
            runtime::remove(Path::new(REQUIRED))?;
        } else {
            runtime::write(Path::new(REQUIRED_BY), &(others.join("\n") + "\n"))?;
        }
    }
    Ok(())
}

/// dm nodes before and after, without /dev/mapper/.
#[derive(Debug)]
pub enum Nodes {
    /// All that begin with the one, then begin with the other: a group's.
    Beginning(String, String),
    /// One: a volume's.
    Whole(String, String),
}

impl Nodes {
    /// Sourced by grub-mkconfig after it has probed (util/grub-mkconfig.in), in a POSIX shell.
    fn grub_guard(&self) -> String {
        let case = match self {
            Self::Beginning(from, to) => {
                let (from, to) = (format!("{MAPPER}{from}"), format!("{MAPPER}{to}"));
                format!("{from}[!-]*) GRUB_DEVICE=\"{to}${{GRUB_DEVICE#{from}}}\" ;;")
            }
            Self::Whole(from, to) => format!("{MAPPER}{from}) GRUB_DEVICE=\"{MAPPER}{to}\" ;;"),
        };
        format!(
            "# Made by postclone, gone with the next boot: the mount table still has the old name.\n\
             case \"$GRUB_DEVICE\" in\n\
             {case}\n\
             esac\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_names_both() {
        let text = Nodes::Beginning("a--b-".to_owned(), "c-".to_owned()).grub_guard();
        assert!(text.contains("\n/dev/mapper/a--b-[!-]*) GRUB_DEVICE=\"/dev/mapper/c-${GRUB_DEVICE#/dev/mapper/a--b-}\" ;;\n"));
        let text = Nodes::Whole("c-root".to_owned(), "c-x".to_owned()).grub_guard();
        assert!(text.contains("\n/dev/mapper/c-root) GRUB_DEVICE=\"/dev/mapper/c-x\" ;;\n"));
    }
}
