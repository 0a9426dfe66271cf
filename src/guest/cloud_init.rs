//! What cloud-init does to a system, according to its settings.

use std::path::Path;

use super::root::Root;

/// If this file exists, cloud-init does nothing (cloud-init tools/ds-identify).
const OFF: &str = "/etc/cloud/cloud-init.disabled";

/// Where cloud-init may be installed.
const PROGRAMS: &[&str] = &["/usr/bin/cloud-init", "/bin/cloud-init", "/usr/local/bin/cloud-init"];

/// cloud-init's settings, if it is active.
#[derive(Debug)]
pub struct CloudInit {
    /// The texts of its files, the last file first: the last file that sets a key counts (cloud-init
    /// cloudinit/util.py, `read_conf_with_confd`).
    texts: Vec<String>,
}

impl CloudInit {
    /// The settings of a root. None if cloud-init is not installed or is switched off.
    pub fn of(root: &Root) -> Option<Self> {
        if root.exists(OFF) || !PROGRAMS.iter().any(|program| root.exists(program)) {
            return None;
        }
        let more = root.glob("etc/cloud/cloud.cfg.d/*.cfg").unwrap_or_default();
        let files = std::iter::once("etc/cloud/cloud.cfg".into()).chain(more);
        let texts = files.filter_map(|path| root.read_text(Path::new("/").join(path)));
        let mut texts: Vec<String> = texts.collect();
        texts.reverse();
        Some(Self { texts })
    }

    /// Whether a top-level key has that value.
    pub fn says(&self, key: &str, value: &str) -> bool {
        let set = self.texts.iter().find_map(|text| setting(text, key));
        set.is_some_and(|set| set.eq_ignore_ascii_case(value))
    }

    /// Whether cloud-init writes the network configuration. `network: {config: disabled}`, on one line or
    /// two, switches that off.
    pub fn writes_network(&self) -> bool {
        !self.texts.iter().any(|text| leaves_network(text))
    }
}

/// The value of a top-level key.
fn setting(text: &str, key: &str) -> Option<String> {
    let own = |line: &str| {
        let value = line.strip_prefix(key)?.strip_prefix(':')?.split(" #").next()?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    };
    text.lines().rev().find_map(own)
}

fn leaves_network(text: &str) -> bool {
    let mut is_inside = false;
    for line in text.lines() {
        let bare: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        if bare.is_empty() {
            continue;
        }
        if !line.starts_with(char::is_whitespace) {
            is_inside = bare == "network:";
            if bare == "network:{config:disabled}" {
                return true;
            }
        } else if is_inside && bare == "config:disabled" {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_network_is_left_in_either_form() {
        for text in ["network: {config: disabled}\n", "a: 1\nnetwork: # x\n  config: disabled\n"] {
            assert!(leaves_network(text), "{text}");
        }
        let others = [
            "#network: {config: disabled}\n",
            "x:\n  config: disabled\n",
            "network:\n  version: 2\n",
            "",
        ];
        for text in others {
            assert!(!leaves_network(text), "{text}");
        }
    }

    #[test]
    fn the_last_file_counts_and_the_program_has_to_be_there() {
        let dir = tempfile::tempdir().unwrap();
        for inner in ["etc/cloud/cloud.cfg.d", "usr/bin"] {
            fs::create_dir_all(dir.path().join(inner)).unwrap();
        }
        let write = |path: &str, text: &str| fs::write(dir.path().join(path), text).unwrap();
        write("etc/cloud/cloud.cfg", "preserve_hostname: false\nmanage_etc_hosts: true # x\n");
        write(
            "etc/cloud/cloud.cfg.d/99.cfg",
            "preserve_hostname: 'True'\n manage_etc_hosts: false\n",
        );
        let root = Root::open(dir.path()).unwrap();
        assert!(CloudInit::of(&root).is_none());
        write("usr/bin/cloud-init", "");
        let found = CloudInit::of(&root).unwrap();
        assert!(found.says("preserve_hostname", "true") && found.says("manage_etc_hosts", "true"));
        assert!(!found.says("ssh_deletekeys", "false") && found.writes_network());
        write("etc/cloud/cloud-init.disabled", "");
        assert!(CloudInit::of(&root).is_none());
    }
}
