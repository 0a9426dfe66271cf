//! Paths that are postclone's own.

/// Where runs keep their journals, inside the root.
pub const STATE: &str = "/var/lib/postclone";

/// Says that a rename waits for a reboot, and which.
pub const PENDING: &str = "/run/postclone/pending";

/// Where Debian's and Ubuntu's grub-mkconfig reads it. The link dangles after the reboot, when
/// grub-mkconfig passes it over (it tests `-e`), and the package's tmpfiles.d entry removes it.
pub const GRUB_LINK: &str = "/etc/default/grub.d/zz-postclone.cfg";
