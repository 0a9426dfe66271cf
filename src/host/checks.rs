//! What could prevent a rename of the host: data, memberships and programs that use its name.

use anyhow::{Result, anyhow, bail};

use super::HostNames;
use super::bound::{self, Bound};
use super::change::Rename;
use super::md;
use super::names::Verdict;
use crate::change::Job;
use crate::checks::is_root;
use crate::guest::cloud_init::CloudInit;
use crate::guest::root::Root;
use crate::identity::View;
use crate::live::host_name;

/// Files that may have LVM's global section. The last one wins (lvm.conf(5)).
const LVM: &[&str] = &["/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf"];

/// Makes every check. Each answer is separate.
pub(super) fn ask(rename: &Rename, job: &Job) -> Vec<Result<()>> {
    let mut answers = vec![is_no_longer_than_the_kernel_takes(rename, job)];
    let live = rename.live(job);
    if live.is_some() {
        answers.push(is_root("renaming the host"));
        answers.push(host_name::can_be_set());
    }
    // If the host has its new name already, whatever joined under that name since is right.
    let is_renamed = live.is_some() || job.plan.files.iter().any(|file| file.kind == "hostname");
    let view = View::of(&job.root);
    for bound in bound::ALL.iter().filter(|bound| is_renamed || bound.names_a_host()) {
        answers.extend(of_one(&view, bound, rename));
    }
    if is_renamed {
        answers.push(lvm_takes_its_id_elsewhere(&job.root));
    }
    if job.is_live() {
        answers.extend(md::stay_this_hosts(&job.root, rename.names()));
    }
    for trouble in view.take_troubles() {
        log::warn!("{trouble}: it is not known what is bound to the host name there");
    }
    answers
}

/// A refusal for each place that is bound to the name.
fn of_one(view: &View<'_>, bound: &Bound, rename: &Rename) -> Vec<Result<()>> {
    let found = bound.find(view, rename.names());
    let refuse = |place: String| Err(anyhow!("`{place}`: {}: {}", bound.what, bound.next));
    found.into_iter().map(refuse).collect()
}

/// systemd ignores a longer name in /etc/hostname (hostname(5)), and the kernel refuses it.
fn is_no_longer_than_the_kernel_takes(rename: &Rename, job: &Job) -> Result<()> {
    match rename.written(job) {
        Some(name) if name.len() > host_name::MAX_LENGTH => bail!(
            "`/etc/hostname` would have a name of {} bytes, and the kernel accepts {}: write the short name \
             there first, or choose a shorter one",
            name.len(),
            host_name::MAX_LENGTH
        ),
        _ => Ok(()),
    }
}

/// With `uname`, LVM treats a group of the old name as another host's (lvmsystemid(7)).
fn lvm_takes_its_id_elsewhere(root: &Root) -> Result<()> {
    let mut source = None;
    for path in LVM {
        let text = root.read_text(path).unwrap_or_default();
        let mut values = text.lines().filter_map(system_id_source);
        source = values.next_back().map(|value| (*path, value.to_owned())).or(source);
    }
    match source {
        Some((path, value)) if value == "uname" => bail!(
            "`{path}`: LVM takes its system ID from the host name (system_id_source = \"uname\"), and would treat the groups as another host's: keep the ID as `system_id` in `/etc/lvm/lvmlocal.conf` and set \
             system_id_source to \"lvmlocal\", see lvmsystemid(7)"
        ),
        _ => Ok(()),
    }
}

/// Files with kernel arguments: those of the running kernel, and those of later boots.
const ARGUMENTS: &[&str] = &["/proc/cmdline", "/etc/default/grub", "/etc/kernel/cmdline"];

/// A warning if the kernel's arguments name the host: `systemd.hostname=` overrides hostname(5).
pub(super) fn named_by_the_kernel(root: &Root, names: &HostNames) -> Option<String> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    let is_named = |path: &&&str| {
        let text = root.read_text(path).unwrap_or_default();
        let mut values =
            text.split(is_between).filter_map(|word| word.strip_prefix("systemd.hostname="));
        values.any(|value| matches!(names.judge_own(value.as_bytes()), Verdict::Ours(_)))
    };
    ARGUMENTS.iter().find(is_named).map(|path| {
        format!(
            "`{path}` has `systemd.hostname=` with the old name, which overrides /etc/hostname at each boot: \
             remove it from the kernel's arguments, and generate the boot menu again"
        )
    })
}

/// Warnings if cloud-init itself sets the host name or writes /etc/hosts (cloud-init cloudinit/config,
/// cc_set_hostname.py and cc_update_etc_hosts.py).
pub(super) fn by_cloud_init(root: &Root) -> Vec<String> {
    let Some(settings) = CloudInit::of(root) else { return Vec::new() };
    let mut told = Vec::new();
    if !settings.says("preserve_hostname", "true") {
        told.push(
            "cloud-init gives the host the name from its datasource once this machine has another instance ID: \
             set the new name there, or set `preserve_hostname: true` in /etc/cloud/cloud.cfg.d"
                .to_owned(),
        );
    }
    if ["true", "template", "localhost"].iter().any(|how| settings.says("manage_etc_hosts", how)) {
        told.push(
            "cloud-init writes /etc/hosts at each boot with the name from its datasource (`manage_etc_hosts`): \
             set the new name there, or set `manage_etc_hosts: false` in /etc/cloud/cloud.cfg.d"
                .to_owned(),
        );
    }
    told
}

/// The value of a line that sets it, either inside its section or with its full path.
fn system_id_source(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line
        .strip_prefix("global")
        .map_or(line, |rest| rest.trim_start_matches([' ', '{', '/', '\t']));
    let value = line.strip_prefix("system_id_source")?.trim_start().strip_prefix('=')?;
    let value = value.split(['#', '}']).next().unwrap_or_default().trim();
    Some(value.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_lvms_id() {
        for (line, value) in [
            ("\tsystem_id_source = \"uname\"", Some("uname")),
            ("global/system_id_source=\"none\" # uname", Some("none")),
            ("global { system_id_source = 'uname' }", Some("uname")),
            ("# system_id_source = \"uname\"", None),
            ("system_id_source_x = \"uname\"", None),
        ] {
            assert_eq!(system_id_source(line), value, "{line}");
        }
    }
}
