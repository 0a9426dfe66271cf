//! Every program, where postclone looks for it, and what to do if it is missing.

use std::path::{Path, PathBuf};

use crate::guest::root::Root;

/// Every program that postclone may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// lvm(8)
    Lvm,
    /// udevadm(8)
    Udevadm,
    /// systemctl(1)
    Systemctl,
    /// update-initramfs(8)
    UpdateInitramfs,
    /// dracut(8)
    Dracut,
    /// mkinitcpio(8)
    Mkinitcpio,
    /// booster(1)
    Booster,
    /// mkinitfs(1)
    Mkinitfs,
    /// grub-script-check(1)
    GrubScriptCheck,
    /// visudo(8)
    Visudo,
    /// findmnt(8)
    Findmnt,
    /// systemd-analyze(1)
    SystemdAnalyze,
    /// blkid(8)
    Blkid,
    /// lsblk(8)
    Lsblk,
    /// sshd(8)
    Sshd,
    /// ssh-keygen(1)
    SshKeygen,
    /// iscsi-iname(8)
    IscsiIname,
    /// openssl(1)
    Openssl,
    /// kernel-install(8)
    KernelInstall,
    /// vmware-rpctool, of open-vm-tools
    VmwareRpctool,
    /// fsfreeze(8)
    Fsfreeze,
    /// systemd-inhibit(1)
    SystemdInhibit,
    /// hostnamectl(1)
    Hostnamectl,
    /// hostname(1)
    Hostname,
    /// tune2fs(8)
    Tune2fs,
    /// swaplabel(8)
    Swaplabel,
    /// swapon(8)
    Swapon,
    /// swapoff(8)
    Swapoff,
    /// fatlabel(8)
    Fatlabel,
    /// umount(8)
    Umount,
    /// mount(8)
    Mount,
    /// xfs_db(8)
    XfsDb,
    /// xfs_repair(8)
    XfsRepair,
    /// mdadm(8)
    Mdadm,
    /// less(1)
    Less,
}

/// Where the system's programs are, in the order of search.
pub(super) const DIRECTORIES: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

impl Program {
    /// Its file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lvm => "lvm",
            Self::Udevadm => "udevadm",
            Self::Systemctl => "systemctl",
            Self::UpdateInitramfs => "update-initramfs",
            Self::Dracut => "dracut",
            Self::Mkinitcpio => "mkinitcpio",
            Self::Booster => "booster",
            Self::Mkinitfs => "mkinitfs",
            Self::GrubScriptCheck => "grub-script-check",
            Self::Visudo => "visudo",
            Self::Findmnt => "findmnt",
            Self::SystemdAnalyze => "systemd-analyze",
            Self::Blkid => "blkid",
            Self::Lsblk => "lsblk",
            Self::Sshd => "sshd",
            Self::SshKeygen => "ssh-keygen",
            Self::IscsiIname => "iscsi-iname",
            Self::Openssl => "openssl",
            Self::KernelInstall => "kernel-install",
            Self::VmwareRpctool => "vmware-rpctool",
            Self::Fsfreeze => "fsfreeze",
            Self::SystemdInhibit => "systemd-inhibit",
            Self::Hostnamectl => "hostnamectl",
            Self::Hostname => "hostname",
            Self::Tune2fs => "tune2fs",
            Self::Swaplabel => "swaplabel",
            Self::Swapon => "swapon",
            Self::Swapoff => "swapoff",
            Self::Fatlabel => "fatlabel",
            Self::Umount => "umount",
            Self::Mount => "mount",
            Self::XfsDb => "xfs_db",
            Self::XfsRepair => "xfs_repair",
            Self::Mdadm => "mdadm",
            Self::Less => "less",
        }
    }

    /// Where the program is installed. `None` if it is not.
    pub fn find(self) -> Option<PathBuf> {
        DIRECTORIES.iter().map(|dir| Path::new(dir).join(self.name())).find(|path| path.is_file())
    }

    /// Whether a root has the program.
    pub fn is_in(self, root: &Root) -> bool {
        DIRECTORIES.iter().any(|dir| root.exists(Path::new(dir).join(self.name())))
    }

    /// What to do if the program is missing.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Lvm => "install the package lvm2, or work on files only with --files-only",
            Self::UpdateInitramfs
            | Self::Dracut
            | Self::Mkinitcpio
            | Self::Booster
            | Self::Mkinitfs => "install it, or leave out the images with --no-initramfs",
            _ => "install it",
        }
    }
}
