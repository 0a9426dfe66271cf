//! What is known about groups, and what follows for a name.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::names::VgName;
use crate::names::path::MAPPER;
use crate::rewrite::edit::Form;
use crate::rewrite::matcher::{Matcher, Verdict as Match, Volumes};

use super::Judgement;
use super::known::{Group, Known};

/// The verdict on a name, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Judgement,
    /// The reason, unless the name simply holds.
    pub why: Option<String>,
}

impl Finding {
    /// The device or file exists.
    pub(crate) fn holds() -> Self {
        Self { verdict: Judgement::Holds, why: None }
    }

    /// The device or file does not exist.
    pub(crate) fn fails(why: impl Into<String>) -> Self {
        Self { verdict: Judgement::Fails, why: Some(why.into()) }
    }

    /// This cannot be decided here.
    pub(crate) fn unknown(why: impl Into<String>) -> Self {
        Self { verdict: Judgement::Unknown, why: Some(why.into()) }
    }

    /// The same finding, but a failure is tolerated because no boot waits for the device.
    pub(crate) fn tolerated(self) -> Self {
        match self.verdict {
            Judgement::Fails => Self { verdict: Judgement::Tolerated, ..self },
            _ => self,
        }
    }
}

/// Groups and their volumes under their present names, and the other names of the run.
#[derive(Debug)]
pub struct Facts {
    groups: Vec<Names>,
    mappings: BTreeSet<String>,
    dm_uuids: BTreeSet<String>,
    tags: Option<BTreeSet<String>>,
}

/// The names of one group.
#[derive(Debug)]
struct Names {
    now: VgName,
    gone: Option<VgName>,
    current: Matcher,
    stale: Option<Matcher>,
}

/// A name that was found in a text.
#[derive(Debug)]
pub(crate) struct Token {
    /// The range of the whole token.
    pub(crate) range: Range<usize>,
    /// The finding about it.
    pub(crate) finding: Finding,
}

/// The length of `LVM-` and a group's UUID without hyphens, with which a dm UUID begins.
const GROUP_UUID: usize = 4 + 32;

/// Links that udev creates from a tag of blkid(8) (systemd rules.d/60-persistent-storage.rules).
const TAG_LINKS: &[(&str, &str)] = &[
    ("/dev/disk/by-uuid/", "UUID="),
    ("/dev/disk/by-label/", "LABEL="),
    ("/dev/disk/by-partuuid/", "PARTUUID="),
    ("/dev/disk/by-partlabel/", "PARTLABEL="),
];

impl Facts {
    /// Facts about groups. `mappings` are the names of the dm-crypt mappings in the tree, which are free
    /// text and may look like volumes.
    pub fn of(known: Known, mappings: BTreeSet<String>) -> Self {
        let mut this = Self { groups: Vec::new(), mappings, dm_uuids: BTreeSet::new(), tags: None };
        for group in known.groups {
            let mappings = || this.mappings.clone();
            let matcher = |from: &VgName, to: &VgName| {
                Matcher::new(from.clone(), to.clone(), group.volumes.clone(), mappings())
            };
            let Group { now, gone, .. } = &group;
            // A matcher needs two names. Only what it finds counts here, not its replacement.
            let current = matcher(now, gone.as_ref().unwrap_or(now));
            let stale = gone.as_ref().map(|gone| matcher(gone, now));
            this.dm_uuids.extend(group.dm_uuids);
            this.groups.push(Names { now: group.now, gone: group.gone, current, stale });
        }
        this
    }

    /// Facts about one group, which is called `now`, and not or no longer `gone`.
    pub fn new(
        now: VgName,
        gone: Option<VgName>,
        volumes: &Volumes,
        mappings: BTreeSet<String>,
    ) -> Self {
        let (volumes, dm_uuids) = (volumes.clone(), BTreeSet::new());
        let groups = vec![Group { now, gone, volumes, dm_uuids }];
        Self::of(Known { groups }, mappings)
    }

    /// Adds what blkid says about all devices, as `UUID=x`, `LABEL=x` and so on.
    #[must_use]
    pub fn with_tags(self, tags: Option<BTreeSet<String>>) -> Self {
        Self { tags, ..self }
    }

    /// A device in the spelling of fstab, crypttab and the kernel command line: a path, `UUID=`, `LABEL=`.
    pub(crate) fn device(&self, device: &str) -> Finding {
        if device.contains('$') {
            return Finding::unknown("it contains a variable");
        }
        if let Some((link, tag)) = TAG_LINKS.iter().find(|(link, _)| device.starts_with(link)) {
            return self.tag(&format!("{tag}{}", &device[link.len()..]));
        }
        if TAG_LINKS.iter().any(|(_, tag)| device.starts_with(tag)) {
            return self.tag(device);
        }
        if let Some(uuid) = device.strip_prefix("/dev/disk/by-id/dm-uuid-") {
            return self.dm_uuid(uuid);
        }
        if let Some(finding) = self.judged(|matcher| matcher.path(device.as_bytes())) {
            return finding;
        }
        let mapping = device.strip_prefix(MAPPER);
        if mapping.is_some_and(|mapping| self.mappings.contains(mapping)) {
            return Finding::holds();
        }
        Finding::unknown("no device of the group")
    }

    /// A tag of blkid. If blkid does not find it, that proves nothing: the disk may be unplugged.
    pub(crate) fn tag(&self, tag: &str) -> Finding {
        let tag = tag.replace(['"', '\''], "");
        match &self.tags {
            Some(tags) if tags.contains(&tag) => Finding::holds(),
            Some(_) => Finding::unknown("blkid finds no such device"),
            None => Finding::unknown("blkid was not asked"),
        }
    }

    fn dm_uuid(&self, uuid: &str) -> Finding {
        let ours =
            |known: &String| known.get(..GROUP_UUID).is_some_and(|group| uuid.starts_with(group));
        if self.dm_uuids.contains(uuid) {
            Finding::holds()
        } else if self.dm_uuids.iter().any(ours) {
            match self.groups.as_slice() {
                [group] => group.no_such_volume(),
                _ => Finding::fails("the group has no such volume"),
            }
        } else {
            Finding::unknown("no device of the group")
        }
    }

    /// `VG/LV` or a device path, as the value of `rd.lvm.lv=` (dracut.cmdline(7)).
    pub(crate) fn volume(&self, volume: &str) -> Finding {
        let judged = self.judged(|matcher| {
            if volume.starts_with("/dev/") {
                matcher.path(volume.as_bytes())
            } else {
                matcher.slash_pair(volume.as_bytes(), Form::VgLv)
            }
        });
        judged.unwrap_or_else(|| Finding::unknown("a volume of another group"))
    }

    /// The name of a group, as the value of `rd.lvm.vg=`.
    pub(crate) fn group(&self, group: &str) -> Finding {
        let judged = self.judged(|matcher| matcher.group(group.as_bytes()));
        judged.unwrap_or_else(|| Finding::unknown("another group"))
    }

    /// `VG-LV` after GRUB's `lvm/`.
    pub(crate) fn grub_disk(&self, name: &str) -> Finding {
        let judged = self.judged(|matcher| matcher.dm_name(name.as_bytes(), Form::GrubDisk));
        judged.unwrap_or_else(|| Finding::unknown("a volume of another group"))
    }

    /// Every name of the groups that a rewriter finds in a text, present or gone, in the text's order.
    pub(crate) fn tokens(&self, rewrite: crate::rewrite::Rewrite, text: &[u8]) -> Vec<Token> {
        let mut tokens: BTreeMap<(usize, usize), Finding> = BTreeMap::new();
        let mut add = |range: &Range<usize>, finding: Finding| {
            tokens.entry((range.start, range.end)).or_insert(finding);
        };
        let found = |matcher: &Matcher| rewrite(matcher, text).unwrap_or_default();
        for group in &self.groups {
            let current = found(&group.current);
            for edit in current.edits.iter().filter(|edit| edit.form != Form::Padding) {
                add(&edit.token, Finding::holds());
            }
            current.left.iter().for_each(|left| add(&left.token, group.no_such_volume()));
            if let Some(stale) = group.stale.as_ref().map(found) {
                for edit in stale.edits.iter().filter(|edit| edit.form != Form::Padding) {
                    add(&edit.token, group.is_gone());
                }
                stale.left.iter().for_each(|left| add(&left.token, group.is_gone()));
            }
        }
        let tokens = tokens.into_iter();
        tokens.map(|((start, end), finding)| Token { range: start..end, finding }).collect()
    }

    /// The matchers' finding. None if the name belongs to no group.
    fn judged(&self, ask: impl Fn(&Matcher) -> Match) -> Option<Finding> {
        let mut unknown = None;
        for group in &self.groups {
            match ask(&group.current) {
                Match::Ours(_) => return Some(Finding::holds()),
                Match::UnknownVolume => unknown = unknown.or(Some(group.no_such_volume())),
                Match::Foreign => {}
            }
        }
        let is_stale =
            |group: &&Names| group.stale.as_ref().is_some_and(|stale| ask(stale) != Match::Foreign);
        unknown.or_else(|| self.groups.iter().find(is_stale).map(Names::is_gone))
    }
}

impl Names {
    fn no_such_volume(&self) -> Finding {
        Finding::fails(format!("the group {} has no such volume", self.now))
    }

    fn is_gone(&self) -> Finding {
        let gone = self.gone.as_ref().unwrap_or(&self.now);
        Finding::fails(format!("there is no group {gone}"))
    }
}
