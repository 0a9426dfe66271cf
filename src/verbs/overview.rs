//! `postclone` without a command: shows what it sees, and the one command to run next.

use anyhow::Result;

use super::status;
use crate::exit::Exit;
use crate::group::new_name::{self, Advice};
use crate::guest::host::{self, HostName};
use crate::guest::machine::Platform;
use crate::guest::root::Root;
use crate::guest::root_device;
use crate::names::VgName;
use crate::report::to_stdout;
use crate::report::wrap::wrapped;
use crate::run::vmware;
use crate::{checks, logger, printable, proof};

/// Width of a line's label, in columns.
const LABEL: usize = 20;

/// Runs without a command. Changes nothing. Without root, it says what it cannot see.
pub fn run() -> Result<Exit> {
    logger::start(0, true);
    let root = Root::open("/".as_ref())?;
    let is_root = checks::is_root("").is_ok();
    if !is_root {
        // A separate line says what cannot be read.
        log::set_max_level(log::LevelFilter::Error);
    }
    let seen = status::look(&root);
    let group = match &seen.root_group {
        Some(group) => VgName::new(group).ok(),
        None => root_device::root_group_name(),
    };
    let mut lines = Vec::new();
    let mut line = |label: &str, text: &str| {
        let mut first = true;
        for row in wrapped(&printable::line(text), &" ".repeat(LABEL)) {
            let label = if std::mem::take(&mut first) { label } else { "" };
            lines.push(format!("{label:LABEL$}{}", row.trim_start()));
        }
    };
    let present = host::present(&root);
    line("host name", &present.as_ref().map_or("none".to_owned(), said));
    for other in host::others(&root, vmware::host_name) {
        line("also called", &said(&other));
    }
    line("volume group of /", group.as_ref().map_or("none that can be seen", VgName::as_str));
    let advice = group.as_ref().map(|group| match &seen.names {
        Some(advice) => advice.clone(),
        None => new_name::advise(group, &root, None),
    });
    line("names match", advice.as_ref().map_or("cannot be compared", agree));
    let platform = Platform::of_running();
    line("runs on", platform.map_or("unknown: there is no /sys", Platform::words));
    match (&seen.run, is_root) {
        (Some(run), _) => line("last run", &format!("{}, {}", run.way, run.said())),
        (None, true) => line("last run", "none"),
        (None, false) => {}
    }
    line("waits for a reboot", if seen.reboot_pending { "yes" } else { "no" });
    if let Some(rows) = &seen.proof {
        line("the next boot", &proof::summary(rows));
    }
    if let Some(identity) = &seen.identity {
        let (label, text) = identity.line();
        line(label, &text);
    }
    if !is_root {
        line(
            "not seen",
            "LVM's report, the last run, the next boot, what is the template's: run as root to see them",
        );
    }
    let next = match (&seen.root_group, &group, &advice) {
        // LVM was not asked, but the name and its pattern are known nevertheless.
        (None, Some(group), Some(advice)) if !is_root && !seen.reboot_pending => {
            new_name::sentence(group, advice)
        }
        _ => seen.advice.clone(),
    };
    let next = if is_root { next } else { next.replace("`postclone", "`sudo postclone") };
    to_stdout(|out| {
        writeln!(out, "postclone {} changed nothing. It sees:", env!("CARGO_PKG_VERSION"))?;
        writeln!(out)?;
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        writeln!(out)?;
        wrapped(&printable::line(&next), "").iter().try_for_each(|line| writeln!(out, "{line}"))?;
        writeln!(out, "See `postclone --help` for the rest.")
    })?;
    Ok(Exit::Done)
}

fn said(host: &HostName) -> String {
    format!("{} ({})", host.name, host.source)
}

/// Whether the group's name matches the host name.
fn agree(advice: &Advice) -> &'static str {
    match advice {
        Advice::Take(_) | Advice::Bad(..) => "no",
        Advice::SameHost(..) => "yes",
        Advice::NoHost(_) => "cannot be compared: the system has no host name",
        Advice::NoPattern(_) => "the group is not named after a host",
    }
}
