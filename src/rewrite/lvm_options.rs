//! Which words of an LVM command are names, and which are options or their values (lvm2 tools/args.h,
//! tools/command-lines.in).

use std::ops::Range;

use super::command_line::Word;

/// What a word of a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// Neither an option nor an option's value. Its number counts from 0.
    Positional(usize),
    /// The value of an option that takes a volume.
    Name,
    /// The name of a volume that the command creates.
    NewVolume,
    /// The value of `--select`.
    Selection,
}

/// Long options that take a volume, as `VG/LV` or as the volume's own name.
const VOLUMES: &[&str] =
    &["thinpool", "cachepool", "cachevol", "vdopool", "cachedevice", "originname", "poolmetadata"];

/// Long options that take no value.
const FLAGS: &[&str] = &[
    "aligned",
    "all",
    "allpvs",
    "background",
    "binary",
    "cache",
    "colon",
    "columns",
    "debug",
    "detachprofile",
    "exported",
    "foreign",
    "force",
    "fullreport",
    "help",
    "history",
    "ignoreactivationskip",
    "ignoreadvanced",
    "ignorelocal",
    "ignorelockingfailure",
    "ignoremonitoring",
    "ignoreskippedcluster",
    "ignoreunsupported",
    "import",
    "list",
    "longhelp",
    "lockstart",
    "lockstop",
    "maps",
    "merge",
    "mergemirrors",
    "mergesnapshot",
    "mergethin",
    "mknodes",
    "mirrorsonly",
    "nameprefixes",
    "nofsck",
    "noheadings",
    "nohints",
    "nolocking",
    "noudevsync",
    "novolumegroup",
    "nosuffix",
    "partial",
    "physicalvolume",
    "quiet",
    "readonly",
    "refresh",
    "removemissing",
    "repair",
    "resizefs",
    "restoremissing",
    "resync",
    "rows",
    "segments",
    "short",
    "showdeprecated",
    "showunsupported",
    "snapshot",
    "split",
    "splitcache",
    "splitsnapshot",
    "startpoll",
    "swapmetadata",
    "sysinit",
    "test",
    "thin",
    "trustcache",
    "unbuffered",
    "uncache",
    "unquoted",
    "usepolicies",
    "uuid",
    "validate",
    "vdo",
    "verbose",
    "version",
    "withcomments",
    "withfullpath",
    "yes",
];

/// The words that may be names, each with its role.
pub(super) fn parts(text: &[u8], verb: &str, words: &[Word]) -> Vec<(Value, Range<usize>)> {
    let mut parts = Vec::new();
    let mut words = words.iter().map(|word| word.inside.clone()).peekable();
    let (mut number, mut options) = (0, true);
    while let Some(word) = words.next() {
        let bytes = &text[word.clone()];
        if options && bytes == b"--" {
            options = false;
        } else if let Some(name) = bytes.strip_prefix(b"--").filter(|_| options) {
            let equals = memchr::memchr(b'=', name);
            let name = String::from_utf8_lossy(&name[..equals.unwrap_or(name.len())]).into_owned();
            let value = match equals {
                Some(at) => Some(unquoted(text, word.start + 3 + at..word.end)),
                None if FLAGS.contains(&name.as_str()) => None,
                None => words.next(),
            };
            parts.extend(value.and_then(|value| Some((long(verb, &name)?, value))));
        } else if bytes.len() > 1 && bytes[0] == b'-' && options {
            for (at, letter) in word.clone().zip(bytes.iter().copied()).skip(1) {
                if !takes_value(verb, letter) {
                    continue;
                }
                let value = if at + 1 < word.end { Some(at + 1..word.end) } else { words.next() };
                parts.extend(value.and_then(|value| Some((short(verb, letter)?, value))));
                break;
            }
        } else {
            parts.push((Value::Positional(number), word));
            number += 1;
        }
    }
    parts
}

fn unquoted(text: &[u8], value: Range<usize>) -> Range<usize> {
    match &text[value.clone()] {
        [first @ (b'"' | b'\''), .., last] if first == last => value.start + 1..value.end - 1,
        _ => value,
    }
}

fn long(verb: &str, name: &str) -> Option<Value> {
    match name {
        "select" => Some(Value::Selection),
        "name" => short(verb, b'n'),
        name => VOLUMES.contains(&name).then_some(Value::Name),
    }
}

fn short(verb: &str, letter: u8) -> Option<Value> {
    match letter {
        b'S' => Some(Value::Selection),
        // pvmove and vgsplit take an existing volume. vgimportclone takes a new name of a group.
        b'n' if matches!(verb, "lvcreate" | "lvconvert") => Some(Value::NewVolume),
        b'n' if matches!(verb, "pvmove" | "vgsplit") => Some(Value::Name),
        _ => None,
    }
}

/// Whether an option letter takes a value with this verb.
fn takes_value(verb: &str, letter: u8) -> bool {
    let is_report = matches!(verb, "lvs" | "vgs" | "pvs" | "lvdisplay" | "vgdisplay" | "pvdisplay");
    let makes_volume = matches!(verb, "lvcreate" | "lvconvert");
    let resizes = matches!(verb, "lvextend" | "lvreduce" | "lvresize");
    let changes_group = matches!(verb, "vgchange" | "vgcreate");
    match letter {
        b'A' | b'i' | b'I' | b'j' | b'k' | b'L' | b'O' | b'o' | b'R' | b'S' | b'V' | b'W'
        | b'Z' | b'M' => true,
        b'a' => matches!(verb, "lvchange" | "vgchange" | "lvcreate"),
        b'c' => makes_volume || changes_group,
        b'C' => !is_report,
        b'f' => matches!(verb, "vgcfgbackup" | "vgcfgrestore"),
        b'l' => verb != "vgcfgrestore" && !matches!(verb, "lvmdiskscan"),
        b'm' => makes_volume || verb == "lvextend",
        b'p' => matches!(verb, "lvcreate" | "lvchange") || changes_group,
        b'n' | b'r' => !resizes,
        b's' => changes_group,
        b'u' => verb == "pvcreate",
        b'x' => matches!(verb, "vgchange" | "pvchange"),
        _ => false,
    }
}

/// Whether the positional word number `at` may be a group, or a volume as `VG/LV`.
pub(super) fn may_be_group(verb: &str, at: usize) -> bool {
    match verb {
        "lvrename" | "vgrename" | "vgextend" => at == 0,
        // No word of these commands is the name of an existing group.
        "vgcreate" | "vgimportclone" | "lvmdiskscan" => false,
        verb => !verb.starts_with("pv"),
    }
}
