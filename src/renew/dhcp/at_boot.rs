//! The unit that empties the clients' files at the next boot.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Deserializer, Serialize};

use crate::guest::root::Root;
use crate::live;
use crate::transaction::made;

/// The unit, and the link by which it is started at each boot.
const UNIT: &str = "/etc/systemd/system/postclone-dhcp.service";
const WANT: &str = "/etc/systemd/system/sysinit.target.wants/postclone-dhcp.service";
const TARGET: &str = "../postclone-dhcp.service";

/// The directory of the system's own units. Without it, there is no place for the unit.
const UNITS: &str = "/etc/systemd/system";

/// Programs of coreutils, at paths that also exist without a merged /usr.
const TRUNCATE: &str = "/usr/bin/truncate";
const RM: &str = "/bin/rm";

/// What happens to the unit, with the files that it empties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AtBoot {
    /// The unit is created.
    Write(#[serde(deserialize_with = "plain")] Vec<PathBuf>),
    /// The unit is removed, if it still exists.
    Remove(#[serde(deserialize_with = "plain")] Vec<PathBuf>),
}

impl AtBoot {
    pub(super) fn files(&self) -> &Vec<PathBuf> {
        let (Self::Write(files) | Self::Remove(files)) = self;
        files
    }

    pub(super) fn turned(&self) -> Self {
        match self {
            Self::Write(files) => Self::Remove(files.clone()),
            Self::Remove(files) => Self::Write(files.clone()),
        }
    }

    /// Creates or removes the unit in a tree.
    pub(super) fn settle(&self, root: &Root) -> Result<()> {
        let (unit, want, target) = (Path::new(UNIT), Path::new(WANT), Path::new(TARGET));
        let text = text(self.files());
        match self {
            Self::Write(_) => {
                made::file(root, unit, text.as_bytes())?;
                made::link(root, want, target)
            }
            Self::Remove(_) => {
                made::take_link_away(root, want, target)?;
                made::take_away(root, unit, text.as_bytes())
            }
        }
    }

    /// The words for people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Write(_) => format!(
                "make {UNIT}, which empties them once more at the next boot, before the network, and removes itself"
            ),
            Self::Remove(_) => format!("remove {UNIT}, if it still exists"),
        }
    }
}

/// The unit that these files need, and a warning if it cannot be used. In a tree that does not run, no client can
/// write the files again.
pub(super) fn of(root: &Root, files: &[PathBuf]) -> (Option<AtBoot>, Option<String>) {
    if !root.is_live() {
        return (None, None);
    }
    let stop = "a running DHCP client may write its old lease again before the reboot: if one runs, stop it and \
                run `postclone renew dhcp` on the console, right before the reboot";
    let has_programs = [TRUNCATE, RM, UNITS].iter().all(|path| root.exists(path));
    if !live::has_systemd() || !has_programs {
        return (
            None,
            Some(format!("nothing empties the files once more at the next boot: {stop}")),
        );
    }
    if let Some(odd) = files.iter().find(|path| !is_plain(path)) {
        let text = format!("the name of `{}` cannot be written in a unit: {stop}", odd.display());
        return (None, Some(text));
    }
    let Some(there) = root.read_text(UNIT) else {
        return (Some(AtBoot::Write(files.to_vec())), None);
    };
    let is_in = |path: &&PathBuf| there.split_whitespace().any(|word| Path::new(word) == *path);
    match files.iter().find(|path| !is_in(path)) {
        None => (None, None),
        Some(path) => {
            let text = format!(
                "`{UNIT}` of an earlier renewal empties files at the next boot, but not `{}`: reboot first, and \
                 if the old lease is there again, renew it then",
                path.display()
            );
            (None, Some(text))
        }
    }
}

/// The unit's order is that of the units of networkd, NetworkManager and ifupdown, which all start after
/// network-pre.target (systemd.special(7)). That target exists only if a unit wants it.
fn text(files: &[PathBuf]) -> String {
    let mut text = String::from(
        "# Made by `postclone renew`: a DHCP client that was running may have written the template's leases again.\n\
         # It removes itself.\n\
         [Unit]\n\
         Description=Empty what DHCP clients kept from this machine's template\n\
         Documentation=man:postclone(8)\n\
         DefaultDependencies=no\n\
         Conflicts=shutdown.target\n\
         After=local-fs.target\n\
         Wants=network-pre.target\n\
         Before=network-pre.target sysinit.target shutdown.target\n\
         \n\
         [Service]\n\
         Type=oneshot\n",
    );
    let _ = write!(text, "ExecStart={TRUNCATE} --no-create --size=0");
    for file in files {
        let _ = write!(text, " {}", file.display());
    }
    let _ = writeln!(text, "\nExecStopPost={RM} -f {WANT} {UNIT}");
    text
}

/// Whether a path can be written in a unit as it is (systemd.service(5), COMMAND LINES).
fn is_plain(path: &Path) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-:@+=".contains(byte);
    path.as_os_str().as_encoded_bytes().iter().all(is_plain)
}

/// Reads paths, and refuses those that the unit cannot contain.
fn plain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    let files = Vec::<PathBuf>::deserialize(deserializer)?;
    match files.iter().find(|path| !is_plain(path)) {
        None => Ok(files),
        Some(path) => Err(serde::de::Error::custom(format!(
            "`{}` stands in no unit of postclone's",
            path.to_string_lossy().escape_debug()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_names_its_files_and_removes_itself() {
        let files =
            ["/var/lib/dhcp/dhclient.eth0.leases", "/var/lib/dhcpcd/duid"].map(PathBuf::from);
        let text = text(&files);
        assert!(text.contains(
            "\nExecStart=/usr/bin/truncate --no-create --size=0 /var/lib/dhcp/dhclient.eth0.leases \
             /var/lib/dhcpcd/duid\n"
        ));
        assert!(text.contains(&format!("\nExecStopPost=/bin/rm -f {WANT} {UNIT}\n")));
        for path in ["/a b", "/a%n", "/a$b", "/a\"b", "/a\\x", "/é", "/a;b", "/a\nb"] {
            assert!(!is_plain(Path::new(path)), "{path}");
        }
    }
}
