//! `postclone rename`: who is renamed, the plan, the question, the work, the report.

mod apply;
mod bridge;
mod target;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::ask;
use crate::checks;
use crate::cli::{Format, RenameArgs};
use crate::exit::{Exit, refuse};
use crate::guest::kernels::{self, Generator, Images};
use crate::guest::root::Root;
use crate::initramfs;
use crate::live;
use crate::logger;
use crate::plan::{self, Plan, Step, Warning};
use crate::report::json::{self, Outcome};
use crate::report::style::Style;
use crate::report::text;
use crate::report::to_stdout;
use crate::transaction::journal::Journal;
use crate::transaction::lock::{Lock, no_package_manager};
use crate::transaction::record::{Direction, State};
use target::Target;

/// Everything that a run works with.
pub(crate) struct Job {
    pub(crate) root: Root,
    pub(crate) target: Target,
    pub(crate) plan: Plan,
    pub(crate) images: Images,
    pub(crate) generator: Option<Generator>,
}

/// Runs the verb.
pub fn run(args: &RenameArgs) -> Result<Exit> {
    logger::start(args.verbose, args.quiet);
    let started = Instant::now();
    if args.resume {
        return resume(args);
    }
    let job = prepare(args)?;
    let printer = Printer::new(args);
    if job.plan.steps.is_empty() {
        printer.nothing_to_do(&job)?;
        return Ok(Exit::Done);
    }
    if args.dry_run {
        printer.plan(&job.plan, Outcome::Planned)?;
        return Ok(Exit::Done);
    }
    refuse_open(&job.root)?;
    checks::run(&job).map_err(refuse)?;
    if args.format == Format::Text {
        printer.plan(&job.plan, Outcome::Planned)?;
    }
    if !args.yes {
        let question = format!("Rename volume group {} to {} now?", job.plan.old, job.plan.new);
        ask::confirm(&question, "look at the plan with --dry-run, then use --yes")?;
    }
    let outcome = apply::run(&job)?;
    printer.done(&job, &outcome, started)?;
    Ok(Exit::Done)
}

/// A run that was cut comes first: its journal knows what is half done.
fn refuse_open(root: &Root) -> Result<()> {
    match Journal::latest(root).map_err(refuse)? {
        Some(journal) if matches!(journal.state(), State::Open(_)) => Err(refuse(anyhow!(
            "the run from {} to {} was cut: finish it with `postclone rename --resume`, or take it back with `postclone undo`",
            journal.saved.old,
            journal.saved.new
        ))),
        _ => Ok(()),
    }
}

/// Finishes the last run where it was cut.
fn resume(args: &RenameArgs) -> Result<Exit> {
    let root = Root::open(&args.root)?;
    let journal = Journal::latest(&root).map_err(refuse)?;
    let Some(mut journal) =
        journal.filter(|journal| journal.state() == State::Open(Direction::Forward))
    else {
        to_stdout(|out| writeln!(out, "# Nothing to do: no run was cut."))?;
        return Ok(Exit::Done);
    };
    if journal.saved.uuid.is_some() {
        checks::is_root("renaming a volume group").map_err(refuse)?;
    }
    let _lock = Lock::take(&root).map_err(refuse)?;
    no_package_manager(&root).map_err(refuse)?;
    let outcome = apply::finish(&root, &mut journal)?;
    to_stdout(|out| {
        writeln!(
            out,
            "# Finished: volume group {} is {} now.",
            journal.saved.old, journal.saved.new
        )?;
        outcome.seen.iter().try_for_each(|line| writeln!(out, "#  - {line}"))
    })?;
    Ok(Exit::Done)
}

/// Reads all there is to know and plans. Changes nothing.
fn prepare(args: &RenameArgs) -> Result<Job> {
    let root = Root::open(&args.root)?;
    let target = target::find(args, &root)?;
    let files = plan::files(&root, &target.old, &target.new, target.volumes())?;
    let mut warnings = target.warnings.clone();
    warnings.extend(files.warnings);
    let mut job = Job {
        plan: Plan {
            old: target.old.clone(),
            new: target.new.clone(),
            root: args.root.clone(),
            files: files.changes,
            steps: Vec::new(),
            warnings,
        },
        root,
        target,
        images: Images::default(),
        generator: None,
    };
    if !args.files_only && !args.no_initramfs && job.target.renames_group {
        job.images = kernels::images(&job.root).map_err(refuse)?;
        job.generator = kernels::generator(&job.root);
        warn_of_images(&mut job);
    }
    if job.target.renames_group {
        bridge::build(&mut job);
    }
    job.plan.steps = steps(&job);
    let told = what_does_not_apply(&job).into_iter().map(Warning::general);
    job.plan.warnings.extend(told);
    Ok(job)
}

fn warn_of_images(job: &mut Job) {
    for path in &job.images.orphans {
        job.plan.warnings.push(Warning::about(
            path,
            "no modules of this kernel are installed, so the image is left as it is",
        ));
    }
}

/// Steps that a running system would take and this one cannot.
fn what_does_not_apply(job: &Job) -> Vec<&'static str> {
    let mut told = Vec::new();
    if !job.target.renames_group {
        return told;
    }
    if !job.root.is_live() {
        told.push("another root than the running system's: nothing is linked or reloaded, no image is built");
        return told;
    }
    if !live::has_udev() {
        told.push("udev does not run here: the volumes are not linked under the new name before the next boot");
    }
    if !live::has_systemd() {
        told.push("systemd does not run here: nothing is reloaded, and no unit is looked at");
    }
    told
}

/// The steps, in the order in which [`apply::run`] takes them.
fn steps(job: &Job) -> Vec<Step> {
    let mut steps = Vec::new();
    let files = job.plan.files.len();
    if files > 0 {
        steps.push(Step::Backup { files });
    }
    let bridged = job.plan.files.iter().filter(|change| change.bridge.is_some()).count();
    if bridged > 0 {
        steps.push(Step::BridgeFiles { files: bridged });
    }
    let renamed = job.target.group.as_ref().filter(|_| job.target.renames_group);
    if let Some(group) = renamed {
        steps.push(Step::RenameGroup {
            uuid: group.uuid.clone(),
            old: job.plan.old.to_string(),
            new: job.plan.new.to_string(),
        });
    }
    if files > 0 {
        steps.push(Step::ReplaceFiles { files });
    }
    if let Some(group) = renamed.filter(|_| job.root.is_live()) {
        if live::has_udev() {
            let volumes = group.volumes.iter().filter(|volume| !volume.hidden).count();
            steps.push(Step::LinkNames { volumes });
        }
        if live::has_systemd() {
            steps.push(Step::ReloadSystemd);
        }
    }
    if renamed.is_some() && job.root.is_live() && Path::new("/run").is_dir() {
        steps.push(Step::AwaitReboot);
    }
    if let Some(generator) = job.generator {
        steps.extend(job.images.images.iter().map(|image| Step::RebuildImage {
            generator: generator.name().to_owned(),
            kernel: image.version.clone(),
            path: image.path.clone(),
        }));
    }
    if !steps.is_empty() {
        steps.push(Step::Verify);
    }
    steps
}

/// Writes results to stdout.
struct Printer {
    format: Format,
    context: usize,
    style: Style,
    files_only: bool,
}

impl Printer {
    fn new(args: &RenameArgs) -> Self {
        let style = Style { colour: args.color.on_stdout(), escape: io::stdout().is_terminal() };
        Self { format: args.format, context: args.context, style, files_only: args.files_only }
    }

    fn plan(&self, plan: &Plan, outcome: Outcome) -> Result<()> {
        to_stdout(|out| match self.format {
            Format::Text => text::write_plan(out, plan, self.context, self.style),
            Format::Json => out.write_all(json::document(plan, outcome, None).as_bytes()),
        })
    }

    fn nothing_to_do(&self, job: &Job) -> Result<()> {
        to_stdout(|out| match self.format {
            Format::Text => {
                text::write_warnings(out, &job.plan, self.style)?;
                writeln!(out, "# Nothing to do: no known place names {}.", job.plan.old)
            }
            Format::Json => {
                out.write_all(json::document(&job.plan, Outcome::NothingToDo, None).as_bytes())
            }
        })
    }

    fn done(&self, job: &Job, outcome: &apply::Outcome, started: Instant) -> Result<()> {
        let done = Some((outcome.journal.as_path(), outcome.seen.as_slice()));
        to_stdout(|out| {
            if self.format == Format::Json {
                return out.write_all(json::document(&job.plan, Outcome::Done, done).as_bytes());
            }
            writeln!(out, "# Done in {:.1} s:", started.elapsed().as_secs_f64())?;
            for line in &outcome.seen {
                writeln!(out, "#  - {line}")?;
            }
            writeln!(out, "# The files as they were are in {}.", outcome.journal.display())?;
            writeln!(out, "# To take it back: postclone undo")?;
            for line in self.next_steps(job) {
                writeln!(out, "# {line}")?;
            }
            Ok(())
        })
    }

    fn next_steps(&self, job: &Job) -> Vec<String> {
        if self.files_only {
            return vec![
                "Next: the initramfs images were left alone; where they name the group, build them anew."
                    .to_owned(),
            ];
        }
        let mut lines = Vec::new();
        if job.generator.is_none() {
            lines.push(
                "The initramfs images were left alone: build them anew before the next boot."
                    .to_owned(),
            );
        }
        if job.root.is_live() && job.target.renames_group {
            lines.push("Next: reboot. Until then both names work.".to_owned());
        }
        lines
    }
}

/// Whether the images' tool is installed.
pub(crate) fn has_generator_program(generator: Generator) -> bool {
    initramfs::program(generator).find().is_some()
}
