//! Decides whether a whole token names the group. No other code compares names.

use std::collections::BTreeSet;

use super::edit::Form;
use super::kernel_path;
use super::verdict::shift;
pub use super::verdict::{Hit, Verdict};
use crate::names::{LvName, VgName, dm, path};

/// What is known about the group's volumes.
#[derive(Debug, Clone)]
pub enum Volumes {
    /// All volumes that LVM reports, with the hidden ones. Tokens with other names are left.
    Known(BTreeSet<LvName>),
    /// There is no report. Tokens are recognized by their form.
    ByForm,
}

/// The renaming of a group or of one of its volumes, with the data that identify its tokens.
#[derive(Debug, Clone)]
pub struct Matcher {
    old: VgName,
    new: VgName,
    old_doubled: String,
    new_doubled: String,
    volumes: Volumes,
    mappings: BTreeSet<String>,
    /// If a volume is renamed and the group keeps its name: the volume's old and new name.
    volume: Option<(LvName, LvName)>,
}

impl Matcher {
    /// `mappings` are the names of devices that are not volumes: those of dm-crypt and multipathd. They
    /// are free text and may look like a dm name of the group (Debian's installer names them after their
    /// source).
    pub fn new(old: VgName, new: VgName, volumes: Volumes, mappings: BTreeSet<String>) -> Self {
        let (old_doubled, new_doubled) = (old.doubled(), new.doubled());
        Self { old, new, old_doubled, new_doubled, volumes, mappings, volume: None }
    }

    /// A matcher for the renaming of one volume. `group` keeps its name. `renamed` is the volume's name
    /// now and afterwards. LVM also renames the hidden parts of the volume.
    pub fn of_volume(
        group: VgName,
        renamed: (LvName, LvName),
        volumes: Volumes,
        mappings: BTreeSet<String>,
    ) -> Self {
        Self { volume: Some(renamed), ..Self::new(group.clone(), group, volumes, mappings) }
    }

    /// The group's present name, if the group is renamed.
    pub fn old_name(&self) -> Option<&str> {
        self.volume.is_none().then_some(self.old.as_str())
    }

    /// The name that the group gets.
    pub fn new_name(&self) -> &str {
        self.new.as_str()
    }

    /// What is renamed, in the spelling for messages: `VG` or `VG/LV`.
    pub fn said(&self) -> String {
        match &self.volume {
            Some((old, _)) => format!("{}/{old}", self.old),
            None => self.old.to_string(),
        }
    }

    /// Replaces `{old}` and `{new}` in a sentence with the names.
    pub fn fill(&self, sentence: &str) -> String {
        let new = match &self.volume {
            Some((_, new)) => format!("{}/{new}", self.new),
            None => self.new.to_string(),
        };
        sentence.replace("{old}", &self.said()).replace("{new}", &new)
    }

    /// A whole absolute path, as the kernel resolves it: `/dev/mapper/X`, `/dev/disk/by-id/dm-name-X`,
    /// `/dev/VG/LV` or `/dev/VG`.
    pub fn path(&self, token: &[u8]) -> Verdict {
        let Some(plain) = kernel_path::plain(token) else { return self.plain_path(token) };
        let bytes: Vec<u8> = plain.iter().map(|(byte, _)| *byte).collect();
        match self.plain_path(&bytes) {
            Verdict::Ours(_) if kernel_path::goes_through_another(token) => Verdict::UnknownVolume,
            Verdict::Ours(hit) => {
                let name = plain[hit.name.start].1..plain[hit.name.end - 1].1 + 1;
                Verdict::Ours(Hit { name, ..hit })
            }
            other => other,
        }
    }

    fn plain_path(&self, token: &[u8]) -> Verdict {
        for (prefix, form) in [(path::MAPPER, Form::MapperPath), (path::BY_ID, Form::ByIdPath)] {
            if let Some(name) = token.strip_prefix(prefix.as_bytes()) {
                return shift(self.dm_name(name, form), prefix.len());
            }
        }
        let Some(rest) = token.strip_prefix(b"/dev/") else { return Verdict::Foreign };
        if rest == self.old.as_str().as_bytes() && !self.old.clashes_with_dev() {
            return shift(self.hit(Spelled::Raw, Form::DeviceDirectory, None), 5);
        }
        shift(self.slash_pair(rest, Form::DevicePath), 5)
    }

    /// A path relative to `/dev`: `VG/LV`, `mapper/VG-LV`. The group's directory does not count.
    pub fn below_dev(&self, name: &[u8]) -> Verdict {
        match self.path(&[b"/dev/", name].concat()).device() {
            Verdict::Ours(hit) => {
                Verdict::Ours(Hit { name: hit.name.start - 5..hit.name.end - 5, ..hit })
            }
            other => other,
        }
    }

    /// The part of an absolute path before a pattern or expansion that leaves the volume open:
    /// `/dev/mapper/VG-`, `/dev/mapper/VG-snap`, `/dev/VG/`.
    pub fn path_beginning(&self, token: &[u8]) -> Verdict {
        for (prefix, form) in [(path::MAPPER, Form::MapperPath), (path::BY_ID, Form::ByIdPath)] {
            if let Some(name) = token.strip_prefix(prefix.as_bytes()) {
                return shift(self.dm_beginning(name, form), prefix.len());
            }
        }
        let rest = token.strip_prefix(b"/dev/").unwrap_or_default();
        if rest
            .strip_prefix(self.old.as_str().as_bytes())
            .is_some_and(|rest| rest.starts_with(b"/"))
        {
            return shift(self.hit(Spelled::Raw, Form::DeviceDirectory, None), 5);
        }
        Verdict::Foreign
    }

    /// `VG-` and the beginning of a volume's name.
    fn dm_beginning(&self, name: &[u8], form: Form) -> Verdict {
        let rest = name
            .strip_prefix(self.old_doubled.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"-"))
            .filter(|rest| !rest.starts_with(b"-"));
        match rest {
            Some(_) => self.hit(Spelled::Doubled, form, None),
            None => Verdict::Foreign,
        }
    }

    /// Whether a word is the group's part of a dm name. False if a volume is renamed.
    pub fn is_doubled(&self, word: &[u8]) -> bool {
        self.volume.is_none() && word == self.old_doubled.as_bytes()
    }

    /// A whole dm name: `VG-LV` with doubled hyphens, or one of its layers.
    pub fn dm_name(&self, name: &[u8], form: Form) -> Verdict {
        let Ok(text) = std::str::from_utf8(name) else { return Verdict::Foreign };
        let rest = text.strip_prefix(&self.old_doubled).and_then(|rest| rest.strip_prefix('-'));
        let Some(rest) = rest.filter(|rest| !rest.starts_with('-')) else {
            return Verdict::Foreign;
        };
        if self.mappings.contains(text) {
            return Verdict::Foreign;
        }
        let (lv, layer) = dm::take_part(rest);
        let layered = layer.is_none_or(|layer| dm::LAYERS.contains(&layer));
        match self.volume(&lv).filter(|_| layered) {
            Some(lv) => self.hit(Spelled::Doubled, form, Some(lv)),
            None => self.unknown(),
        }
    }

    /// A whole dm name, or a pattern (`VG-*`) without a wildcard in the group's part.
    pub fn dm_pattern(&self, pattern: &[u8]) -> Verdict {
        if pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
            self.dm_beginning(pattern, Form::DmName)
        } else {
            self.dm_name(pattern, Form::DmName)
        }
    }

    /// A whole `VG/LV`, with raw names.
    pub fn slash_pair(&self, text: &[u8], form: Form) -> Verdict {
        let Ok(text) = std::str::from_utf8(text) else { return Verdict::Foreign };
        match text.split_once('/') {
            Some((vg, lv)) if vg == self.old.as_str() && !lv.is_empty() && !lv.contains('/') => {
                match self.volume(lv) {
                    Some(lv) => self.hit(Spelled::Raw, form, Some(lv)),
                    None => self.unknown(),
                }
            }
            _ => Verdict::Foreign,
        }
    }

    /// A whole `VG/LV`, or `VG/` and an expansion or a wildcard.
    pub fn pair_or_beginning(&self, word: &[u8]) -> Verdict {
        let rest = word
            .strip_prefix(self.old.as_str().as_bytes())
            .and_then(|rest| rest.strip_prefix(b"/"))
            .unwrap_or_default();
        if rest.iter().any(|byte| b"$*?[{%`".contains(byte)) {
            return self.hit(Spelled::Raw, Form::VgLv, None);
        }
        self.slash_pair(word, Form::VgLv)
    }

    /// The same matcher with more volumes, if it knows the group's volumes.
    #[must_use]
    pub fn with_volumes(&self, more: &[LvName]) -> Self {
        let mut matcher = self.clone();
        if let Volumes::Known(known) = &mut matcher.volumes {
            known.extend(more.iter().cloned());
        }
        matcher
    }

    /// The whole raw name of the group.
    pub fn group(&self, text: &[u8]) -> Verdict {
        if text == self.old.as_str().as_bytes() {
            self.hit(Spelled::Raw, Form::VgName, None)
        } else {
            Verdict::Foreign
        }
    }

    /// Whether a word of free text is a dm name of the group. A known volume or a doubled hyphen must
    /// distinguish it from other words.
    pub fn is_dm_name(&self, word: &[u8]) -> bool {
        let telling = matches!(self.volumes, Volumes::Known(_)) || self.old.as_str().contains('-');
        telling && matches!(self.dm_name(word, Form::DmName), Verdict::Ours(_))
    }

    /// Whether the text is the group's part of a dm name, with or without its hyphen. A group's name that
    /// has only letters could be any word, so it does not count.
    pub fn is_dm_beginning(&self, text: &[u8]) -> bool {
        let group = text.strip_suffix(b"-").unwrap_or(text);
        let is_word = self.old.as_str().bytes().all(|byte| byte.is_ascii_alphabetic());
        self.volume.is_none()
            && !is_word
            && group == self.old.as_str().replace('-', "--").as_bytes()
    }

    /// Whether a word of free text may name the group: its own name, `VG/LV`, or a dm name.
    pub fn may_name(&self, word: &[u8]) -> bool {
        let ours = |verdict| matches!(verdict, Verdict::Ours(_));
        ours(self.group(word)) || ours(self.slash_pair(word, Form::VgLv)) || self.is_dm_name(word)
    }

    /// The verdict on a token that begins with the group. `volume` is one of the group's volumes, or none
    /// if the token names no volume.
    fn hit(&self, spelled: Spelled, form: Form, volume: Option<LvName>) -> Verdict {
        let spell = |name: &LvName| match spelled {
            Spelled::Raw => name.to_string(),
            Spelled::Doubled => dm::double(name.as_str()),
        };
        let (old, new) = match spelled {
            Spelled::Raw => (self.old.as_str(), self.new.as_str()),
            Spelled::Doubled => (self.old_doubled.as_str(), self.new_doubled.as_str()),
        };
        let Some((from, to)) = &self.volume else {
            return Verdict::Ours(Hit { name: 0..old.len(), new: new.to_owned(), form, volume });
        };
        let named = volume.as_ref().and_then(|volume| Some((volume, volume.part_of(from, to)?)));
        let Some((volume, new)) = named else { return Verdict::Foreign };
        // The volume's part begins after the slash or hyphen.
        let start = old.len() + 1;
        let (name, new) = (start..start + spell(volume).len(), spell(&new));
        Verdict::Ours(Hit { name, new, form, volume: Some(volume.clone()) })
    }

    /// The verdict on a token that fits the group but no volume of it. The renaming of a volume ignores
    /// such a token.
    fn unknown(&self) -> Verdict {
        if self.volume.is_some() { Verdict::Foreign } else { Verdict::UnknownVolume }
    }

    /// The volume with that name, if the group has it or may have it.
    fn volume(&self, name: &str) -> Option<LvName> {
        let name = LvName::new(name).ok()?;
        match &self.volumes {
            Volumes::Known(known) => known.contains(&name).then_some(name),
            Volumes::ByForm => Some(name),
        }
    }
}

/// How a token spells names.
#[derive(Clone, Copy)]
enum Spelled {
    /// As LVM prints them.
    Raw,
    /// With doubled hyphens.
    Doubled,
}
