//! Commands of LVM in any text. Their arguments are names, not prose (lvm(8)).

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::command_line::{self, Word};
use super::edit::{Findings, Form, Left};
use super::lvm_options::{self, Value};
use super::matcher::{Matcher, Verdict};
use super::scan::{UNKNOWN_VOLUME, record};
use crate::names::LvName;

/// All verbs of lvm(8), `lvm` itself, and dmsetup(8).
static VERBS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?-u)\b(?:lvm|dmsetup|lv(?:change|convert|create|display|extend|mdiskscan|poll|reduce|remove|rename|resize|s|scan)|vg(?:cfgbackup|cfgrestore|change|ck|convert|create|display|export|extend|import|importclone|importdevices|merge|mknodes|reduce|remove|rename|s|scan|split)|pv(?:change|ck|create|display|move|remove|resize|s|scan))\b",
    )
});

/// A shell variable that is named after a volume group: its assignment, or its default value.
static ASSIGNMENTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?im-u)(?:(?:^|[\s;({])([a-z0-9_]*?(?:vgs?|vg_?name|vol(?:ume)?_?group(?:_?name)?))=["']?|\$\{([a-z0-9_]*?(?:vg|vg_?name|vol(?:ume)?_?group)):?[-=])([a-z0-9._+-]+)(?:["']|[\s;)#}]|\z)"#,
    )
});

/// `vg_name=data` in a `--select` expression (lvmreport(7)).
static SELECTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?-u)\b(?:vg_name|vgname|vg|lv_full_name|vg_lv_name)\s*!?=~?\s*['"]*([A-Za-z0-9._+/-]+)"#,
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

/// One command: its verb and its words.
struct Command<'a> {
    verb: &'a str,
    words: Vec<Word>,
}

/// What the commands of a text create.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Names of volumes that are written out.
    pub volumes: Vec<LvName>,
    /// Whether they create the group itself.
    pub group: bool,
    /// Whether they create any volume.
    pub any: bool,
}

/// Adds command arguments that name the group, and shell variables that hold its name.
pub fn arguments(matcher: &Matcher, text: &[u8], span: Range<usize>, findings: &mut Findings) {
    let mut found = Findings::default();
    for command in commands(text, span.clone()) {
        arguments_of(matcher, text, &command, &mut found);
    }
    assignments(matcher, text, span, &mut found);
    // A word may contain a device path. The word's token then ends where the path begins.
    let tokens = || {
        let edits = findings.edits.iter().map(|edit| &edit.token);
        edits.chain(findings.left.iter().map(|left| &left.token))
    };
    let is_new = |range: &Range<usize>| {
        !tokens().any(|token| token.start < range.end && range.start < token.end)
    };
    found.edits.retain(|edit| is_new(&edit.range));
    found.left.retain(|left| is_new(&left.token));
    for edit in &mut found.edits {
        let next = tokens().map(|token| token.start).filter(|start| *start >= edit.range.end).min();
        edit.token.end = edit.token.end.min(next.unwrap_or(usize::MAX));
    }
    findings.edits.append(&mut found.edits);
    findings.left.append(&mut found.left);
    findings.edits.sort_by_key(|edit| edit.range.start);
    findings.edits.dedup_by_key(|edit| edit.range.start);
}

/// Reported for a variable that is inserted into a dm name unchanged.
const IN_A_DM_NAME: &str =
    "becomes part of a name below /dev/mapper, where the hyphens of the new name must be doubled,";

/// Adds shell variables that hold the group's name. A variable that the text inserts into a dm name is
/// left if the dm name spells the new name differently.
pub(super) fn assignments(
    matcher: &Matcher,
    text: &[u8],
    span: Range<usize>,
    findings: &mut Findings,
) {
    let doubled = matcher.new_name().contains('-');
    let in_dm_names = if doubled { variables_in_dm_names(text) } else { HashSet::new() };
    for found in ASSIGNMENTS.captures_iter(&text[span.clone()]) {
        let variable = found.get(1).or(found.get(2));
        let (Some(variable), Some(name)) = (variable, found.get(3)) else { continue };
        let word = span.start + name.start()..span.start + name.end();
        if command_line::is_comment(text, span.start, word.start) {
            continue;
        }
        let verdict = matcher.group(&text[word.clone()]);
        if matches!(verdict, Verdict::Ours(_)) && in_dm_names.contains(variable.as_bytes()) {
            findings.left.push(Left { token: word, why: IN_A_DM_NAME });
        } else {
            record(findings, verdict, word);
        }
    }
}

/// Variables that the text uses as `/mapper/$NAME` or `/mapper/${NAME}`.
fn variables_in_dm_names(text: &[u8]) -> HashSet<&[u8]> {
    let named = memchr::memmem::find_iter(text, b"/mapper/$").filter_map(|at| {
        let rest = &text[at + b"/mapper/$".len()..];
        let (rest, braced) = rest.strip_prefix(b"{").map_or((rest, false), |rest| (rest, true));
        let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = rest.iter().position(|byte| !is_of_name(byte)).unwrap_or(rest.len());
        (!braced || rest.get(length) == Some(&b'}')).then_some(&rest[..length])
    });
    named.collect()
}

/// What the text's commands `lvcreate`, `lvrename` and `vgcreate` create.
pub fn made(matcher: &Matcher, text: &[u8]) -> Made {
    let mut made = Made::default();
    for command in commands(text, 0..text.len()) {
        let parts = lvm_options::parts(text, command.verb, &command.words);
        let name = |word: &Range<usize>| {
            let name = String::from_utf8_lossy(&text[word.clone()]).into_owned();
            LvName::new(name.rsplit('/').next().unwrap_or_default()).ok()
        };
        match command.verb {
            "lvcreate" => {
                made.any = true;
                let named = parts.iter().filter(|(value, _)| *value == Value::NewVolume);
                made.volumes.extend(named.filter_map(|(_, word)| name(word)));
            }
            "lvrename" => {
                let mut named =
                    parts.iter().filter(|(value, _)| matches!(value, Value::Positional(_)));
                made.volumes.extend(named.next_back().and_then(|(_, word)| name(word)));
            }
            "vgcreate" => {
                let first = parts.iter().find(|(value, _)| *value == Value::Positional(0));
                made.group |= first.is_some_and(|(_, word)| {
                    matches!(matcher.group(&text[word.clone()]), Verdict::Ours(_))
                });
            }
            _ => {}
        }
    }
    made
}

fn commands(text: &[u8], span: Range<usize>) -> Vec<Command<'_>> {
    let mut commands = Vec::new();
    for found in VERBS.find_iter(&text[span.clone()]) {
        let verb = span.start + found.start()..span.start + found.end();
        let Some(start) = command_line::is_command(text, &span, &verb) else { continue };
        let mut words = command_line::words(text, verb.end..span.end, start.quote);
        let Ok(mut name) = std::str::from_utf8(&text[verb]) else { continue };
        if name == "lvm" {
            let next =
                words.first().and_then(|word| std::str::from_utf8(&text[word.inside.clone()]).ok());
            let Some(next) = next.filter(|next| VERBS.is_match(next.as_bytes())) else { continue };
            name = next;
            words.remove(0);
        }
        commands.push(Command { verb: name, words });
    }
    commands
}

fn arguments_of(matcher: &Matcher, text: &[u8], command: &Command<'_>, findings: &mut Findings) {
    for (value, word) in lvm_options::parts(text, command.verb, &command.words) {
        let bytes = &text[word.clone()];
        let verdict = match value {
            Value::Positional(at) if command.verb == "dmsetup" => {
                if at == 0 {
                    Verdict::Foreign
                } else {
                    matcher.dm_name(bytes, Form::DmName)
                }
            }
            Value::Positional(at)
                if lvm_options::may_be_group(command.verb, at)
                    || command.verb == "lvrename" && bytes.contains(&b'/') =>
            {
                any_of(matcher, bytes)
            }
            Value::Name => any_of(matcher, bytes),
            Value::NewVolume if bytes.contains(&b'/') => matcher.slash_pair(bytes, Form::VgLv),
            Value::Selection => {
                selection(matcher, text, word.clone(), findings);
                continue;
            }
            _ => Verdict::Foreign,
        };
        // An unknown volume here may also be a word of another group. `bare` shows words that may be ours.
        record(findings, verdict, word);
    }
}

/// A group, or `VG/LV`. The volume's part may contain an expansion.
fn any_of(matcher: &Matcher, word: &[u8]) -> Verdict {
    match matcher.group(word) {
        Verdict::Foreign => matcher.pair_or_beginning(word),
        group => group,
    }
}

fn selection(matcher: &Matcher, text: &[u8], word: Range<usize>, findings: &mut Findings) {
    for name in SELECTION.captures_iter(&text[word.clone()]).filter_map(|name| name.get(1)) {
        let token = word.start + name.start()..word.start + name.end();
        record(findings, any_of(matcher, &text[token.clone()]), token);
    }
}

/// Reported for a script that is left whole.
pub const WHOLE: &str =
    "is in a script that creates volumes with a name that cannot be determined,";

/// A script is rewritten whole or left whole. It is left, and its names are shown, if it creates the
/// group, or if it creates volumes and names one that neither the group has nor the script creates.
pub fn whole(text: &[u8], made: &Made, findings: &mut Findings) {
    let in_use = |token: &Range<usize>| !command_line::is_comment(text, 0, token.start);
    let unknown =
        findings.left.iter().any(|left| left.why == UNKNOWN_VOLUME && in_use(&left.token));
    if !(made.group || made.any && unknown) {
        return;
    }
    findings.leave(WHOLE, |_| true);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::VgName;
    use crate::rewrite::edit::apply;
    use crate::rewrite::matcher::Volumes;

    fn matcher() -> Matcher {
        let name = |name| VgName::new(name).unwrap();
        let known = BTreeSet::from(["home", "data"].map(|lv| LvName::new(lv).unwrap()));
        Matcher::new(name("data"), name("n-w"), Volumes::Known(known), BTreeSet::new())
    }

    #[track_caller]
    fn becomes(before: &str, after: &str) {
        let mut findings = Findings::default();
        arguments(&matcher(), before.as_bytes(), 0..before.len(), &mut findings);
        let text = String::from_utf8(apply(before.as_bytes(), &findings.edits)).unwrap();
        assert_eq!(text, after);
    }

    #[test]
    fn arguments_change() {
        for (before, after) in [
            ("vgchange -ay data", "vgchange -ay n-w"),
            ("vgchange -a y --sysinit 'data'", "vgchange -a y --sysinit 'n-w'"),
            (
                "/sbin/lvs --noheadings -o lv_name \"data/home\" | x",
                "/sbin/lvs --noheadings -o lv_name \"n-w/home\" | x",
            ),
            ("lvm vgchange -aay --yes data", "lvm vgchange -aay --yes n-w"),
            ("lvchange -ay data/home data/$x;vgs data", "lvchange -ay n-w/home n-w/$x;vgs n-w"),
            (
                "if ! sudo -n /usr/sbin/lvs data 2>/dev/null",
                "if ! sudo -n /usr/sbin/lvs n-w 2>/dev/null",
            ),
            ("x=$(vgs -o vg_free --units b data)", "x=$(vgs -o vg_free --units b n-w)"),
            ("0 3 * * 1-5 root lvs data", "0 3 * * 1-5 root lvs n-w"),
            ("lvs -S vg_name=data", "lvs -S vg_name=n-w"),
            (
                "lvs --select='vg_name = \"data\" && lv_size>1'",
                "lvs --select='vg_name = \"n-w\" && lv_size>1'",
            ),
            ("lvcreate -s -L1G -n snap data/home", "lvcreate -s -L1G -n snap n-w/home"),
            (
                "lvcreate -Tn data --thinpool data/home data",
                "lvcreate -Tn data --thinpool n-w/home n-w",
            ),
            ("lvrename data data data", "lvrename n-w data data"),
            ("vgrename data data", "vgrename n-w data"),
            ("lvextend -r -l +100%FREE \\\n  data/home", "lvextend -r -l +100%FREE \\\n  n-w/home"),
            (
                "op ALL=(root) NOPASSWD: /sbin/lvs data, /sbin/vgs data",
                "op ALL=(root) NOPASSWD: /sbin/lvs n-w, /sbin/vgs n-w",
            ),
            ("command[lv]=/sbin/lvs data", "command[lv]=/sbin/lvs n-w"),
            ("sh -c \"lvs data\" data", "sh -c \"lvs n-w\" data"),
            ("LC_ALL=C timeout 10 lvs data", "LC_ALL=C timeout 10 lvs n-w"),
            ("dmsetup info data-home", "dmsetup info n--w-home"),
            (
                "VG=data; export vg_name=\"data\"\nLVM_VG='data'",
                "VG=n-w; export vg_name=\"n-w\"\nLVM_VG='n-w'",
            ),
        ] {
            becomes(before, after);
            let mut findings = Findings::default();
            arguments(&matcher(), after.as_bytes(), 0..after.len(), &mut findings);
            assert!(findings.edits.is_empty(), "{after}");
        }
    }

    #[test]
    fn what_looks_alike_stays() {
        for same in [
            "# vgchange -ay data",
            "x # lvs data",
            "the lvs of data are lvs data",
            "lvs -o data --sort data --units data -O data",
            "vgs @data --config data",
            "lvcreate -n data -L 1G other",
            "mylvs data; lvs-x data; $lvs data; /opt/lvsx data",
            "lvs other; echo data",
            "lvs 2>data",
            "pvs data",
            "dmsetup data",
            "lvm data",
            "vgimportclone -n data /dev/sdb",
            "IMG=data; OVG=datax; DATA_VG_SIZE=data",
        ] {
            becomes(same, same);
        }
    }

    #[test]
    fn volumes_that_a_script_makes() {
        let volumes = |text: &str| {
            let made = made(&matcher(), text.as_bytes());
            let names = made.volumes.iter().map(LvName::as_str).collect::<Vec<_>>().join(" ");
            (names, made.any, made.group)
        };
        assert_eq!(volumes("lvcreate -s -n snap -L1G data/home"), ("snap".to_owned(), true, false));
        assert_eq!(volumes("lvcreate -s -L1G --name=data/s2 x"), ("s2".to_owned(), true, false));
        assert_eq!(volumes("lvcreate -snsnap data/home"), ("snap".to_owned(), true, false));
        assert_eq!(volumes("lvcreate -n \"$x\" data"), (String::new(), true, false));
        assert_eq!(volumes("lvrename data home old"), ("old".to_owned(), false, false));
        assert_eq!(volumes("vgcreate -s 4M data /dev/sdb"), (String::new(), false, true));
        assert_eq!(
            volumes("# lvcreate -n a data\nvgcreate other x"),
            (String::new(), false, false)
        );
    }
}
