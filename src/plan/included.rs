//! Files that a boot loader's file includes: by `configfile` and `source` in GRUB, and by `include` and
//! `config` in syslinux, extlinux and rEFInd.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::reading::Seen;
use crate::guest::root::{Root, Source, identity};
use crate::rewrite::{INCLUDED, Place};

/// At most so many files are included. A real menu includes a handful.
const MOST: usize = 64;

/// Larger files are not menus.
const LARGEST: u64 = 4 << 20;

/// Where the boot loader's file system may be mounted.
const PARTITIONS: &[&str] = &["/boot", "/", "/boot/efi", "/efi", "/boot/firmware"];

/// GRUB manual, `configfile`, `normal`, `source`, `legacy_configfile`. `.` is the same as `source`
/// (grub-core/script).
static GRUB: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m-u)(?:^|[;{]|then|else|do)[ \t]*(?:configfile|normal|source|\.|legacy_configfile|extract_entries_(?:source|configfile))[ \t]+["']?((?:\$\{\w+\}|[^\s"';}])+)"#,
    )
});

/// wiki.syslinux.org, Config and Menu; `extlinux.conf` is the same. After the file, `menu include` may
/// have a tag, and `config` a directory.
static SYSLINUX: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?mi-u)^[ \t]*(?:(?:menu[ \t]+)?include|config)[ \t]+([^\s#]+)"));

/// rEFInd's manual, `include`: a file in the directory of refind.conf.
static REFIND: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m-u)^[ \t]*include[ \t]+([^\s#]+)"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

/// Adds the files that the given files include, and the files that these include, each once.
///
/// Missing files and directories are ignored: they may be on the disk of another system.
pub(super) fn add(root: &Root, files: &mut Vec<(&'static Place, Source)>, seen: &mut Seen) {
    let (mut at, known) = (0, files.len());
    while at < files.len() && files.len() - known < MOST {
        let (place, source) = &files[at];
        at += 1;
        let Some((kind, names)) = named(place.kind, &source.bytes) else { continue };
        let Some(place) = INCLUDED.iter().find(|place| place.kind == kind) else { continue };
        let dir = source.path.parent().unwrap_or(Path::new("/")).to_owned();
        let paths = names.iter().filter_map(|name| candidates(&dir, name)).flatten();
        for path in paths.collect::<Vec<_>>() {
            let Some(source) = small_file(root, &path) else { continue };
            if files.len() - known < MOST && seen.insert(identity(&source.metadata)) {
                files.push((place, source));
            }
        }
    }
}

/// The kind of the included files, and their names as written in the file.
fn named(kind: &str, text: &[u8]) -> Option<(&'static str, Vec<String>)> {
    let (kind, pattern) = match kind {
        "grub-cfg" | "grub-include" => ("grub-include", &GRUB),
        "extlinux" => ("extlinux", &SYSLINUX),
        "syslinux" => ("syslinux", &SYSLINUX),
        "refind" => ("refind", &REFIND),
        _ => return None,
    };
    let names = pattern.captures_iter(text);
    Some((kind, names.map(|name| String::from_utf8_lossy(&name[1]).into_owned()).collect()))
}

/// Where the file may be. `None` if the name has a variable other than the boot loader's own directory.
fn candidates(dir: &Path, name: &str) -> Option<Vec<PathBuf>> {
    let own = ["$prefix", "${prefix}", "$config_directory", "${config_directory}", "${cmdpath}"];
    if let Some(rest) = own.iter().find_map(|variable| name.strip_prefix(variable)) {
        return plain(rest).map(|rest| vec![dir.join(rest)]);
    }
    // GRUB's disk, in brackets or as `$root`, is one of the mounted file systems.
    let path = match name.strip_prefix('(') {
        Some(rest) => rest.split_once(')')?.1,
        None => name,
    };
    let relative = plain(path)?;
    if path.starts_with('/') {
        return Some(PARTITIONS.iter().map(|at| Path::new(at).join(relative)).collect());
    }
    Some(vec![dir.join(relative)])
}

fn plain(path: &str) -> Option<&str> {
    let path = path.trim_start_matches('/');
    (!path.is_empty() && !path.contains(['$', '*', '\\'])).then_some(path)
}

/// The file at a path, if it is a regular file and not large.
fn small_file(root: &Root, path: &Path) -> Option<Source> {
    let resolved = root.resolve(path).ok()??;
    resolved.to_str()?;
    let metadata = std::fs::symlink_metadata(root.outer(&resolved)).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return None;
    }
    root.read(&resolved).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_included_files() {
        let grub = "configfile /grub2/a.cfg\nif x; then source $prefix/b.cfg; fi\n\
                    menuentry 'source /no' { configfile (hd0,gpt2)/c.cfg }\n\
                    #source /d\n  . \"${config_directory}/e.cfg\"\nxsource /f\n";
        let (kind, names) = named("grub-cfg", grub.as_bytes()).unwrap();
        assert_eq!(kind, "grub-include");
        let found =
            ["/grub2/a.cfg", "$prefix/b.cfg", "(hd0,gpt2)/c.cfg", "${config_directory}/e.cfg"];
        assert_eq!(names, found);
        let syslinux =
            "INCLUDE a.cfg\n menu include /b.cfg Tag\nCONFIG c.cfg /c\nmenu title include\n";
        assert_eq!(named("syslinux", syslinux.as_bytes()).unwrap().1, ["a.cfg", "/b.cfg", "c.cfg"]);
        assert!(named("fstab", b"include x").is_none());
    }

    #[test]
    fn places_of_names() {
        let dir = Path::new("/boot/grub");
        let paths = |name| candidates(dir, name).unwrap_or_default();
        assert_eq!(paths("$prefix/b.cfg"), [Path::new("/boot/grub/b.cfg")]);
        assert_eq!(paths("b.cfg"), [Path::new("/boot/grub/b.cfg")]);
        assert_eq!(paths("(hd0,1)/b.cfg")[..2], [Path::new("/boot/b.cfg"), Path::new("/b.cfg")]);
        for none in ["$x/b.cfg", "($root)/$y", "(hd0", "", "/"] {
            assert!(paths(none).is_empty(), "{none}");
        }
    }
}
