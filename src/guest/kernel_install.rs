//! kernel-install's settings, read as kernel-install reads them (kernel-install(8); systemd 257
//! src/kernel-install/kernel-install.c).

use std::path::Path;

use super::root::Root;

/// Where settings may be. Only the first file counts.
const DIRS: &[&str] = &["/etc/kernel", "/run/kernel", "/usr/local/lib/kernel", "/usr/lib/kernel"];

/// The programs that build unified kernel images.
const PROGRAMS: &[&str] = &["kernel-install", "ukify"];

/// Where it reads the kernel command line, before it asks the running kernel.
const CMDLINES: &[&str] = &["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"];

/// Whether a root has a file with the kernel command line.
pub fn has_command_line(root: &Root) -> bool {
    CMDLINES.iter().any(|path| root.exists(path))
}

/// The settings, and possible entry tokens.
#[derive(Debug, Default)]
pub struct Settings {
    layout: String,
    uki_generator: String,
    devicetree: bool,
    boot_root: Option<String>,
    missing: Option<&'static str>,
    tokens: Vec<String>,
}

impl Settings {
    /// The settings of a root.
    pub fn read(root: &Root) -> Self {
        let conf = first(root, "install.conf").unwrap_or_default();
        let info = root.read_text("/etc/machine-info").unwrap_or_default();
        let release = root
            .read_text("/etc/os-release")
            .or_else(|| root.read_text("/usr/lib/os-release"))
            .unwrap_or_default();
        let line = |path: &str| root.read_text(path).map(|text| text.trim().to_owned());
        let tokens = [
            line("/etc/kernel/entry-token"),
            line("/etc/machine-id"),
            value(&conf, "MACHINE_ID"),
            value(&info, "KERNEL_INSTALL_MACHINE_ID"),
            value(&release, "IMAGE_ID"),
            value(&release, "ID"),
            Some("Default".to_owned()),
        ];
        let layout = value(&conf, "layout").or_else(|| value(&info, "KERNEL_INSTALL_LAYOUT"));
        Self {
            layout: layout.unwrap_or_default(),
            uki_generator: value(&conf, "uki_generator").unwrap_or_default(),
            devicetree: first(root, "devicetree").is_some_and(|text| !text.trim().is_empty()),
            boot_root: value(&conf, "BOOT_ROOT"),
            missing: PROGRAMS.iter().copied().find(|program| !is_installed(root, program)),
            tokens: tokens.into_iter().flatten().filter(|token| !token.is_empty()).collect(),
        }
    }

    /// Whether names of this system's boot entries may begin with `token`. Any machine ID is accepted: the
    /// system may have got another one since.
    pub fn is_token(&self, token: &str) -> bool {
        let is_id = token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id || self.tokens.iter().any(|known| known == token)
    }

    /// Where kernels are placed, if that is set.
    pub fn boot_root(&self) -> Option<&Path> {
        self.boot_root.as_deref().map(Path::new)
    }

    /// Whether kernel-install builds unified kernel images here, with ukify.
    ///
    /// # Errors
    /// Why it does not.
    pub fn can_build_unified(&self) -> Result<(), String> {
        if self.layout != "uki" {
            return Err("kernel-install has no layout=uki in /etc/kernel/install.conf".to_owned());
        }
        if !matches!(self.uki_generator.as_str(), "" | "ukify") {
            return Err(format!("uki_generator={} is not ukify", self.uki_generator));
        }
        if self.devicetree {
            return Err("kernel-install adds a devicetree to it".to_owned());
        }
        match self.missing {
            Some(program) => Err(format!("{program} is not installed")),
            None => Ok(()),
        }
    }
}

/// The settings that kernel-install would pass to ukify(1).
pub fn uki_conf(root: &Root) -> Option<Vec<u8>> {
    let path = DIRS.iter().map(|dir| Path::new(dir).join("uki.conf"));
    path.into_iter().find_map(|path| Some(root.read(&path).ok()??.bytes))
}

fn is_installed(root: &Root, program: &str) -> bool {
    ["/usr/bin", "/usr/sbin"].iter().any(|dir| root.exists(format!("{dir}/{program}")))
}

fn first(root: &Root, name: &str) -> Option<String> {
    DIRS.iter().find_map(|dir| root.read_text(Path::new(dir).join(name)))
}

/// The last value of a key, without quotes (os-release(5)).
fn value(text: &str, key: &str) -> Option<String> {
    let mut values =
        text.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
    values.next_back().map(|value| value.trim().trim_matches(['"', '\'']).to_owned())
}
