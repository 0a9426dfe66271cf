//! LVM's devices file: the disks that LVM uses, each with an ID of its hardware (lvmdevices(8)). A clone
//! has the file of its template, with the IDs of the template's disks.

use std::fs;
use std::path::Path;

/// Where the file is, unless `devices/devicesfile` in lvm.conf(5) names another one.
pub const PATH: &str = "/etc/lvm/devices/system.devices";

/// The text of the running system's file.
#[derive(Debug, Default)]
pub struct DevicesFile(String);

impl DevicesFile {
    /// Reads the file. None if it does not exist.
    pub fn read() -> Option<Self> {
        fs::read(Path::new(PATH)).ok().map(|bytes| Self(String::from_utf8_lossy(&bytes).into()))
    }

    /// The line about a physical volume: its number, from 1, and the ID by which LVM finds the disk. The
    /// UUID may have hyphens or not.
    pub fn line_of(&self, uuid: &str) -> Option<(usize, String)> {
        let wanted = format!("PVID={}", uuid.replace('-', ""));
        let line = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let id = |word: &&&str| word.starts_with("IDTYPE=") || word.starts_with("IDNAME=");
            let id: Vec<&str> = words.iter().filter(id).copied().collect();
            words.contains(&wanted.as_str()).then(|| id.join(" "))
        };
        self.0.lines().enumerate().find_map(|(number, text)| Some((number + 1, line(text)?)))
    }

    /// The host that wrote the file, if LVM noted it (lvm2 2.03.24 and later).
    pub fn host(&self) -> Option<&str> {
        self.0.lines().find_map(|line| line.trim().strip_prefix("HOSTNAME="))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_the_volumes_uuid() {
        let file = DevicesFile(
            "# LVM uses devices listed in this file.\nHOSTNAME=svlmon2\nVERSION=1.1.2\n\
             IDTYPE=sys_wwid IDNAME=naa.6 DEVNAME=/dev/sda3 PVID=AbCd PART=3\n"
                .to_owned(),
        );
        assert_eq!(file.line_of("Ab-Cd"), Some((4, "IDTYPE=sys_wwid IDNAME=naa.6".to_owned())));
        assert_eq!(file.line_of("Ab-C"), None);
        assert_eq!(file.host(), Some("svlmon2"));
    }
}
