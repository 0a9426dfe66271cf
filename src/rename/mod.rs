//! `postclone rename`: who is renamed, the plan, the question, the work, the report.

pub(crate) mod apply;
mod boot_log;
mod bridge;
mod estimate;
mod loaded;
pub mod new_name;
mod not_rewritten;
mod placed;
pub(crate) mod printer;
mod proof;
mod resume;
mod steps;
pub(crate) mod target;
mod validate;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::ask;
use crate::audit::{self, NotRewritten, Wanted, finding::Findings};
use crate::blkid::Devices;
use crate::checks::{self, image_based};
use crate::cli::{Format, RenameArgs};
use crate::exit::{Exit, refuse};
use crate::guest::kernels::{self, Generator, Images};
use crate::guest::root::Root;
use crate::logger;
use crate::names::VgName;
use crate::plan::{self, Plan, Sources, Warning};
use crate::proof::Row;
use crate::report::text::count;
use crate::rewrite::matcher::Volumes;
use crate::transaction::claim::Claim;
use crate::transaction::journal::Journal;
use crate::transaction::record::State;
use printer::Printer;
use target::Target;

/// Everything that a run works with.
pub(crate) struct Job {
    pub(crate) root: Root,
    pub(crate) target: Target,
    pub(crate) plan: Plan,
    /// Names of dm-crypt mappings that the tree declares.
    pub(crate) mappings: BTreeSet<String>,
    /// What blkid says, or why it says nothing; none where it was not asked.
    pub(crate) devices: Option<Result<Devices>>,
    pub(crate) images: Images,
    pub(crate) generator: Option<Generator>,
    /// What holds of the next boot before the run, once it was asked for.
    pub(crate) proof_before: OnceCell<Vec<Row>>,
    /// What follows the images.
    pub(crate) placed: Vec<placed::Following>,
    /// Whether images are built on the bridge, too.
    pub(crate) bridges_images: bool,
    /// Whether LVM, the images and the running system are left alone.
    pub(crate) files_only: bool,
    /// Files that the user named, beside the table of places.
    pub(crate) also: Vec<PathBuf>,
    /// What the plan leaves of the name, where that was searched for.
    pub(crate) not_rewritten: NotRewritten,
    /// The run that this one takes back, by the name of its journal's directory.
    pub(crate) undoes: Option<String>,
}

impl Job {
    /// The old name, as a search wants it.
    fn wanted(&self) -> Wanted {
        let old = self.plan.old.clone();
        audit::wanted_beside(old, self.target.volumes(), self.mappings.clone())
    }
}

/// Runs the verb.
pub fn run(args: &RenameArgs) -> Result<Exit> {
    logger::start(args.verbose, args.quiet);
    if args.resume {
        return resume::run(args);
    }
    if !args.dry_run {
        image_based::is_none(&Root::open(&args.root)?)?;
    }
    let job = prepare(args)?;
    let printer = Printer::new(args);
    if !args.dry_run {
        refuse_open(&job.root)?;
    }
    if job.plan.steps.is_empty() {
        printer.nothing_to_do(&job)?;
        return Ok(Exit::Done);
    }
    if args.dry_run {
        printer.plan(&job)?;
        return Ok(Exit::Done);
    }
    let shown = !args.yes;
    // Before the claim, which makes files: a refusal leaves nothing behind.
    checks::run(&job)?;
    if shown {
        show(&printer, args, &job)?;
        confirm(args, &job)?;
    } else {
        not_rewritten::demand_yes(args, &job)?;
    }
    let started = Instant::now();
    let _claim = Claim::take(&job.root, job.files_only).map_err(refuse)?;
    refuse_open(&job.root)?;
    // What was read before the claim may be stale by now: only a plan made under it is carried out.
    let job = again(shown.then_some(&job.plan), || prepare(args))?;
    if job.plan.steps.is_empty() {
        printer.nothing_to_do(&job)?;
        return Ok(Exit::Done);
    }
    checks::run(&job)?;
    if !shown {
        not_rewritten::demand_yes(args, &job)?;
        show(&printer, args, &job)?;
    }
    let outcome = apply::run(&job)?;
    let left = left(&job.root, &job.plan.old, job.target.volumes());
    printer.done(&job, &outcome, left.as_ref(), started)?;
    Ok(Exit::Done)
}

/// Asks; what the next boot may read under the old name has a question of its own.
fn confirm(args: &RenameArgs, job: &Job) -> Result<()> {
    let (old, new) = (&job.plan.old, &job.plan.new);
    let without_terminal = "use --yes, or `ssh -t`; --dry-run shows the plan";
    let boot = job.not_rewritten.boot;
    if boot > 0 && !args.accept_stale {
        let places = count(usize::try_from(boot).unwrap_or(usize::MAX), "place");
        let question =
            format!("The next boot may read {old} in {places} that stay as they are. Go on?");
        ask::confirm(&question, without_terminal)?;
    }
    ask::confirm(&format!("Rename volume group {old} to {new} now?"), without_terminal)
}

fn show(printer: &Printer, args: &RenameArgs, job: &Job) -> Result<()> {
    if args.format == Format::Text { printer.what_it_will_do(job) } else { Ok(()) }
}

/// Plans once more. Refuses where a person said yes to another plan.
pub(crate) fn again(shown: Option<&Plan>, prepare: impl FnOnce() -> Result<Job>) -> Result<Job> {
    let second = prepare()?;
    match shown.and_then(|first| first.difference(&second.plan)) {
        Some(what) => Err(refuse(anyhow!(
            "{what} since the plan was shown: nothing was changed; look at the new plan and say yes to that"
        ))),
        None => Ok(second),
    }
}

/// What still names the group after a run, whose journal is closed: nothing here can undo it.
fn left(root: &Root, old: &VgName, volumes: Volumes) -> Option<Findings> {
    log::info!("search for what still names {old}");
    let found = audit::after_rename(root, old, volumes);
    found.map_err(|error| log::warn!("searching for what still names {old}: {error:#}")).ok()
}

/// A run that was cut comes first: its journal knows what is half done.
pub(crate) fn refuse_open(root: &Root) -> Result<()> {
    match Journal::latest(root).map_err(refuse)? {
        Some(journal) if matches!(journal.state(), State::Open(_)) => Err(refuse(anyhow!(
            "the run from {} to {} was cut: finish it with `postclone rename --resume`, or take it back with `postclone undo`",
            journal.saved.old,
            journal.saved.new
        ))),
        _ => Ok(()),
    }
}

/// Reads all there is to know and plans. Changes nothing.
fn prepare(args: &RenameArgs) -> Result<Job> {
    let root = Root::open(&args.root)?;
    plan::also::demand(&root, &args.also).map_err(refuse)?;
    let gathered = gather(args, &root)?;
    let scope = Scope { files_only: args.files_only, images: !args.no_initramfs, undoes: None };
    let mut job = job(root, args.root.clone(), gathered, scope)?;
    job.also.clone_from(&args.also);
    job.not_rewritten = not_rewritten::find(&job);
    Ok(job)
}

/// What a job leaves alone, and which run it takes back.
pub(crate) struct Scope {
    /// LVM, the images and the running system are left alone.
    pub(crate) files_only: bool,
    /// Images are built.
    pub(crate) images: bool,
    /// See [`Job::undoes`].
    pub(crate) undoes: Option<String>,
}

/// Makes the job of what was read. `given` is the root as the user gave it.
pub(crate) fn job(root: Root, given: PathBuf, gathered: Gathered, scope: Scope) -> Result<Job> {
    let Gathered { target, sources, devices } = gathered;
    let Scope { files_only, images, undoes } = scope;
    let mappings = sources.mappings.clone();
    let files = if target.is_named_already() {
        plan::Files::default()
    } else {
        plan::files(&root, sources, &target.old, &target.new, target.volumes())?
    };
    let mut warnings = target.warnings.clone();
    warnings.extend(files.warnings);
    let mut job = Job {
        plan: Plan {
            old: target.old.clone(),
            new: target.new.clone(),
            named_after: target.named_after.clone(),
            root: given,
            files: files.changes,
            paths: files.paths,
            steps: Vec::new(),
            warnings,
        },
        root,
        target,
        mappings,
        devices,
        images: Images::default(),
        generator: None,
        proof_before: OnceCell::new(),
        placed: Vec::new(),
        bridges_images: false,
        files_only,
        also: Vec::new(),
        not_rewritten: NotRewritten { complete: true, ..NotRewritten::default() },
        undoes,
    };
    // A group that was renamed by hand leaves images behind that were made of the old files.
    let changes = job.target.renames_group
        || !job.plan.files.is_empty()
        || !job.plan.paths.changes.is_empty();
    if !files_only && images && changes {
        job.generator = kernels::generator(&job.root);
        job.images = kernels::images(&job.root, job.generator).map_err(refuse)?;
        placed::add(&mut job)?;
        loaded::judge(&mut job);
        warn_of_images(&mut job);
    }
    if job.target.renames_group {
        job.bridges_images = bridge::build(&mut job);
    }
    if !job.files_only {
        boot_log::warn(&mut job);
    }
    job.plan.steps = steps::of(&job);
    let told = steps::left_out(&job).into_iter().map(Warning::general);
    job.plan.warnings.extend(told);
    let first = checks::warnings(&job);
    job.plan.warnings.splice(0..0, first);
    Ok(job)
}

/// What a plan is made of.
pub(crate) struct Gathered {
    pub(crate) target: Target,
    pub(crate) sources: Sources,
    pub(crate) devices: Option<Result<Devices>>,
}

/// Reads the places and asks blkid while LVM, which takes longer than both, is asked as well.
pub(crate) fn gather(args: &RenameArgs, root: &Root) -> Result<Gathered> {
    if args.files_only {
        let target = target::find(args, root)?;
        let sources = Sources::read(root, &args.also).map_err(refuse)?;
        return Ok(Gathered { target, sources, devices: None });
    }
    thread::scope(|scope| {
        let sources = scope.spawn(|| Sources::read(root, &args.also));
        let devices = scope.spawn(Devices::look);
        let target = target::find(args, root)?;
        let sources = joined(sources).map_err(refuse)?;
        Ok(Gathered { target, sources, devices: Some(joined(devices)) })
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(anyhow!("a thread ended in a panic")))
}

fn warn_of_images(job: &mut Job) {
    let left = job.images.left.iter();
    job.plan.warnings.extend(left.map(|left| Warning::about(&left.path, &left.why)));
}
