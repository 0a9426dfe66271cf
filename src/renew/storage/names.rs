//! The forms of these names, where they are in their files, and new names.

use std::cell::RefCell;
use std::ops::Range;

use anyhow::Result;

use crate::guest::root::Root;
use crate::iscsi_iname;
use crate::renew::machine_id;

/// What comes before the UUID in the name of an NVMe host (nvme-gen-hostnqn(1)).
pub(super) const NQN: &str = "nqn.2014-08.org.nvmexpress:uuid:";

/// What installers put before the digits of an initiator's name: the defaults of open-iscsi, Debian, Red Hat and SUSE
/// (`iscsi-iname -p`).
const PREFIXES: &[&str] = &[
    "iqn.1993-08.org.debian:01",
    "iqn.1994-05.com.redhat",
    "iqn.1996-04.de.suse:01",
    "iqn.2005-03.org.open-iscsi",
    "iqn.2016-04.com.open-iscsi",
];

/// Digits of a new name: six bytes, as iscsi-iname makes them.
const DIGITS: usize = 12;

/// What comes before the digits in a name that an installer has made. `None` for any other name.
pub(super) fn iqn(name: &str) -> Option<&str> {
    let (prefix, digits) = name.rsplit_once(':')?;
    let is_known = PREFIXES.iter().any(|known| known.eq_ignore_ascii_case(prefix));
    // SUSE's names may end with a UUID, or with the digits that iscsi-iname makes.
    let is_digits = (1..=32).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        || is_uuid(digits);
    (is_known && is_digits).then_some(prefix)
}

/// The UUID in the name of an NVMe host. `None` for any other name.
pub(super) fn nqn(name: &str) -> Option<&str> {
    name.strip_prefix(NQN).filter(|uuid| is_uuid(uuid))
}

/// Whether a text is a UUID (RFC 9562, 4).
pub(super) fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// The positions of the values of `InitiatorName=` in a text (iscsid(8)).
pub fn initiator(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let Some((key, value)) = line.split_once('=') else { continue };
        if !key.trim().eq_ignore_ascii_case("InitiatorName") {
            continue;
        }
        let value_at = start + key.len() + 1 + (value.len() - value.trim_start().len());
        let value = value.trim_start();
        let end = value.find(|letter: char| letter.is_whitespace() || letter == '#');
        let length = end.unwrap_or(value.len());
        if length > 0 {
            found.push(value_at..value_at + length);
        }
    }
    found
}

/// The position of an NVMe host's name: the first line that is not a comment.
pub fn host_name(text: &str) -> Option<Range<usize>> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let value = line.trim();
        if !value.is_empty() && !value.starts_with('#') {
            return Some(start..start + value.len());
        }
    }
    None
}

/// The position of an NVMe host's ID.
pub fn host_id(text: &str) -> Option<Range<usize>> {
    host_name(text)
}

/// The new names of a process. Each is made when it is first needed, and stays the same after that.
#[derive(Debug, Default)]
pub struct Drawn {
    iqn: RefCell<Option<String>>,
    uuids: RefCell<Vec<String>>,
}

impl Drawn {
    /// A new initiator name. It comes from iscsi-iname(8) if the running system has it.
    pub(super) fn iqn(&self, root: &Root, prefix: &str) -> Result<String> {
        if let Some(name) = &*self.iqn.borrow() {
            return Ok(name.clone());
        }
        let name = if root.is_live() && iscsi_iname::is_installed() {
            iscsi_iname::make(prefix)?
        } else {
            format!("{prefix}:{}", &machine_id::draw()?[..DIGITS])
        };
        *self.iqn.borrow_mut() = Some(name.clone());
        Ok(name)
    }

    /// A new UUID. `nvme gen-hostnqn` is not used, because it takes the firmware's UUID, which a clone may share.
    pub(super) fn uuid(&self, number: usize) -> Result<String> {
        let mut uuids = self.uuids.borrow_mut();
        while uuids.len() <= number {
            let id = machine_id::draw()?;
            let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &id[range]);
            uuids.push(groups.join("-"));
        }
        Ok(uuids[number].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installers_names_are_told_from_those_that_somebody_chose() {
        for (name, prefix) in [
            ("iqn.1993-08.org.debian:01:7f1c5a3e9b0d", Some("iqn.1993-08.org.debian:01")),
            ("iqn.1994-05.com.redhat:5e1f9aebd1", Some("iqn.1994-05.com.redhat")),
            (
                "iqn.1996-04.de.suse:01:b0da4e8c-6b5e-4c4f-9d1b-0123456789ab",
                Some("iqn.1996-04.de.suse:01"),
            ),
            ("iqn.2020-01.org.example:web01", None),
            ("iqn.1994-05.com.redhat:web01", None),
            ("iqn.1993-08.org.debian:01:", None),
            ("iqn.1993-08.org.debian:01:é", None),
            ("", None),
        ] {
            assert_eq!(iqn(name), prefix, "{name}");
        }
        assert!(
            nqn("nqn.2014-08.org.nvmexpress:uuid:b0da4e8c-6b5e-4c4f-9d1b-0123456789ab").is_some()
        );
        for name in ["nqn.2014-08.org.nvmexpress:uuid:", "nqn.2014-08.com.example:web01", ""] {
            assert_eq!(nqn(name), None, "{name}");
        }
    }

    #[test]
    fn values_are_found_without_blanks_and_comments() {
        let text = "#InitiatorName=a\n InitiatorName = b # c\r\ninitiatorname=d\nInitiatorNames=e\nInitiatorName=\n";
        let values: Vec<&str> = initiator(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(values, ["b", "d"]);
        let text = "\n# why\n  nqn.x:é \n";
        assert_eq!(host_name(text).map(|range| &text[range]), Some("nqn.x:é"));
        assert_eq!(host_id(" \n#\n"), None);
    }

    #[test]
    fn uuids_are_drawn_once() {
        let drawn = Drawn::default();
        let (second, first) = (drawn.uuid(1).unwrap(), drawn.uuid(0).unwrap());
        assert!(is_uuid(&first) && is_uuid(&second) && first != second);
        assert_eq!(drawn.uuid(1).unwrap(), second);
    }

    proptest::proptest! {
        #[test]
        fn a_value_is_inside_its_text_and_stays_one(text in "(InitiatorName|[ =#a\n\u{e9}]){0,12}") {
            for range in initiator(&text) {
                let value = &text[range];
                proptest::prop_assert!(!value.is_empty() && !value.contains(char::is_whitespace));
            }
            if let Some(range) = host_name(&text) {
                proptest::prop_assert_eq!(text[range.clone()].trim(), &text[range]);
            }
        }
    }
}
