//! What is mounted, and what `/etc/fstab` says should be mounted.

use std::path::{Path, PathBuf};

use crate::guest::root::Root;
use crate::rewrite::fields::fields;
use crate::rewrite::lines::lines;

/// One line of `/proc/…/mountinfo` (proc_pid_mountinfo(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its ID, and the ID of the mount that contains its mount point.
    pub id: u32,
    /// See `id`.
    pub parent: u32,
    /// The device number of the file system: `254:0`.
    pub device: String,
    /// The directory of the file system that is mounted.
    pub shows: PathBuf,
    /// Options of the mount point.
    pub options: String,
    /// Options of the file system.
    pub system_options: String,
    /// Mount point.
    pub target: PathBuf,
    /// Whether the mount or its file system is read-only.
    pub read_only: bool,
    /// The source that was mounted, as the kernel shows it.
    pub source: String,
    /// The type of the file system. A subtype may follow after a dot (`fuse.sshfs`).
    pub kind: String,
}

/// The mounts that the calling thread sees. `/proc/self` would show those of the main thread. None if
/// there is no /proc.
pub fn mounted() -> Vec<Mount> {
    let text = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default();
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    let (front, back) = line.split_once(" - ")?;
    let front: Vec<&str> = front.split(' ').collect();
    let mut back = back.split(' ');
    let (kind, source, super_options) = (back.next()?, back.next()?, back.next()?);
    let has_ro = |options: &str| options.split(',').any(|option| option == "ro");
    Some(Mount {
        id: front.first()?.parse().ok()?,
        parent: front.get(1)?.parse().ok()?,
        device: (*front.get(2)?).to_owned(),
        shows: PathBuf::from(unescape(front.get(3)?)),
        target: PathBuf::from(unescape(front.get(4)?)),
        options: (*front.get(5)?).to_owned(),
        system_options: super_options.to_owned(),
        read_only: has_ro(front.get(5)?) || has_ro(super_options),
        source: unescape(source),
        kind: kind.to_owned(),
    })
}

fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// What fstab mounts at boot (no `noauto`, no swap): source and mount point.
pub fn fstab_mounts(root: &Root) -> Vec<(String, PathBuf)> {
    let Ok(Some(fstab)) = root.read(Path::new("/etc/fstab")) else { return Vec::new() };
    let text = &fstab.bytes;
    let field =
        |range: &std::ops::Range<usize>| String::from_utf8_lossy(&text[range.clone()]).into_owned();
    lines(text)
        .map(|line| fields(text, line))
        .filter(|fields| fields.len() >= 3 && text[fields[0].start] != b'#')
        .filter(|fields| {
            fields.get(3).is_none_or(|options| field(options).split(',').all(|o| o != "noauto"))
        })
        .map(|fields| (field(&fields[0]), PathBuf::from(unescape(&field(&fields[1])))))
        .filter(|(_, target)| target.is_absolute())
        .collect()
}

/// Whether fstab mounts something at the target with that option (fstab(5), the fourth field).
pub fn fstab_has_option(root: &Root, target: &Path, option: &str) -> bool {
    let text = root.read_text("/etc/fstab").unwrap_or_default();
    text.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields[..], [source, at, _, options, ..]
            if !source.starts_with('#')
                && Path::new(&unescape(at)) == target
                && options.split(',').any(|each| each == option))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo() {
        let line =
            "26 1 254:1 / /my\\040home rw,relatime shared:1 - ext4 /dev/mapper/svlmon2--vg-root ro";
        let mount = parse_line(line).unwrap();
        assert_eq!(mount.target, Path::new("/my home"));
        assert!(mount.read_only);
        assert_eq!(mount.source, "/dev/mapper/svlmon2--vg-root");
        assert_eq!(mount.kind, "ext4");
        assert_eq!((mount.id, mount.parent, mount.device.as_str()), (26, 1, "254:1"));
    }
}
