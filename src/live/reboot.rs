//! The time between a rename and the reboot: generators get the new name, and people are reminded of the reboot.

use std::path::Path;

use anyhow::Result;

use crate::names::path::MAPPER;
use crate::own::{GRUB_LINK, PENDING};
use crate::transaction::runtime;

/// Settings for grub-mkconfig. They are in /run, so that the reboot removes them.
const GRUB: &str = "/run/postclone/grub.cfg";

/// Overrides the package's tmpfiles.d entry, which removes the link at boot. systemd-tmpfiles(8) treats a soft reboot
/// (systemd-soft-reboot.service(8)) as a boot, but the kernel, /run and the dm nodes' names stay, so the link is
/// still needed. A file in /run overrides one of the same name in /usr/lib (tmpfiles.d(5)), and a full reboot removes
/// it.
const TMPFILES: &str = "/run/tmpfiles.d/postclone.conf";

/// Files that remind Debian and Ubuntu users (update-notifier-common, needrestart, unattended-upgrades).
const REQUIRED: &str = "/run/reboot-required";
const REQUIRED_BY: &str = "/run/reboot-required.pkgs";
const PACKAGE: &str = "postclone";

/// Keeps the name `from` from coming back before the reboot, and requests the reboot. `from` and `to` name what was
/// renamed, in words. `nodes` are the names of its dm nodes.
///
/// grub-mkconfig asks grub-probe for the root device. grub-probe reads the mount table, which keeps the name under
/// which root was mounted. There are still links for that name, so update-grub would write it into grub.cfg and
/// succeed. The installation of a kernel runs update-grub.
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

/// Removes all of this, because the running system has the right name.
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

/// Names of dm nodes before and after, without /dev/mapper/.
#[derive(Debug)]
pub enum Nodes {
    /// All nodes of a group: those that begin with the first text begin with the second afterwards.
    Beginning(String, String),
    /// The one node of a volume.
    Whole(String, String),
}

impl Nodes {
    /// A script for a POSIX shell. grub-mkconfig sources it after it has found the device (util/grub-mkconfig.in).
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
