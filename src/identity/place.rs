//! Whether this is a machine of its own. A chroot or a container shows the marks of its host.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Files that exist in a container (systemd's container interface, podman, Docker).
const CONTAINERS: &[&str] =
    &["/run/systemd/container", "/run/host/container-manager", "/run/.containerenv", "/.dockerenv"];

/// Why the machine's marks do not belong to this system. `None` if they do.
pub fn why_not() -> Option<&'static str> {
    if CONTAINERS.iter().any(|path| Path::new(path).exists()) {
        return Some("this is a container, and the machine that it shows is its host");
    }
    let id = |path: &str| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    match (id("/proc/1/root"), id("/")) {
        (Ok(first), Ok(own)) if first != own => {
            Some("this is a chroot, and the machine that it shows is the one around it")
        }
        _ => None,
    }
}
