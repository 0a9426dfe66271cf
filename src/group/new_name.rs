//! Makes NEW if nobody gave it: OLD's pattern with a host name in it.

use anyhow::{Result, anyhow};

use crate::exit::refuse;
use crate::guest::host::{self, HostName, Source};
use crate::guest::inventory::Inventory;
use crate::guest::root::Root;
use crate::names::{NameError, Pattern, VgName};
use crate::run::vmware;
use crate::transaction::journal::Journal;
use crate::transaction::record::State;

/// A name for the group, and the host name from which it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The group's new name.
    pub new: VgName,
    /// The host name from which it was made.
    pub host: HostName,
}

/// What a comparison of the group's name with the host name suggests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// This name matches the host.
    Take(Made),
    /// The group's name matches the host name, which may still be the template's. Contains what else the machine is
    /// called, and the group names that match.
    SameHost(HostName, Vec<Made>),
    /// The system has no name. Contains what else the machine is called.
    NoHost(Vec<Made>),
    /// The group's name shows no pattern.
    NoPattern(HostName),
    /// LVM would refuse the name that the pattern gives.
    Bad(HostName, String),
}

/// Compares the group's name, the host name, and what else the machine is called.
pub fn advise(old: &VgName, root: &Root, inventory: Option<&Inventory>) -> Advice {
    let present = host::present(root);
    let makers = makers(old, inventory);
    let Some(host) = present else {
        return Advice::NoHost(elsewhere(old, root, &makers));
    };
    let known: Vec<&str> = makers.iter().map(String::as_str).chain([host.name.as_str()]).collect();
    match Pattern::of(old, &known).map(|pattern| pattern.with(&host.name)) {
        None => Advice::NoPattern(host),
        Some(Err(error)) => Advice::Bad(host, error.to_string()),
        Some(Ok(new)) if new != *old => Advice::Take(Made { new, host }),
        Some(Ok(_)) => {
            let mut known = makers;
            known.push(host.name.clone());
            let others = elsewhere(old, root, &known);
            Advice::SameHost(host, others)
        }
    }
}

/// NEW for a run, made from the name in `--to-hostname` or from the host name. What others call the machine is used
/// only if the user is asked and all of these names agree.
///
/// # Errors
/// No name can be made without guessing. The message says what to give instead.
pub(super) fn settle(
    old: &VgName,
    root: &Root,
    inventory: Option<&Inventory>,
    to: Option<&str>,
    is_asked: bool,
) -> Result<Made> {
    if let Some(name) = to {
        return given(old, root, inventory, name).map_err(refuse);
    }
    let (why, others) = match advise(old, root, inventory) {
        Advice::Take(made) => return Ok(made),
        Advice::NoPattern(host) => {
            return Err(refuse(anyhow!(
                "`{old}` has no pattern from which a name for the host `{}` could be made: give NEW",
                host.name
            )));
        }
        Advice::Bad(host, why) => return Err(refuse(bad(old, &host.name, &why))),
        // Nothing suggests another name.
        Advice::SameHost(host, others) if others.is_empty() => {
            return Ok(Made { new: old.clone(), host });
        }
        Advice::SameHost(host, others) => (
            format!(
                "`{old}` contains this host's name, `{}` ({}), which may still be the template's",
                host.name, host.source
            ),
            others,
        ),
        Advice::NoHost(others) => ("the system has no host name".to_owned(), others),
    };
    let agree = others.windows(2).all(|pair| pair[0].new == pair[1].new);
    match others.first() {
        Some(made) if is_asked && agree => {
            log::info!("{why}; {}", called(made));
            Ok(made.clone())
        }
        Some(_) => {
            let called: Vec<String> = others.iter().map(called).collect();
            let first = &others[0].host.name;
            Err(refuse(anyhow!(
                "{why}; {}: give it with --to-hostname {first}, or give NEW",
                called.join(", ")
            )))
        }
        None => Err(refuse(anyhow!(
            "{why}: give the host's new name with --to-hostname NAME, or give NEW"
        ))),
    }
}

/// The names of the last run, if it gave the group its present name, and that name still matches the host. Asking for
/// the same again means to ask whether it is done.
pub(super) fn given_before(
    group: &VgName,
    root: &Root,
    inventory: Option<&Inventory>,
    to: Option<&str>,
) -> Option<(VgName, VgName)> {
    let journal = Journal::latest(root).ok()??;
    let run = super::among(&journal.saved.changes)?;
    if journal.state() != State::Done || run.new != *group {
        return None;
    }
    let goes_with_host = match to {
        Some(to) => Pattern::of(group, &[to])?.with(to).is_ok_and(|new| new == *group),
        None => matches!(advise(group, root, inventory), Advice::SameHost(..)),
    };
    goes_with_host.then_some((run.old, run.new))
}

/// `cloud-init's instance data has web01`.
fn called(made: &Made) -> String {
    format!("{} has `{}`", made.host.source, made.host.name)
}

fn given(old: &VgName, root: &Root, inventory: Option<&Inventory>, name: &str) -> Result<Made> {
    match of_host(old, root, inventory, name) {
        None => Err(anyhow!(
            "`{old}` has no pattern from which a name for the host `{name}` could be made: give NEW"
        )),
        Some(Err(error)) => Err(bad(old, name, &error.to_string())),
        Some(Ok(new)) if new == *old => Err(anyhow!(
            "`{old}` already contains the host name `{name}`: give another host name, or NEW"
        )),
        Some(Ok(new)) => {
            Ok(Made { new, host: HostName { name: name.to_owned(), source: Source::Argument } })
        }
    }
}

/// The name that the group would get for a host of that name. `None` if the group's name shows no pattern.
pub fn of_host(
    old: &VgName,
    root: &Root,
    inventory: Option<&Inventory>,
    name: &str,
) -> Option<Result<VgName, NameError>> {
    let mut known = makers(old, inventory);
    known.extend(host::present(root).map(|host| host.name));
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    // If the group's name contains this host name already, that shows its pattern.
    let pattern = Pattern::of(old, &known).or_else(|| Pattern::of(old, &[name]))?;
    Some(pattern.with(name))
}

fn bad(old: &VgName, host: &str, why: &str) -> anyhow::Error {
    anyhow!(
        "the name that the pattern of `{old}` gives for the host `{host}` cannot be used: {why}: give NEW"
    )
}

/// The hosts on which the group's volumes were created.
fn makers(old: &VgName, inventory: Option<&Inventory>) -> Vec<String> {
    let groups = inventory.iter().flat_map(|inventory| inventory.named(old));
    let hosts = groups.flat_map(|group| &group.hosts);
    hosts.filter_map(|host| host::short(host)).map(str::to_owned).collect()
}

/// Group names made from what others than the system itself call the machine.
fn elsewhere(old: &VgName, root: &Root, known: &[String]) -> Vec<Made> {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let Some(pattern) = Pattern::of(old, &known) else { return Vec::new() };
    let made = host::others(root, vmware::host_name).into_iter().filter_map(|host| {
        let new = pattern.with(&host.name).ok().filter(|new| new != old)?;
        Some(Made { new, host })
    });
    made.collect()
}

/// What to do if the group's name is not simply another host's, in words for people.
pub fn sentence(old: &VgName, advice: &Advice) -> String {
    let instead = |others: &[Made]| match others.first() {
        Some(made) => format!("{}: `postclone fixup --name {}`.", called(made), made.host.name),
        None => "give this machine its own name with `postclone fixup --name NAME`.".to_owned(),
    };
    match advice {
        Advice::Take(made) => format!(
            "If this machine is a clone, `postclone fixup` gives it its own names, IDs and keys. `postclone \
             rename {old} {}` renames only the volume group.",
            made.new
        ),
        Advice::SameHost(host, others) => format!(
            "Nothing to do, unless {} is still the template's host name. In that case, {}",
            host.name,
            instead(others)
        ),
        Advice::NoHost(others) => format!("The system has no host name; {}", instead(others)),
        Advice::NoPattern(_) | Advice::Bad(..) => format!(
            "Nothing to do, unless this machine is a clone: then run `postclone fixup`. To rename only the \
             volume group, run `postclone rename {old} NEW`."
        ),
    }
}
