use super::{NameError, VgName};

/// How a group's name is made from a host name: the text before and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    before: String,
    behind: String,
}

/// Prefixes that installers put before the host name to name a group (`rhel_web1`: anaconda).
const PREFIXES: &[&str] = &[
    "vg_",
    "vg-",
    "rhel_",
    "rl_",
    "ol_",
    "centos_",
    "fedora_",
    "almalinux_",
    "cs_",
    "rhel-",
    "ubuntu-vg-",
];

/// Suffixes that installers put after the host name to name a group (`web1-vg`: Debian, Ubuntu).
const SUFFIXES: &[&str] = &["-vg", "_vg", "-lvm", "_lvm"];

/// Names that anaconda gives without a host name. If there is one, it follows after an underscore.
const DISTRIBUTIONS: &[&str] = &["rhel", "rl", "ol", "centos", "fedora", "almalinux", "cs"];

impl Pattern {
    /// The pattern of a name. First looks for one of the `hosts` in the name, then for a prefix or suffix
    /// of an installer. `None` if there is neither.
    pub fn of(group: &VgName, hosts: &[&str]) -> Option<Self> {
        let name = group.as_str();
        if DISTRIBUTIONS.contains(&name) {
            return Some(Self { before: format!("{name}_"), behind: String::new() });
        }
        if let Some(pattern) = hosts.iter().find_map(|host| Self::around(name, host)) {
            return Some(pattern);
        }
        let longer = |part: &&&str| name.len() > part.len();
        let suffix = SUFFIXES.iter().filter(longer).find(|suffix| name.ends_with(**suffix));
        let prefix = PREFIXES.iter().filter(longer).find(|prefix| name.starts_with(**prefix));
        match (suffix, prefix) {
            (Some(suffix), _) => Some(Self { before: String::new(), behind: (*suffix).to_owned() }),
            (None, Some(prefix)) => {
                Some(Self { before: (*prefix).to_owned(), behind: String::new() })
            }
            (None, None) => None,
        }
    }

    /// The pattern around a host name, if the group's name contains it as a whole word.
    fn around(name: &str, host: &str) -> Option<Self> {
        if !host.contains(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let is_part = |c: char| c.is_ascii_alphanumeric();
        name.match_indices(host).find_map(|(at, _)| {
            let (before, behind) = (&name[..at], &name[at + host.len()..]);
            let whole = !before.ends_with(is_part) && !behind.starts_with(is_part);
            whole.then(|| Self { before: before.to_owned(), behind: behind.to_owned() })
        })
    }

    /// The group's name for a host by this pattern.
    ///
    /// # Errors
    /// If LVM would refuse the name.
    pub fn with(&self, host: &str) -> Result<VgName, NameError> {
        VgName::rename_target(&format!("{}{host}{}", self.before, self.behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(group: &str, hosts: &[&str], host: &str) -> Option<String> {
        let pattern = Pattern::of(&VgName::new(group).unwrap(), hosts)?;
        pattern.with(host).ok().map(|name| name.to_string())
    }

    #[test]
    fn what_installers_make_is_known() {
        for (group, host, new) in [
            ("svlmon2-vg", "svlinuxtest", "svlinuxtest-vg"),
            ("ubuntu-vg", "web01", "web01-vg"),
            ("vg_template", "web01", "vg_web01"),
            ("rhel_vm37-146", "clone", "rhel_clone"),
            ("rhel", "clone", "rhel_clone"),
        ] {
            assert_eq!(made(group, &[], host).as_deref(), Some(new));
        }
        for group in ["system", "vg", "vg0", "data", "vg_"] {
            assert_eq!(made(group, &[], "web01"), None, "{group}");
        }
        assert_eq!(made("a-vg", &[], &"x".repeat(120)), None);
    }

    #[test]
    fn a_host_that_is_known_shows_where_its_name_stands() {
        for (group, host, new) in [
            ("tpl", "tpl", "web01"),
            ("sys.tpl.1", "tpl", "sys.web01.1"),
            ("rhel_tpl-2", "tpl-2", "rhel_web01"),
            ("tpl2-tpl", "tpl", "tpl2-web01"),
            ("rhel", "rhel", "rhel_web01"),
            ("disk-1", "1", ""),
            ("templates", "template", ""),
        ] {
            let expected = (!new.is_empty()).then_some(new);
            assert_eq!(made(group, &[host], "web01").as_deref(), expected, "{group}");
        }
    }
}
