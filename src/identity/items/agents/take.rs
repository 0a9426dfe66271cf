//! Takes an agent's identity from its files.

use serde_json::Value;

use super::super::settings::{Between, values, yaml};
use crate::identity::{Found, View};

/// The contents of whole files, without the white space around them.
pub(super) fn whole(view: &View<'_>, patterns: &[&str]) -> Vec<Found> {
    let paths = patterns.iter().flat_map(|pattern| view.glob(pattern));
    let found = paths.filter_map(|path| {
        let bytes = view.bytes(&path)?;
        let value = bytes.trim_ascii();
        (!value.is_empty()).then(|| Found::one(path.display().to_string(), value))
    });
    found.collect()
}

/// What a function takes from each text. Files from which it takes nothing are left out.
pub(super) fn each(
    view: &View<'_>,
    patterns: &[&str],
    take: impl Fn(&str) -> Vec<String>,
) -> Vec<Found> {
    let texts = patterns.iter().flat_map(|pattern| view.texts(pattern));
    let found = texts.filter_map(|(path, text)| {
        let values: Vec<Vec<u8>> = take(&text).into_iter().map(String::into_bytes).collect();
        (!values.is_empty()).then(|| Found::many(path.display().to_string(), values))
    });
    found.collect()
}

/// The values of one key of `key = value`. If a section is named, only those in that section.
pub(super) fn keyed(
    view: &View<'_>,
    patterns: &[&str],
    section: Option<&str>,
    key: &str,
) -> Vec<Found> {
    each(view, patterns, |text| values(text, Between::Equals, section.as_slice(), &[key]))
}

/// The texts at JSON pointers (RFC 6901).
pub(super) fn json(view: &View<'_>, patterns: &[&str], pointers: &[&str]) -> Vec<Found> {
    each(view, patterns, |text| {
        let Ok(json) = serde_json::from_str::<Value>(text) else { return Vec::new() };
        let texts = pointers.iter().filter_map(|pointer| json.pointer(pointer)?.as_str());
        texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
    })
}

/// The value of a top-level key of YAML.
pub(super) fn top(view: &View<'_>, patterns: &[&str], key: &str) -> Vec<Found> {
    each(view, patterns, |text| {
        let all = yaml(text).into_iter();
        all.filter(|(keys, _)| *keys == [key]).map(|(_, value)| value).collect()
    })
}

/// Wazuh's client.keys. Each line has the number, name, address and key of an agent. The server marks an agent as
/// removed with a `!` or `#` before its name.
pub(super) fn wazuh(view: &View<'_>) -> Vec<Found> {
    let path = "/var/ossec/etc/client.keys";
    let Some(text) = view.text(path) else { return Vec::new() };
    let agents = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (number, name) = (words.next()?, words.next()?);
        (!number.starts_with('#') && !name.starts_with(['!', '#'])).then_some((number, name))
    });
    let agents: Vec<_> = agents.collect();
    if agents.is_empty() {
        return Vec::new();
    }
    let hint = agents.iter().find_map(|(_, name)| view.other_host(name));
    let values = agents.iter().map(|(number, name)| format!("{number} {name}").into_bytes());
    vec![Found::many(path, values.collect()).hinted(hint)]
}

/// Landscape's `secure-id`, from the file that its client keeps in a format of its own, bpickle. In that format, a
/// text comes after `s` or `u`, its length and a colon. The rest of the file changes all the time.
pub(super) fn landscape(view: &View<'_>) -> Vec<Found> {
    let path = "/var/lib/landscape/client/broker.bpickle";
    let id = view.bytes(path).and_then(|bytes| secure_id(&bytes).map(<[u8]>::to_vec));
    id.map(|id| Found::one(path, id)).into_iter().collect()
}

/// The length is part of the key, because `11:insecure-id` has the same ending.
fn secure_id(bytes: &[u8]) -> Option<&[u8]> {
    let key = b"9:secure-id";
    let start = memchr::memmem::find(bytes, key)? + key.len();
    let (kind, rest) = bytes.get(start..)?.split_first()?;
    let colon = memchr::memchr(b':', rest).filter(|_| matches!(kind, b's' | b'u'))?;
    let length: usize = std::str::from_utf8(&rest[..colon]).ok()?.parse().ok()?;
    rest.get(colon + 1..)?.get(..length).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::items::testing::{tree, words};

    #[test]
    fn a_whole_file_is_taken_without_the_white_space_around_it() {
        let tree = tree(&[("a/one", " x y \n"), ("a/two", "\n"), ("b", "z")]);
        let found = whole(&tree.view(), &["/a/*", "/b", "/c"]);
        assert_eq!(found, [Found::one("/a/one", "x y"), Found::one("/b", "z")]);
    }

    #[test]
    fn json_is_asked_by_pointers_and_anything_else_is_nothing() {
        let tree = tree(&[
            ("a.json", "{\"x\": {\"id\": \"1\"}, \"id\": 2, \"y\": \"\"}"),
            ("b.json", "{\"x\": "),
        ]);
        let found = json(&tree.view(), &["/*.json"], &["/x/id", "/id", "/y"]);
        assert_eq!(found, [Found::one("/a.json", "1")]);
    }

    #[test]
    fn the_top_of_yaml_is_not_its_depth() {
        let tree = tree(&[("a.yaml", "url: http://x\n# login: no\nlogin: me\nb:\n  login: no\n")]);
        assert_eq!(top(&tree.view(), &["/a.yaml"], "login"), [Found::one("/a.yaml", "me")]);
    }

    #[test]
    fn wazuhs_agents_are_those_in_force() {
        let keys = "001 tmpl any 0123abcd\n002 !gone any 99\n#003 x any 1\n004\n";
        let tree = tree(&[("var/ossec/etc/client.keys", keys)]);
        let found = wazuh(&tree.of_host("web01"));
        assert_eq!(words(&found[0]), ["001 tmpl"]);
        assert!(found[0].hint.is_some());
        assert_eq!(wazuh(&tree.of_host("tmpl"))[0].hint, None);
    }

    #[test]
    fn landscapes_identity_is_the_secure_one() {
        let text = "ds12:registrationds11:insecure-idi7;s9:secure-idu4:abcd;;";
        assert_eq!(secure_id(text.as_bytes()), Some(&b"abcd"[..]));
        for text in [
            "s11:insecure-ids4:abcd",
            "s9:secure-idn",
            "s9:secure-id",
            "s9:secure-idu9:abcd",
            "s9:secure-idu0:",
            "s9:secure-idu99999999999999999999:a",
            "",
        ] {
            assert_eq!(secure_id(text.as_bytes()), None, "{text}");
        }
    }
}
