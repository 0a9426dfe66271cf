//! What the search does not enter: other systems, disks of other machines, certain file systems.

/// Directories that the search does not enter: roots and disks of other systems, and postclone's own
/// records. Anywhere else, a directory that contains `etc`, `usr` and `var` counts as another system's
/// root.
pub(super) const CLOSED: &[(&str, &str)] = &[
    ("var/lib/postclone", "the journals of postclone"),
    ("var/lib/machines", OTHER_ROOTS),
    ("var/lib/portables", OTHER_ROOTS),
    ("var/lib/docker", OTHER_ROOTS),
    ("var/lib/containers", OTHER_ROOTS),
    ("var/lib/containerd", OTHER_ROOTS),
    ("var/lib/kubelet/pods", OTHER_ROOTS),
    ("var/lib/rancher", OTHER_ROOTS),
    ("var/lib/lxc", OTHER_ROOTS),
    ("var/lib/lxd/storage-pools", OTHER_ROOTS),
    ("var/lib/incus/storage-pools", OTHER_ROOTS),
    ("var/lib/schroot", OTHER_ROOTS),
    ("var/lib/flatpak", OTHER_ROOTS),
    ("var/lib/libvirt/images", "disks of other machines"),
    ("var/lib/vz", "disks of other machines"),
];

const OTHER_ROOTS: &str = "roots of other systems";

/// Types of file systems that the search does not enter. A subtype may follow after a dot (`fuse.sshfs`).
pub(super) const CLOSED_FILE_SYSTEMS: &[(&[&str], &str)] = &[
    (
        &[
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "smbfs",
            "ncpfs",
            "afs",
            "coda",
            "ceph",
            "9p",
            "glusterfs",
            "lustre",
            "gpfs",
            "ocfs2",
            "gfs2",
            "fuse",
            "fuseblk",
            "virtiofs",
        ],
        "is a network file system or a user's file system",
    ),
    (&["autofs"], "mounts something when entered"),
    (&["overlay", "squashfs", "erofs", "iso9660", "udf", "cramfs"], "is the content of an image"),
    (
        &[
            "proc",
            "sysfs",
            "devtmpfs",
            "devpts",
            "cgroup",
            "cgroup2",
            "debugfs",
            "tracefs",
            "securityfs",
            "configfs",
            "pstore",
            "bpf",
            "mqueue",
            "hugetlbfs",
            "fusectl",
            "binfmt_misc",
            "rpc_pipefs",
            "nsfs",
            "selinuxfs",
            "ramfs",
        ],
        "belongs to the kernel",
    ),
];

/// Why the search does not enter a directory. `path` is relative to the root.
pub(super) fn closed(path: &[u8]) -> Option<&'static str> {
    CLOSED.iter().find(|(dir, _)| dir.as_bytes() == path).map(|(_, why)| *why)
}

/// Why the search does not enter a file system of this type.
pub(super) fn closed_file_system(kind: &str) -> Option<&'static str> {
    let main = kind.split('.').next().unwrap_or(kind);
    CLOSED_FILE_SYSTEMS.iter().find(|(kinds, _)| kinds.contains(&main)).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_file_system_may_have_another_behind_a_dot() {
        assert_eq!(closed_file_system("fuse.sshfs"), closed_file_system("nfs"));
        assert_eq!(closed_file_system("ext4"), None);
    }
}
