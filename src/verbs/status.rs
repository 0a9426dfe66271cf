//! `postclone status`: the group of the root, whose name it has, what waits for a reboot, and whether a run was
//! interrupted.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, anyhow};
use clap::ValueEnum;
use serde::Serialize;

use super::identity;
use super::last_run::{Run, run_of, waits};
use crate::blkid;
use crate::change::Changes;
use crate::changes;
use crate::cli::{Colour, Format, Part, StatusArgs};
use crate::engine::proof::facts;
use crate::exit::{Exit, refuse};
use crate::group::new_name::{self, Advice};
use crate::group::out_of_sight;
use crate::group::{self, Kept};
use crate::guest::host;
use crate::guest::inventory::{Group, Inventory};
use crate::guest::named::{fstab_group, left_behind};
use crate::guest::root::Root;
use crate::guest::root_device::root_group;
use crate::identity::summary::Summary;
use crate::names::VgName;
use crate::own::PENDING;
use crate::printable;
use crate::proof::{self, Row, View};
use crate::report::proof as table;
use crate::report::style::Style;
use crate::transaction::journal::Journal;
use crate::transaction::lock;
use crate::transaction::record::{Direction, State};
use crate::{logger, lvm, report};

/// Raised when a field changes its meaning or is removed.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
pub(crate) struct Status {
    pub(crate) schema: u32,
    pub(crate) host: Option<String>,
    pub(crate) root_group: Option<String>,
    pub(crate) suggested: Option<String>,
    pub(crate) reboot_pending: bool,
    pub(crate) run: Option<Run>,
    pub(crate) advice: String,
    /// How the group's name compares with the host name, if the group is known.
    #[serde(skip)]
    pub(crate) names: Option<Advice>,
    /// What is still the template's. `None` if it was not checked.
    pub(crate) identity: Option<Summary>,
    /// `None` if it is unknown which group the next boot needs.
    pub(crate) proof: Option<Vec<Row>>,
}

/// Runs the verb. Changes nothing. Without root, it shows only what can be seen.
pub fn run(args: &StatusArgs) -> Result<Exit> {
    logger::start(0, false);
    let root = Root::open(&args.root)?;
    let status = look(&root);
    report::to_stdout(|out| match args.format {
        Format::Json => {
            let text = serde_json::to_string_pretty(&status).unwrap_or_default();
            writeln!(out, "{text}")
        }
        Format::Text => {
            write_text(out, &status)?;
            let rows = status.proof.as_deref().filter(|_| args.boot).unwrap_or_default();
            table::write(out, rows, None, "", Style::of_stdout(Colour::Auto))
        }
    })?;
    match status.proof {
        _ if !args.boot => Ok(Exit::Done),
        Some(rows) if proof::failures(&rows).is_none() => Ok(Exit::Done),
        Some(_) => Ok(Exit::Refused),
        None => Err(refuse(anyhow!(
            "the next boot cannot be proved: it is not known which group it needs, or a run was interrupted; run \
             the command as root"
        ))),
    }
}

/// Collects everything that can be seen.
pub(crate) fn look(root: &Root) -> Status {
    let host = host::present(root).map(|host| host.name);
    let inventory = if root.is_live() && nix::unistd::geteuid().is_root() {
        told(lvm::inventory())
    } else {
        None
    };
    let looked = inventory.as_ref().and_then(|inventory| identity::glance(root, Some(inventory)));
    let identity = looked.as_ref().map(Summary::of);
    let root_group = inventory.as_ref().and_then(root_group);
    let group = root_group.map(|group| group.name.clone());
    let names = group.as_ref().map(|group| new_name::advise(group, root, inventory.as_ref()));
    let suggested = match &names {
        Some(Advice::Take(made)) => Some(made.new.clone()),
        _ => None,
    };
    let reboot_pending = root.is_live() && Path::new(PENDING).exists();
    // Before the journal is read. If a run ends in between, the journal shows it as ended.
    let at_work = lock::holder(root);
    let run = changes::latest(root).unwrap_or_else(|error| {
        log::warn!("{error:#}");
        None
    });
    let (journal, changes) = run.unzip();
    let kept = journal.as_ref().and_then(|journal| group::among(&journal.saved.changes));
    let state = journal.as_ref().map(Journal::state);
    let tags = inventory.as_ref().and_then(|_| told(blkid::tags()));
    let proof =
        told(proof_of(root, root_group, journal.as_ref().zip(changes.as_ref()), tags)).flatten();
    let by_hand = inventory.as_ref().zip(root_group).and_then(|(inventory, group)| {
        let old = left_behind(root, inventory, group)?;
        Some(format!(
            "/ is on {0}, and boot files name {old}, which LVM does not have: the group was renamed by hand. \
             Do the rest with `postclone rename {old} {0}`.",
            group.name
        ))
    });
    let there =
        if root.is_live() { String::new() } else { format!(" --root {}", root.base().display()) };
    let undoes = journal.as_ref().is_some_and(|journal| journal.saved.undoes.is_some());
    let advice = match state {
        _ if at_work.is_some() => waits(at_work.unwrap_or_default()),
        Some(State::Open(Direction::Forward)) if undoes => {
            format!("The undo of the last run was interrupted. Finish it with `postclone undo{there}`.")
        }
        Some(State::Open(Direction::Forward)) => format!(
            "The last run was interrupted. Finish it with `postclone rename --resume{there}`, or undo it with \
             `postclone undo{there}`."
        ),
        Some(State::Open(Direction::Backward)) => {
            format!("The undo of the last run was interrupted. Finish it with `postclone undo{there}`.")
        }
        _ if reboot_pending => {
            "Reboot: the running system still has the old name beside the new one.".to_owned()
        }
        _ => match (&group, &suggested) {
            _ if by_hand.is_some() => by_hand.unwrap_or_default(),
            _ if identity.as_ref().is_some_and(can_be_fixed) => FIXUP.to_owned(),
            (Some(group), Some(_)) => idle(group, names.as_ref(), None, None),
            _ if identity.as_ref().is_some_and(|identity| !identity.template.is_empty()) => {
                "Something here is still the template's. `postclone identity` says what it is, what harm it does \
                 and what changes it."
                    .to_owned()
            }
            (Some(group), None) => idle(group, names.as_ref(), state, kept.as_ref()),
            (None, _) => inventory
                .as_ref()
                .and_then(|inventory| hidden(root, inventory))
                .unwrap_or_else(|| {
                    "No volume group can be seen under /, or only root can see it.".to_owned()
                }),
        },
    };
    Status {
        schema: SCHEMA,
        host,
        root_group: group.map(Into::into),
        suggested: suggested.map(Into::into),
        reboot_pending,
        run: journal.zip(changes).map(|(journal, changes)| run_of(&journal, &changes, at_work)),
        advice,
        names,
        identity,
        proof,
    }
}

/// Every row of the system as it is, from the group that LVM reports, or else from the last run. `None` if there is
/// neither, or if the last run was interrupted.
fn proof_of(
    root: &Root,
    group: Option<&Group>,
    last: Option<(&Journal, &Changes)>,
    tags: Option<BTreeSet<String>>,
) -> Result<Option<Vec<Row>>> {
    let gone_to = match last.map(|(journal, _)| journal.state()) {
        Some(State::Open(_)) => return Ok(None),
        Some(State::Undone) => Some(Direction::Backward),
        Some(State::Done) => Some(Direction::Forward),
        None => None,
    };
    let known = match (group, last.zip(gone_to)) {
        (None, None) => return Ok(None),
        (None, Some(((_, changes), direction))) => changes.known(direction),
        (Some(group), last) => {
            let kept = last.and_then(|((journal, _), direction)| {
                let kept = group::among(&journal.saved.changes)?;
                Some(match direction {
                    Direction::Forward => (kept.new, kept.old),
                    Direction::Backward => (kept.old, kept.new),
                })
            });
            let gone = kept.filter(|(now, _)| *now == group.name).map(|(_, gone)| gone);
            group::known(group, gone.as_ref())
        }
    };
    let facts = facts(root, known)?.with_tags(tags);
    Ok(Some(proof::rows(&View::now(root), &facts)))
}

/// What hides the group that holds `/`, if LVM shows none.
fn hidden(root: &Root, inventory: &Inventory) -> Option<String> {
    let named = told(fstab_group(root)).flatten();
    if named.as_ref().is_some_and(|name| inventory.named(name).next().is_some()) {
        return None;
    }
    let wanted = |all: &Inventory| -> Option<Group> {
        root_group(all).or_else(|| all.named(named.as_ref()?).next()).cloned()
    };
    out_of_sight::why(&[], wanted).map(|why| format!("{why}."))
}

/// The advice if a fixup can change something that is the template's.
const FIXUP: &str = "This machine is a clone, and still has parts of its template's identity. `postclone fixup` \
                     gives it its own names, IDs and keys; `postclone identity` says what harm each old one does.";

/// Whether a fixup can change something that is the template's.
fn can_be_fixed(identity: &Summary) -> bool {
    let kinds = Part::value_variants().iter().flat_map(|part| part.kinds());
    kinds.into_iter().any(|kind| identity.template.contains(kind))
}

/// The advice if nothing is due. It is definite if the last run gave the group its name.
fn idle(
    group: &VgName,
    names: Option<&Advice>,
    state: Option<State>,
    kept: Option<&Kept>,
) -> String {
    let is_ours = state == Some(State::Done) && kept.is_some_and(|kept| kept.new == *group);
    match names {
        Some(names) if !is_ours => new_name::sentence(group, names),
        _ => "Nothing to do.".to_owned(),
    }
}

/// Logs an error and continues, so that what can be seen is shown nevertheless.
fn told<T>(result: Result<T>) -> Option<T> {
    result.map_err(|error| log::warn!("{error:#}")).ok()
}

fn write_text(out: &mut dyn std::io::Write, status: &Status) -> std::io::Result<()> {
    let unknown = || "unknown".to_owned();
    let host = status.host.clone().unwrap_or_else(unknown);
    writeln!(out, "host name:           {}", printable::line(&host))?;
    writeln!(out, "volume group of /:   {}", status.root_group.clone().unwrap_or_else(unknown))?;
    if let Some(run) = &status.run {
        writeln!(out, "last run:            {}, {}", run.way, run.said())?;
        if let Some(step) = &run.step {
            writeln!(out, "its step:            {step}")?;
        }
        let journal = run.journal.display().to_string();
        writeln!(out, "its journal:         {}", printable::line(&journal))?;
    }
    writeln!(out, "waits for a reboot:  {}", if status.reboot_pending { "yes" } else { "no" })?;
    if let Some(identity) = &status.identity {
        let (label, text) = identity.line();
        writeln!(out, "{:20} {}", format!("{label}:"), printable::line(&text))?;
    }
    let proof = status.proof.as_deref().map_or_else(unknown, proof::summary);
    writeln!(out, "the next boot:       {proof}")?;
    writeln!(out, "{}", printable::line(&status.advice))
}
