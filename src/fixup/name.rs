//! The clone's new name, and the name that its files still have.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};

use crate::exit::refuse;
use crate::group;
use crate::group::new_name::{Advice, advise};
use crate::guest::host::{self, HostName, Source};
use crate::guest::inventory::Inventory;
use crate::guest::root::Root;
use crate::host::Spelling;
use crate::names::VgName;
use crate::run::vmware;
use crate::transaction::journal::Journal;
use crate::transaction::record::State;

/// The address to which Debian's installer gives the host's own name (hosts(5); only Debian does this).
const OWN_ADDRESS: &str = "127.0.1.1";

/// The machine's new name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Becomes {
    /// The name that its files still have, if that is not its present one.
    pub old: Option<Spelling>,
    /// Its name from now on.
    pub new: Spelling,
    /// Where the new name comes from.
    pub source: Source,
}

impl Becomes {
    /// Whether a root has the name already, and its files are not known to have another one.
    pub fn is_everywhere(&self, root: &Root) -> bool {
        let is_here =
            |own: HostName| own.name.eq_ignore_ascii_case(self.new.short()) && self.old.is_none();
        host::present(root).is_some_and(is_here)
    }
}

/// What is known about the machine's names.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// The name that the user gave.
    pub given: Option<Spelling>,
    /// The name on record of the machine from which this disk was cloned.
    pub template: Option<String>,
    /// Whether the record says that the present name is this machine's own.
    pub is_own: bool,
    /// The group under `/`.
    pub group: Option<&'a VgName>,
    /// LVM's report.
    pub inventory: Option<&'a Inventory>,
    /// Whether a person can answer a question.
    pub is_asked: bool,
    /// Whether to leave the machine as it is if nothing shows that it is a clone.
    pub only_clone: bool,
}

/// Settles the name. `None` if the machine must be left as it is. `ask` asks the user. It gets the reason for the
/// question, and the name that is proposed.
///
/// # Errors
/// There is no name that can be used without guessing. The message says to give one.
pub fn settle(
    root: &Root,
    known: &Known<'_>,
    ask: impl FnOnce(&str, Option<&str>) -> Result<Spelling>,
) -> Result<Option<Becomes>> {
    let present = host::present(root);
    let is_present =
        |name: &str| present.as_ref().is_some_and(|own| own.name.eq_ignore_ascii_case(name));
    let old =
        |new: &Spelling| if is_present(new.short()) { former(root, known, new) } else { None };
    if let Some(new) = known.given.clone() {
        return Ok(Some(Becomes { old: old(&new), new, source: Source::Argument }));
    }
    let why = match &present {
        None => "the system has no host name".to_owned(),
        Some(present) => {
            let Some(why) = templates(root, known, present) else {
                let new = Spelling::new(&present.name)?;
                return Ok(Some(Becomes { old: old(&new), new, source: present.source }));
            };
            why
        }
    };
    let others = host::others(root, vmware::host_name);
    let agree = others.windows(2).all(|pair| pair[0].name == pair[1].name);
    let mut called = String::new();
    for other in &others {
        let _ = write!(called, "; {} has `{}`", other.source, other.name);
    }
    let is_named = present.is_some();
    if known.only_clone && is_named && known.template.is_none() && others.is_empty() {
        return Ok(None);
    }
    if !known.is_asked {
        let name = others.first().filter(|_| agree).map_or("NAME", |other| other.name.as_str());
        return Err(refuse(anyhow!(
            "{why}{called}: say what this machine is called with --name {name}"
        )));
    }
    let proposed = others.first().filter(|_| agree);
    let new = ask(&format!("{why}{called}"), proposed.map(|other| other.name.as_str()))?;
    let source = match proposed {
        Some(other) if other.name == new.short() => other.source,
        _ => Source::Argument,
    };
    Ok(Some(Becomes { old: old(&new), new, source }))
}

/// Whether the last run gave the machine its present name, or gave the group its name.
pub fn was_given(root: &Root, group: Option<&VgName>) -> bool {
    let Ok(Some(journal)) = Journal::latest(root) else { return false };
    let changes = &journal.saved.changes;
    let to_group = group::among(changes).is_some_and(|kept| Some(&kept.new) == group);
    let is_present = |name: String| {
        let own = host::present(root);
        own.is_some_and(|own| host::short(&name).is_some_and(|new| own.name == new))
    };
    let to_host = crate::host::given(changes).is_some_and(is_present);
    journal.state() == State::Done && (to_group || to_host)
}

/// Why the present name may still be the template's. `None` if it is the machine's own.
fn templates(root: &Root, known: &Known<'_>, present: &HostName) -> Option<String> {
    let (name, source) = (&present.name, present.source);
    if known.is_own {
        return None;
    }
    if let Some(template) = &known.template {
        let is_own = host::short(template).is_none_or(|template| template != name);
        return (!is_own).then(|| {
            format!("this machine is called `{name}` ({source}), like its template on record")
        });
    }
    let may_be = |why: &str| Some(format!("this machine is called `{name}` ({source}){why}"));
    match known.group.map(|group| advise(group, root, known.inventory)) {
        Some(Advice::Take(_)) => None,
        Some(Advice::SameHost(..)) => may_be(
            ", and its volume group is named after that: it may still be its template's name",
        ),
        _ => may_be(", and nothing shows whether that is its template's name"),
    }
}

/// The name that other places may still have if the machine already has its new one. It is the template's name on
/// record, or the machine's own name in the hosts file.
fn former(root: &Root, known: &Known<'_>, new: &Spelling) -> Option<Spelling> {
    let is_another = |name: &Spelling| !name.short().eq_ignore_ascii_case(new.short());
    let recorded = known.template.as_deref().and_then(|name| Spelling::new(name).ok());
    recorded.filter(is_another).or_else(|| {
        let text = root.read_text("/etc/hosts")?;
        let mut names = text.lines().filter_map(|line| {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            (words.next() == Some(OWN_ADDRESS)).then(|| words.next().map(Spelling::new))?
        });
        let (first, more) = (names.next()?.ok()?, names.next());
        // If there are several lines, nobody can say which one was the host's own.
        Some(first).filter(|first| is_another(first) && more.is_none())
    })
}
