//! Prints the results of verbs that plan a run to stdout.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::Result;

use crate::audit::finding::SearchResult;
use crate::audit::told::left_lines;
use crate::audit::{self, NotRewritten};
use crate::change::{Change, Holder, Job};
use crate::cli::{Format, RunArgs};
use crate::engine::{apply, how_long};
use crate::plan::{Plan, Step};
use crate::printable;
use crate::report::json::{self, Done, Outcome};
use crate::report::style::{Mark, Style};
use crate::report::wrap::wrapped;
use crate::report::{not_rewritten, proof as table, services, text, to_stdout};
use crate::run::pager;
use crate::transaction::record::Direction;

/// Writes results to stdout.
pub(crate) struct Printer {
    format: Format,
    context: usize,
    style: Style,
    files_only: bool,
    /// Whether the user may read the output in a pager, before a question or instead of one.
    pages: bool,
    /// Whether the diffs are printed before the work. They are not if nobody is asked and the output should be short.
    diffs: bool,
}

impl Printer {
    pub(crate) fn new(args: &RunArgs) -> Self {
        let style = Style::of_stdout(args.color).showing_private(args.show_private);
        Self {
            format: args.format,
            context: args.context,
            style,
            files_only: args.files_only,
            pages: !args.no_pager && !args.yes,
            diffs: !(args.quiet && args.yes),
        }
    }

    /// Prints the plan of a dry run.
    pub(crate) fn plan(&self, job: &Job) -> Result<()> {
        let plan = &job.plan;
        if self.format == Format::Json {
            let document = json::document(plan, Outcome::Planned, searched(job), None);
            return to_stdout(|out| out.write_all(document.as_bytes()));
        }
        to_stdout(|out| text::write_head(out, plan))?;
        self.diffs(plan)?;
        to_stdout(|out| self.rest(out, job))
    }

    /// What is not rewritten, the warnings and the steps.
    fn rest(&self, out: &mut dyn Write, job: &Job) -> io::Result<()> {
        not_rewritten::write(out, &job.plan, &job.not_rewritten, self.style)?;
        text::write_rest(out, job, self.style)
    }

    /// What the user should know before they say yes.
    pub(crate) fn what_it_will_do(&self, job: &Job) -> Result<()> {
        to_stdout(|out| {
            text::write_head(out, &job.plan)?;
            if let Some(images) = images(&job.plan) {
                lines(out, &images)?;
            }
            let time = how_long(&job.root, &job.plan, job.generator);
            lines(out, &time)
        })?;
        if self.diffs {
            self.diffs(&job.plan)?;
        }
        to_stdout(|out| self.rest(out, job))
    }

    /// Shows the diffs, in the pager if there is one. Otherwise prints them.
    fn diffs(&self, plan: &Plan) -> Result<()> {
        let mut diffs = Vec::new();
        if self.pages && self.style.escape {
            // Writing to memory cannot fail.
            let _ = text::write_diffs(&mut diffs, plan, self.context, self.style);
            if diffs.is_empty() || pager::show(&diffs) {
                return Ok(());
            }
        }
        to_stdout(|out| text::write_diffs(out, plan, self.context, self.style))
    }

    pub(crate) fn nothing_to_do(&self, job: &Job) -> Result<()> {
        to_stdout(|out| match self.format {
            Format::Text => {
                not_rewritten::write(out, &job.plan, &job.not_rewritten, self.style)?;
                text::write_warnings(out, &job.plan, self.style)?;
                if job.changes.0.is_empty() {
                    return writeln!(out, "# Nothing to do: there is nothing left to change.");
                }
                if job.changes.iter().all(Change::is_empty) {
                    let is_made = job.plan.subjects.iter().any(|own| own.named_after.is_some());
                    let why = if is_made {
                        format!("{} matches the host name", job.plan.old_names())
                    } else {
                        format!("{} already", job.changes.state(Direction::Forward))
                    };
                    return writeln!(out, "# Nothing to do: {why}.");
                }
                let left = &job.not_rewritten;
                let old = job.plan.old_names();
                if left.boot + left.error > 0
                    || job.plan.warnings.iter().any(|warning| warning.path.is_some())
                {
                    return writeln!(
                        out,
                        "# Nothing to rewrite: a person must decide about what is shown above."
                    );
                }
                writeln!(out, "# Nothing to do: no known place names {old}.")
            }
            Format::Json => out.write_all(
                json::document(&job.plan, Outcome::NothingToDo, searched(job), None).as_bytes(),
            ),
        })
    }

    pub(crate) fn done(
        &self,
        job: &Job,
        outcome: &apply::Applied,
        left: Option<&SearchResult>,
        started: Instant,
    ) -> Result<()> {
        let holders: Vec<Holder> =
            job.changes.iter().flat_map(|change| change.holders(job)).collect();
        let done = Done {
            services: &holders,
            journal: &outcome.journal,
            seen: &outcome.seen,
            proof: &outcome.proof,
            left: searched(job).and(left).map(|left| left.list.as_slice()),
        };
        to_stdout(|out| {
            if self.format == Format::Json {
                return out.write_all(
                    json::document(&job.plan, Outcome::Done, None, Some(done)).as_bytes(),
                );
            }
            writeln!(out, "# Done in {:.1} s:", started.elapsed().as_secs_f64())?;
            for line in &outcome.seen {
                text::comment(out, &format!(" - {line}"))?;
            }
            let old = job.plan.searched_names();
            let more = audit::told::of_next_boot(&old, left);
            table::write(out, &outcome.proof, more.as_deref(), "# ", self.style)?;
            let journal = outcome.journal.display();
            text::comment(out, &format!("The old files are in {journal}."))?;
            writeln!(out, "# To undo it: postclone undo")?;
            let (on, off) = self.style.paint(Mark::Warning);
            for line in left.map(|left| left_lines(&old, left)).unwrap_or_default() {
                writeln!(out, "# {on}{}{off}", printable::line(&line))?;
            }
            services::write(out, &holders)?;
            for line in self.next_steps(job) {
                text::comment(out, &line)?;
            }
            Ok(())
        })
    }

    fn next_steps(&self, job: &Job) -> Vec<String> {
        let told = job.changes.iter().filter_map(|change| change.afterwards(job));
        let mut lines: Vec<String> = told.map(str::to_owned).collect();
        if !job.changes.concern_boot() {
            return lines;
        }
        if self.files_only && job.changes.need_images() {
            return vec![
                "Next: the initramfs images were not changed; if they name the group, rebuild them."
                    .to_owned(),
            ];
        }
        if job.generator.is_none() && job.changes.need_images() {
            lines.push(
                "The initramfs images were not changed: rebuild them before the next boot."
                    .to_owned(),
            );
        }
        let next: Vec<&str> = job.changes.iter().filter_map(Change::next).collect();
        if job.root.is_live() && !next.is_empty() {
            lines.push(format!("Next: reboot. {}", next.join(" ")));
        }
        lines
    }
}

/// What the plan leaves, if that was searched for.
fn searched(job: &Job) -> Option<&NotRewritten> {
    (!job.wanted().is_empty()).then_some(&job.not_rewritten)
}

/// Writes a sentence as lines of a comment.
fn lines(out: &mut dyn Write, sentence: &str) -> io::Result<()> {
    let sentence = printable::line(sentence);
    wrapped(&sentence, "# ").iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// A sentence about the images that the plan builds.
fn images(plan: &Plan) -> Option<String> {
    let paths = plan.steps.iter().filter_map(|step| match step {
        Step::RebuildImage { path, .. } => Some(path.display().to_string()),
        _ => None,
    });
    let paths: Vec<String> = paths.collect();
    (!paths.is_empty()).then(|| format!("Rebuilt: {}.", paths.join(", ")))
}
