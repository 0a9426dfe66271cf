//! Whether storage that knows this machine by its name is in use, or `/` may be on it. If so, the name stays.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::guest::root::Root;
use crate::image::{self, NotAnImage};

/// Files with kernel arguments: those of the running kernel, and those of later boots.
const ARGUMENTS: &[&str] = &[
    "proc/cmdline",
    "etc/default/grub",
    "etc/default/grub.d/*.cfg",
    "etc/kernel/cmdline",
    "etc/cmdline.d/*.conf",
    "boot/grub/grub.cfg",
    "boot/grub2/grub.cfg",
    "boot/loader/entries/*.conf",
    "boot/efi/loader/entries/*.conf",
    "efi/loader/entries/*.conf",
];

/// Images that a boot may load.
const IMAGES: &[&str] = &[
    "boot/initrd*",
    "boot/initramfs*",
    "boot/booster-*",
    "boot/*/*/initrd*",
    "boot/efi/*/*/initrd*",
    "efi/*/*/initrd*",
    "boot/EFI/Linux/*.efi",
    "boot/efi/EFI/Linux/*.efi",
    "efi/EFI/Linux/*.efi",
];

/// The signs of a kind of storage.
struct Signs {
    /// What is in use, for example `an iSCSI session`.
    what: &'static str,
    /// How the user can end that.
    end: &'static str,
    /// What the firmware leaves in sysfs if it booted from such storage.
    firmware: &'static [&'static str],
    /// Beginnings of kernel arguments that make a boot log in (dracut.cmdline(7), open-iscsi's initramfs script).
    arguments: &'static [&'static str],
    /// Files that make the initramfs image log in.
    settings: &'static [&'static str],
    /// Endings of files in an image that contain the name.
    in_images: &'static [&'static str],
}

const ISCSI: Signs = Signs {
    what: "an iSCSI session",
    end: "unmount what is on it and run `iscsiadm -m node -u`",
    firmware: &["/sys/firmware/ibft/initiator"],
    arguments: &["netroot=iscsi", "root=iscsi", "rd.iscsi", "iscsi_", "ISCSI_", "ip=ibft"],
    settings: &["/etc/iscsi/iscsi.initramfs"],
    in_images: &["initiatorname.iscsi"],
};

const NVME: Signs = Signs {
    what: "an NVMe controller behind a network",
    end: "unmount what is on it and run `nvme disconnect-all`",
    firmware: &["/sys/firmware/acpi/tables/NBFT"],
    arguments: &["rd.nvmf", "nvmf.", "root=nbft", "ip=nbft"],
    settings: &[],
    in_images: &["etc/nvme/hostnqn", "etc/nvme/hostid"],
};

/// Demands that no iSCSI session is open, and that `/` is not on one.
///
/// # Errors
/// The open session, or the sign that `/` may be on one.
pub(super) fn iscsi(root: &Root) -> Result<()> {
    if root.is_live() {
        let sessions = root.list("/sys/class/iscsi_session")?;
        if let Some(session) = sessions.first() {
            bail!("{}", ISCSI.open(&session.to_string_lossy()));
        }
    }
    ISCSI.is_not_booted_from(root)
}

/// The same for NVMe over Fabrics. A controller that is not a device on the PCI bus is behind a network (Linux
/// drivers/nvme/host, attribute `transport`).
///
/// # Errors
/// The same as [`iscsi`].
pub(super) fn nvme(root: &Root) -> Result<()> {
    if root.is_live() {
        for controller in root.list("/sys/class/nvme")? {
            let at = Path::new("/sys/class/nvme").join(&controller).join("transport");
            let transport = root.read_text(at).unwrap_or_default();
            if !matches!(transport.trim(), "" | "pcie" | "apple-nvme") {
                bail!("{}", NVME.open(&controller.to_string_lossy()));
            }
        }
    }
    NVME.is_not_booted_from(root)
}

impl Signs {
    fn open(&self, which: &str) -> String {
        format!(
            "{} is open (`{which}`) and uses the old name: {}, then run the command again",
            self.what, self.end
        )
    }

    fn is_not_booted_from(&self, root: &Root) -> Result<()> {
        let firmware = self.firmware.iter().filter(|_| root.is_live());
        let by = firmware.chain(self.settings).find(|path| root.exists(path));
        if let Some(path) = by {
            return Err(self.booted(path));
        }
        for pattern in ARGUMENTS {
            for path in root.glob(pattern)? {
                let path = Path::new("/").join(path);
                let text = root.read_text(&path).unwrap_or_default();
                let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
                let mut words = lines.flat_map(|line| {
                    line.split(|letter: char| {
                        letter.is_whitespace() || matches!(letter, '"' | '\'')
                    })
                });
                let begins = |word: &str| self.arguments.iter().any(|own| word.starts_with(own));
                if words.any(begins) {
                    return Err(self.booted(&path.display().to_string()));
                }
            }
        }
        for pattern in IMAGES {
            for path in root.glob(pattern)? {
                let path = Path::new("/").join(path);
                if self.is_in_image(root, &path)? {
                    return Err(self.booted(&path.display().to_string()));
                }
            }
        }
        Ok(())
    }

    fn booted(&self, path: &str) -> anyhow::Error {
        anyhow!(
            "according to `{path}`, `/` may be on {}, and the next boot would log in under another name: keep \
             the name, or change it by hand together with the boot and the target's access list",
            self.what
        )
    }

    /// Whether an image contains a file with the name.
    fn is_in_image(&self, root: &Root, path: &Path) -> Result<bool> {
        let Some(path) = root.resolve(path)?.map(|path| root.outer(&path)) else {
            return Ok(false);
        };
        if !path.is_file() {
            return Ok(false);
        }
        let mut is_in = false;
        let looked = image::read(&path, &mut |entry, content| {
            let name = String::from_utf8_lossy(&entry.name);
            is_in |= entry.is_file() && self.in_images.iter().any(|own| name.ends_with(own));
            // The rest of the image does not matter once such a file is found.
            if is_in {
                bail!("found");
            }
            std::io::copy(&mut content.take(u64::MAX), &mut std::io::sink())?;
            Ok(())
        });
        match looked {
            _ if is_in => Ok(true),
            Err(error) if error.downcast_ref::<NotAnImage>().is_none() => Err(error).context(
                "looking for the name in the images: repair that image, or remove it if no boot needs it",
            ),
            _ => Ok(false),
        }
    }
}
