//! mdadm's configuration, and the running arrays.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Where mdadm.conf(5) may be.
pub const PLACES: &[&str] = &[
    "/etc/mdadm.conf",
    "/etc/mdadm.conf.d/*.conf",
    "/etc/mdadm/mdadm.conf",
    "/etc/mdadm/mdadm.conf.d/*.conf",
];

/// Where the kernel lists block devices, and where udev stores what mdadm(8) says about arrays (mdadm
/// udev-md-raid-arrays.rules, `--detail --export`).
const SYSFS: &str = "/sys/class/block";
const DATA: &str = "/run/udev/data";

/// A running array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Its kernel name: `md127`.
    pub device: String,
    /// The name in its superblock, `HOST:0`. None if it is not known.
    pub name: Option<String>,
    /// Its UUID as 32 hexadecimal digits. None if it is not known.
    pub uuid: Option<String>,
}

impl Array {
    /// The host that it belongs to (md(4), mdadm(8), `--homehost`).
    pub fn host(&self) -> Option<&str> {
        let (host, _) = self.name.as_deref()?.split_once(':')?;
        (host != "any").then_some(host)
    }

    /// An array from the output of mdadm(8) with `--export`, or from udev's database.
    pub fn of(device: &str, text: &str) -> Self {
        let lines = text.lines().map(|line| line.strip_prefix("E:").unwrap_or(line));
        let values: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once('=')).collect();
        let value = |key: &str| values.get(key).map(|value| value.trim().to_owned());
        Self {
            device: device.to_owned(),
            name: value("MD_NAME"),
            uuid: value("MD_UUID").and_then(|uuid| digits(&uuid)),
        }
    }
}

/// The running arrays, by udev's database. For an array that udev does not know, only the device is set.
/// Containers are included: they hold arrays, but no data.
pub fn running() -> Vec<Array> {
    let names = fs::read_dir(SYSFS).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter(|name| Path::new(SYSFS).join(name).join("md").is_dir()).collect();
    names.sort();
    let array = |name: &String| {
        let number = fs::read_to_string(Path::new(SYSFS).join(name).join("dev"));
        let number = number.unwrap_or_default();
        let data = fs::read(Path::new(DATA).join(format!("b{}", number.trim())));
        Array::of(name, &String::from_utf8_lossy(&data.unwrap_or_default()))
    };
    names.iter().map(array).collect()
}

/// What mdadm.conf(5) says about hosts and arrays.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Conf {
    /// The host's name, or a word like `<system>`. The first line counts.
    pub homehost: Option<String>,
    arrays: Vec<Listed>,
}

/// One `ARRAY` line.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    name: Option<String>,
    uuid: Option<String>,
}

impl Conf {
    /// Reads the files in order.
    pub fn read<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut conf = Self::default();
        for words in texts.flat_map(lines) {
            match words.as_slice() {
                [first, host, ..] if is_keyword(first, "homehost") => {
                    conf.homehost.get_or_insert_with(|| host.to_lowercase());
                }
                [first, rest @ ..] if is_keyword(first, "array") => conf.arrays.push(Listed {
                    name: setting(rest, "name").map(str::to_owned),
                    uuid: uuid(rest),
                }),
                _ => {}
            }
        }
        conf
    }

    /// Whether an array belongs to this machine under any host name: it has a line of its own, hosts are
    /// ignored, or the host's name is set in the file.
    pub fn keeps(&self, array: &Array) -> bool {
        let is_pinned = |host: &str| {
            host == "<ignore>" || array.host().is_some_and(|own| own.eq_ignore_ascii_case(host))
        };
        let is_listed = |listed: &Listed| {
            let agrees =
                |listed: &Option<String>, own: &Option<String>| listed.is_none() || listed == own;
            (listed.uuid.is_some() || listed.name.is_some())
                && agrees(&listed.uuid, &array.uuid)
                && agrees(&listed.name, &array.name)
        };
        self.homehost.as_deref().is_some_and(is_pinned) || self.arrays.iter().any(is_listed)
    }
}

/// The words of each line. A line that begins with white space continues the line before. `#` begins a
/// comment (mdadm.conf(5)).
pub fn lines(text: &str) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        let words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        let words = words.map(|word| word.trim_matches(['"', '\'']).to_owned());
        match lines.last_mut().filter(|_| line.starts_with(char::is_whitespace)) {
            Some(last) => last.extend(words),
            None => lines.push(words.collect()),
        }
    }
    lines
}

/// Whether a word is the keyword, in upper or lower case. Three letters of a keyword are enough.
pub fn is_keyword(word: &str, keyword: &str) -> bool {
    let word = word.to_lowercase();
    word.len() >= 3 && keyword.starts_with(&word)
}

/// The value of `key=value` in the words.
pub fn setting<'a>(words: &'a [String], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| {
        let (name, value) = word.split_once('=')?;
        name.eq_ignore_ascii_case(key).then(|| value.trim_matches(['"', '\'']))
    })
}

/// The UUID in the words of an array.
pub fn uuid(words: &[String]) -> Option<String> {
    setting(words, "uuid").and_then(digits)
}

/// A UUID as 32 hexadecimal digits. mdadm accepts several separators between them.
fn digits(uuid: &str) -> Option<String> {
    let uuid = uuid.to_lowercase();
    let digits: String = uuid.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_uuid.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array() -> Array {
        let text =
            "E:MD_LEVEL=raid1\nE:MD_NAME=tmpl:0\nE:MD_UUID=3aaa0122:29827cfa:5331ad66:ca767371\n";
        Array::of("md127", text)
    }

    #[test]
    fn udev_and_mdadm_say_the_same() {
        assert_eq!(array().host(), Some("tmpl"));
        let text = "MD_NAME=tmpl:0\nMD_UUID=3aaa0122:29827cfa:5331ad66:ca767371\n";
        assert_eq!(Array::of("md127", text), array());
        for name in ["any:0", "plain", ""] {
            assert_eq!(Array::of("md0", &format!("MD_NAME={name}\n")).host(), None, "{name}");
        }
    }

    #[test]
    fn what_keeps_an_array_is_told() {
        for (text, keeps) in [
            ("HOMEHOST <ignore>\n", true),
            ("homehost Tmpl\n", true),
            ("HOMEHOST <system>\nHOMEHOST tmpl\n", false),
            ("HOMEHOST web01\n", false),
            (
                "ARRAY /dev/md/0 metadata=1.2\n  UUID=3AAA0122:29827cfa:5331ad66:ca767371 name=tmpl:0\n",
                true,
            ),
            ("ARRAY /dev/md/0 UUID=3aaa0122:29827cfa:5331ad66:ca767371\n", true),
            ("ARRAY /dev/md/0 name=tmpl:0\n", true),
            ("ARRAY /dev/md/0 UUID=3aaa0122:29827cfa:5331ad66:ca767371 name=web01:0\n", false),
            ("ARRAY /dev/md/0 UUID=00000000:29827cfa:5331ad66:ca767371\n", false),
            ("ARRAY /dev/md/0\n", false),
            ("# ARRAY /dev/md/0 name=tmpl:0\n", false),
            ("", false),
        ] {
            assert_eq!(Conf::read([text].into_iter()).keeps(&array()), keeps, "{text}");
        }
    }
}
