//! `postclone identity`: what in this machine is still another machine's.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::checks;
use crate::cli::IdentityArgs;
use crate::exit::{Exit, fail, refuse};
use crate::guest::inventory::Inventory;
use crate::guest::root::Root;
use crate::identity::against::List;
use crate::identity::item::Harm;
use crate::identity::judge::State;
use crate::identity::look::{Looked, look};
use crate::identity::marks::{Marks, Relation};
use crate::identity::place;
use crate::identity::record::By;
use crate::identity::told::Told;
use crate::logger;
use crate::report::identity as report;
use crate::transaction::origin;

/// Runs the verb. It changes nothing on the machine except the record.
pub fn run(args: &IdentityArgs) -> Result<Exit> {
    logger::start(args.verbose, false);
    let root = Root::open(&args.root)?;
    if root.is_live() {
        let why = "only root can read keys and what tells machines apart";
        checks::is_root("postclone identity").map_err(|_| {
            refuse(anyhow!("postclone identity needs root ({why}): run it with sudo"))
        })?;
    }
    let list = args.against.as_deref().map(read).transpose()?;
    let told = root.is_live().then(|| Told::ask(&root, None));
    let other = list.as_ref().map(|list| list.marks.clone());
    let looked = look(&root, told.as_ref(), list.map(List::judge)).map_err(refuse)?;
    if let (Some(other), Some(path)) = (other, &args.against) {
        is_another(&looked.marks, &other, path)?;
    }
    report::print(args, &root, &looked)?;
    if root.is_live() && args.against.is_none() {
        note(&root, &looked, By::Run);
    }
    let shared = if args.disks {
        looked.kinds_in(State::Template)
    } else {
        looked.kinds_that(Harm::Always, State::Template)
    };
    Ok(if shared.is_empty() { Exit::Done } else { Exit::Template })
}

/// Looks at the running system, as far as it can be seen, and warns of what cannot. `inventory` is LVM's report, if
/// LVM was asked already.
pub(super) fn glance(root: &Root, inventory: Option<&Inventory>) -> Option<Looked> {
    let told = Told::ask(root, inventory.cloned());
    look(root, Some(&told), None).map_err(|error| log::warn!("{error:#}")).ok()
}

/// Records what is new. If that fails, a message says so, and nothing else happens: the record is only a convenience.
pub(super) fn note(root: &Root, looked: &Looked, by: By) {
    if let Some(why) = place::why_not() {
        log::debug!("nothing is recorded: {why}");
        return;
    }
    let Some(record) = looked.recorded(by) else { return };
    if let Err(error) = origin::keep(root, &record.to_bytes()) {
        log::info!("{error:#}");
    }
}

fn read(path: &Path) -> Result<List> {
    let reading = || format!("reading `{}`", path.display());
    let bytes = fs::read(path).with_context(reading);
    let list = bytes.and_then(|bytes| List::parse(&bytes).with_context(reading));
    list.map_err(|error| fail(Exit::Usage, error))
}

/// Demands that a list is not this machine's own, because everything in it would be the same.
fn is_another(own: &Marks, other: &Marks, path: &Path) -> Result<()> {
    if !own.is_empty() && !other.is_empty() && own.against(other) == Relation::Same {
        let what = anyhow!(
            "`{}` is a list of this machine itself: give the template's, or another clone's",
            path.display()
        );
        return Err(fail(Exit::Usage, what));
    }
    Ok(())
}
