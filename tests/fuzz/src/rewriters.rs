//! Rewriters: bytes in, spans out. An input is a byte that chooses the rewriter, one that chooses what is
//! known of the group, and a file.

use std::collections::BTreeSet;

use postclone::host::places::PLACES;
use postclone::host::{HostNames, Spelling};
use postclone::names::{LvName, VgName, unit};
use postclone::rewrite::edit::{Edit, apply};
use postclone::rewrite::matcher::{Matcher, Volumes};
use postclone::rewrite::{
    Rewrite, bls, crypttab, efi_variable, free_text, fstab, grubenv, json, keyed, libvirt,
    lvm_conf, shell_conf, text, udev_rules, unit_file, xen,
};

/// Rewriters with their names, in the order of their choosing bytes.
pub type Family = &'static [(&'static str, Rewrite)];

/// Tables of devices, a line each.
pub const TABLES: Family = &[
    ("fstab", fstab::rewrite),
    ("crypttab", crypttab::rewrite),
    ("device_table", crypttab::device_table),
];
/// Kernel command lines and what holds them.
pub const COMMAND_LINES: Family = &[
    ("grub", text::grub),
    ("kernel_command_line", text::kernel_command_line),
    ("bls", bls::rewrite),
    ("grubenv", grubenv::rewrite),
    ("efi_variable", efi_variable::rewrite),
];
/// Settings with keys.
pub const SETTINGS: Family = &[
    ("lvm_conf", lvm_conf::rewrite),
    ("shell_conf", shell_conf::rewrite),
    ("xen", xen::rewrite),
    ("keyed::proxmox", keyed::proxmox),
    ("keyed::openstack", keyed::openstack),
    ("keyed::containers", keyed::containers),
    ("keyed::collectd", keyed::collectd),
    ("udev_rules", udev_rules::rewrite),
];
/// systemd's units.
pub const UNITS: Family = &[("unit_file", unit_file::rewrite)];
/// XML and JSON.
pub const MARKUP: Family = &[
    ("libvirt", libvirt::rewrite),
    ("libvirt::cluster", libvirt::cluster),
    ("json", json::rewrite),
    ("keyed::container_engine", keyed::container_engine),
];
/// Scripts, and settings without a grammar of their own.
pub const FREE_TEXT: Family = &[
    ("free_text", free_text::rewrite),
    ("device_paths", text::device_paths),
    ("database", free_text::database),
];

/// All of them, by their targets.
pub const FAMILIES: &[(&str, Family)] = &[
    ("tables", TABLES),
    ("command_lines", COMMAND_LINES),
    ("settings", SETTINGS),
    ("units", UNITS),
    ("markup", MARKUP),
    ("free_text", FREE_TEXT),
];

/// The group of the fixtures, and its new name; hyphens in both, the same length in neither.
const OLD: &str = "svlmon2-vg";
const NEW: &str = "q7-neu";
/// A group whose names begin like the old one's.
const FOREIGN: &str = "svlmon2";

/// A volume of the group, where it is a volume that is renamed.
const VOLUME: &str = "data-1";

fn matcher(old: &str, new: &str, is_known: bool) -> Matcher {
    let (old, new) = (VgName::new(old).unwrap(), VgName::new(new).unwrap());
    Matcher::new(old, new, volumes(VOLUME, is_known), BTreeSet::new())
}

/// The same of the group's volume that has the name `old`.
fn of_volume(old: &str, new: &str, is_known: bool) -> Matcher {
    let renamed = (LvName::new(old).unwrap(), LvName::new(new).unwrap());
    let group = VgName::new(OLD).unwrap();
    Matcher::of_volume(group, renamed, volumes(old, is_known), BTreeSet::new())
}

fn volumes(last: &str, is_known: bool) -> Volumes {
    let names = ["root", "swap_1", "home", "var", last].map(|name| LvName::new(name).unwrap());
    if is_known { Volumes::Known(names.into()) } else { Volumes::ByForm }
}

/// The edits that a rewriter finds; none in a file that it cannot read.
fn edits(rewrite: Rewrite, matcher: &Matcher, text: &[u8]) -> Option<Vec<Edit>> {
    rewrite(matcher, text).ok().map(|found| found.edits)
}

/// The tokens of a group, as they stand.
fn tokens(rewrite: Rewrite, matcher: &Matcher, text: &[u8]) -> Vec<Vec<u8>> {
    let found = edits(rewrite, matcher, text).unwrap_or_default();
    let named = found.iter().filter(|edit| edit.volume.is_some());
    named.map(|edit| text[edit.token.clone()].to_vec()).collect()
}

/// Whether a name is spelled as postclone spells it: `\x2D` is a hyphen as well, and comes back as
/// `\x2d`.
fn is_plain(name: &str, bytes: &[u8]) -> bool {
    let doubled = name.replace('-', "--");
    let spelled = [name.to_owned(), unit::escape(name), unit::escape(&doubled), doubled];
    bytes.is_empty() || spelled.iter().any(|name| name.as_bytes() == bytes)
}

/// Asks of a rewriter: edits in order and inside of the file, each inside of its token; none left in what
/// they give; what was given back is what was there; another group's names are as they were.
pub fn check(family: Family, input: &[u8]) {
    let [choice, known, text @ ..] = input else { return };
    let (name, rewrite) = family[usize::from(*choice) % family.len()];
    let is_known = known % 2 == 0;
    // Either the group gets another name, or one of its volumes.
    let (old, make): (&str, fn(&str, &str, bool) -> Matcher) =
        if known & 2 == 0 { (OLD, matcher) } else { (VOLUME, of_volume) };
    let forward = make(old, NEW, is_known);
    let Some(found) = edits(rewrite, &forward, text) else { return };
    let mut from = 0;
    for edit in &found {
        assert!(from <= edit.range.start && edit.range.end <= text.len(), "{name}: {edit:?}");
        assert!(
            edit.range.is_empty()
                || edit.token.start <= edit.range.start && edit.range.end <= edit.token.end,
            "{name}: {edit:?}"
        );
        from = edit.range.end;
    }
    let after = apply(text, &found);
    let again = edits(rewrite, &forward, &after).expect("what was read once is read again");
    assert!(again.is_empty(), "{name}: not done in one pass: {again:?}");
    let other = matcher(FOREIGN, "another", is_known);
    assert_eq!(
        tokens(rewrite, &other, text),
        tokens(rewrite, &other, &after),
        "{name}: a foreign group was touched"
    );
    if text.windows(2).any(|pair| pair == b"q7") {
        return;
    }
    let back = edits(rewrite, &make(NEW, old, is_known), &after);
    let restored = apply(&after, &back.expect("what was read once is read again"));
    if found.iter().all(|edit| is_plain(old, &text[edit.range.clone()])) {
        assert!(
            restored == text,
            "{name}: there and back\n{}\n{}",
            String::from_utf8_lossy(text),
            String::from_utf8_lossy(&restored)
        );
    }
    let there = edits(rewrite, &forward, &restored).expect("what was read once is read again");
    assert!(apply(&restored, &there) == after, "{name}: there, back and there");
}

/// The host of the fixture, and two new names: the second has another domain.
const HOST: &str = "mail.example.org";
const NEW_HOSTS: [&str; 2] = ["q7-neu", "q7-neu.other.net"];

/// Asks of a place of the host's name: edits in order and inside of the file; none left in what they give; what
/// was given back is what was there.
pub fn check_host(input: &[u8]) {
    let [choice, domain, text @ ..] = input else { return };
    let place = &PLACES[usize::from(*choice) % PLACES.len()];
    let spelling = |name: &str| Spelling::new(name).unwrap();
    let new = NEW_HOSTS[usize::from(*domain) % NEW_HOSTS.len()];
    let names = HostNames::new(spelling(HOST), spelling(new));
    let found = (place.rewrite)(&names, text).edits;
    let mut from = 0;
    for edit in &found {
        assert!(from <= edit.range.start, "{}: {edit:?}", place.pattern);
        assert!(
            edit.token.start <= edit.range.start
                && edit.range.end <= edit.token.end
                && edit.token.end <= text.len(),
            "{}: {edit:?}",
            place.pattern
        );
        from = edit.range.end;
    }
    let after = apply(text, &found);
    let again = (place.rewrite)(&names, &after).edits;
    assert!(again.is_empty(), "{}: not done in one pass: {again:?}", place.pattern);
    let is_exact = |edit: &Edit| matches!(&text[edit.range.clone()], b"mail" | b"mail.example.org");
    if text.to_ascii_lowercase().windows(2).any(|pair| pair == b"q7") || !found.iter().all(is_exact)
    {
        return;
    }
    let back = (place.rewrite)(&names.reversed(), &after).edits;
    assert!(
        apply(&after, &back) == text,
        "{}: there and back\n{}",
        place.pattern,
        String::from_utf8_lossy(text)
    );
}
