//! SSH host keys and certificates.

mod dropbear;

use std::collections::BTreeSet;
use std::path::Path;

use super::lines::{uncommented, unquoted};
use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "ssh-host-key",
        hurts: "whoever has one machine's key can pose as the other, and clients cannot tell the two apart",
        change: "`postclone renew ssh-host-keys`",
        find: keys,
    },
    Kind {
        id: "ssh-host-certificate",
        hurts: "clients that trust the authority treat this machine as the other one",
        change: "make new host keys, and let the authority sign them",
        find: certificates,
    },
    Kind {
        id: "dropbear-initramfs-key",
        hurts: "whoever has one machine's key can pose as the other while it asks for a passphrase at boot, \
                and read the passphrase",
        change: "make a new one with `dropbearkey -t TYPE -f FILE`, and rebuild the image with \
                 `update-initramfs -u`",
        find: dropbear::in_image,
    },
    Kind {
        id: "dropbear-key",
        hurts: "whoever has one machine's key can pose as the other, and clients cannot tell the two apart",
        change: "make a new one with `dropbearkey -t TYPE -f FILE`, and restart dropbear",
        find: dropbear::installed,
    },
];

/// The keys of a server whose configuration names no key (sshd_config(5)).
pub const DEFAULTS: &[&str] = &[
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_dsa_key",
];

/// The server's configuration: the administrator's file, or else the distribution's.
const CONFIGURATIONS: &[&str] = &["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];

/// The deepest level of included files (servconf.c, `SERVCONF_MAX_DEPTH`).
const MAX_DEPTH: usize = 16;

/// Whether the configuration names keys. If not, there is no need to ask the server for them.
pub fn are_named(view: &View<'_>) -> bool {
    ["hostkey", "hostcertificate"].iter().any(|keyword| !named(view, keyword).is_empty())
}

/// The host keys. Each is identified by its public half.
fn keys(view: &View<'_>) -> Vec<Found> {
    key_paths(view).iter().filter_map(|path| key(view, path)).collect()
}

/// Where the server looks for its keys, whether they exist or not.
pub fn key_paths(view: &View<'_>) -> Vec<String> {
    let mut paths = named(view, "hostkey");
    if paths.is_empty() {
        paths.extend(DEFAULTS.iter().map(|path| (*path).to_owned()));
    }
    paths
}

/// The types of the certificates that the server offers. `None` for a certificate that cannot be read.
pub fn certificate_types(view: &View<'_>) -> Vec<Option<String>> {
    let kind = |path: &String| {
        let text = view.text(path)?;
        public_key(&text)?;
        text.split_whitespace().next().map(str::to_owned)
    };
    named(view, "hostcertificate").iter().map(kind).collect()
}

/// One key. `HostKey` may name a public key whose private half is in an agent.
fn key(view: &View<'_>, path: &str) -> Option<Found> {
    if !view.root.exists(path) {
        return None;
    }
    let public = view.text(format!("{path}.pub"));
    if let Some((blob, comment)) = public.as_deref().and_then(public_key) {
        let host = comment.rsplit_once('@').map(|(_, host)| host);
        return Some(Found::one(path, blob).hinted(host.and_then(|host| view.other_host(host))));
    }
    let bytes = view.bytes(path).filter(|bytes| !bytes.is_empty())?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match public_key(&text) {
        Some((blob, _)) => Some(Found::one(path, blob)),
        None => Some(Found::one(path, bytes)),
    }
}

/// The certificates of host keys.
fn certificates(view: &View<'_>) -> Vec<Found> {
    let one = |path: &String| {
        let text = view.text(path)?;
        public_key(&text).map(|(blob, _)| Found::one(path, blob))
    };
    named(view, "hostcertificate").iter().filter_map(one).collect()
}

/// The blob of a public key or certificate, and the first word of its comment.
fn public_key(text: &str) -> Option<(&str, &str)> {
    let line =
        text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let mut words = line.split_whitespace();
    let (_, blob) = (words.next()?, words.next()?);
    // Each begins with the length of its type's name, whose first three bytes are 0.
    blob.starts_with("AAAA").then(|| (blob, words.next().unwrap_or_default()))
}

/// The paths that a keyword of the server names, each once. They come from the server itself, or else from its
/// configuration.
fn named(view: &View<'_>, keyword: &str) -> Vec<String> {
    let mut reading = Reading { view, keyword, files: BTreeSet::new(), paths: Vec::new() };
    if let Some(said) = &view.sshd {
        let values = said.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
        let values = values.filter(|(key, _)| key.eq_ignore_ascii_case(keyword));
        values.for_each(|(_, value)| add(&mut reading.paths, value.trim()));
    } else if let Some(path) = CONFIGURATIONS.iter().find(|path| view.root.exists(path)) {
        reading.file(path, MAX_DEPTH);
    }
    reading.paths
}

/// Reads a configuration, and the files that it includes, for one keyword.
struct Reading<'a, 'v> {
    view: &'a View<'v>,
    keyword: &'a str,
    /// The files that were read so far, because files may include each other.
    files: BTreeSet<String>,
    paths: Vec<String>,
}

impl Reading<'_, '_> {
    /// Reads a file, and the files that it includes, down to a depth.
    fn file(&mut self, file: &str, depth: usize) {
        if !self.files.insert(file.to_owned()) {
            return;
        }
        for line in self.view.text(file).unwrap_or_default().lines() {
            let line = uncommented(line).trim();
            let between = |letter: char| letter.is_whitespace() || letter == '=';
            let Some((key, rest)) = line.split_once(between) else { continue };
            let rest = rest.trim_start_matches(between);
            if key.eq_ignore_ascii_case(self.keyword) {
                add(&mut self.paths, unquoted(rest));
            } else if key.eq_ignore_ascii_case("include") && depth > 0 {
                rest.split_whitespace().for_each(|pattern| self.include(unquoted(pattern), depth));
            }
        }
    }

    /// Reads the files that match a pattern. A relative pattern begins at `/etc/ssh`.
    fn include(&mut self, pattern: &str, depth: usize) {
        let pattern = Path::new("/etc/ssh").join(pattern);
        for path in self.view.glob(&pattern.to_string_lossy()) {
            self.file(&path.to_string_lossy(), depth - 1);
        }
    }
}

/// Adds a path. `none` does not name a file.
fn add(paths: &mut Vec<String>, path: &str) {
    let path = path.to_owned();
    if path.starts_with('/') && !paths.contains(&path) {
        paths.push(path);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree;
    use super::*;

    const BLOB: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIOne";

    fn places(found: &[Found]) -> Vec<&str> {
        found.iter().map(|one| one.place.as_str()).collect()
    }

    #[test]
    fn a_key_is_its_public_half_and_its_comment_hints() {
        let tree = tree(&[
            ("etc/hostname", "web01\n"),
            ("etc/ssh/ssh_host_ed25519_key", "private"),
            ("etc/ssh/ssh_host_ed25519_key.pub", &format!("ssh-ed25519 {BLOB} root@tmpl.lan\n")),
            ("etc/ssh/ssh_host_rsa_key", "private alone"),
            // A public half without its key is not a host key.
            ("etc/ssh/ssh_host_ecdsa_key.pub", "ecdsa-sha2-nistp256 AAAAE2 root@tmpl\n"),
        ]);
        let found = keys(&tree.view());
        assert_eq!(places(&found), ["/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ed25519_key"]);
        assert_eq!(found[0].values, [b"private alone"]);
        assert_eq!(found[0].hint, None);
        assert_eq!(found[1].values, [BLOB.as_bytes()]);
        assert!(found[1].hint.as_ref().is_some_and(|hint| hint.contains("tmpl")));
    }

    #[test]
    fn an_own_comment_or_none_does_not_hint() {
        for comment in ["root@web01", "root@WEB01.lan", "no host", ""] {
            let public = format!("ssh-ed25519 {BLOB} {comment}\n");
            let tree = tree(&[
                ("etc/hostname", "web01\n"),
                ("etc/ssh/ssh_host_ed25519_key", "private"),
                ("etc/ssh/ssh_host_ed25519_key.pub", &public),
            ]);
            assert_eq!(keys(&tree.view())[0].hint, None, "{comment}");
        }
    }

    #[test]
    fn the_server_is_asked_before_its_configuration() {
        let tree = tree(&[
            ("etc/ssh/sshd_config", "HostKey /etc/ssh/configured\n"),
            ("etc/ssh/configured", "1"),
            ("srv/said", "2"),
        ]);
        let mut view = tree.view();
        assert_eq!(places(&keys(&view)), ["/etc/ssh/configured"]);
        view.sshd =
            Some("port 22\nhostkeyagent none\nhostkey /srv/said\nhostkey /srv/said\n".into());
        assert_eq!(places(&keys(&view)), ["/srv/said"]);
    }

    #[test]
    fn included_files_name_keys_and_certificates() {
        let tree = tree(&[
            (
                "etc/ssh/sshd_config",
                "#HostKey /etc/ssh/a\nInclude sshd_config.d/*.conf \"/etc/ssh/one\"\n\
                 HostKeyAlgorithms /etc/ssh/a\nhostkey\t\"/etc/ssh/b\" # why\n",
            ),
            ("etc/ssh/sshd_config.d/10-x.conf", "HOSTKEY=/etc/ssh/c\nHostKey none\n"),
            ("etc/ssh/sshd_config.d/10-x.conf.bak", "HostKey /etc/ssh/a\n"),
            // It includes itself.
            ("etc/ssh/one", "Include one\nHostCertificate /etc/ssh/b-cert.pub\n"),
            ("etc/ssh/a", "1"),
            ("etc/ssh/b", "2"),
            ("etc/ssh/c", "3"),
            ("etc/ssh/b-cert.pub", "ssh-ed25519-cert-v01@openssh.com AAAAIHNz root@tmpl\n"),
        ]);
        let view = tree.view();
        assert_eq!(places(&keys(&view)), ["/etc/ssh/c", "/etc/ssh/b"]);
        let found = certificates(&view);
        assert_eq!(found, [Found::one("/etc/ssh/b-cert.pub", "AAAAIHNz")]);
    }

    #[test]
    fn an_agents_key_is_named_by_its_public_half() {
        let tree = tree(&[
            ("etc/ssh/sshd_config", "HostKey /etc/ssh/agent.pub\nHostKeyAgent /run/agent\n"),
            ("etc/ssh/agent.pub", &format!("ssh-ed25519 {BLOB} root@tmpl\n")),
        ]);
        assert_eq!(keys(&tree.view())[0].values, [BLOB.as_bytes()]);
    }
}
