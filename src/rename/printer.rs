//! What `postclone rename` prints on stdout.

use std::time::Instant;

use anyhow::Result;

use super::{Job, apply, estimate};
use crate::audit::finding::Findings;
use crate::audit::report::left_lines;
use crate::cli::{Format, RenameArgs};
use crate::plan::{Plan, Step};
use crate::report::json::{self, Done, Outcome};
use crate::report::style::{Mark, Style};
use crate::report::wrap::wrapped;
use crate::report::{proof as table, text, to_stdout};
use crate::run::pager;

/// Writes results to stdout.
pub(crate) struct Printer {
    format: Format,
    context: usize,
    style: Style,
    files_only: bool,
    /// Whether a person is to read before a question, or instead of one.
    pages: bool,
}

impl Printer {
    pub(crate) fn new(args: &RenameArgs) -> Self {
        let style = Style::of_stdout(args.color);
        Self {
            format: args.format,
            context: args.context,
            style,
            files_only: args.files_only,
            pages: !args.no_pager && !args.yes,
        }
    }

    /// A dry run's plan.
    pub(crate) fn plan(&self, plan: &Plan) -> Result<()> {
        if self.format == Format::Json {
            let document = json::document(plan, Outcome::Planned, None);
            return to_stdout(|out| out.write_all(document.as_bytes()));
        }
        to_stdout(|out| text::write_head(out, plan))?;
        self.diffs(plan)?;
        to_stdout(|out| text::write_rest(out, plan, self.style))
    }

    /// What a person should know before they say yes.
    pub(crate) fn what_it_will_do(&self, job: &Job) -> Result<()> {
        to_stdout(|out| {
            text::write_head(out, &job.plan)?;
            if let Some(images) = images(&job.plan) {
                wrapped(&images, "# ").iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
            let time = estimate::sentence(&job.root, &job.plan, job.generator);
            wrapped(&time, "# ").iter().try_for_each(|line| writeln!(out, "{line}"))
        })?;
        self.diffs(&job.plan)?;
        to_stdout(|out| text::write_rest(out, &job.plan, self.style))
    }

    /// The diffs, in the pager where there is one. What was not read there is printed.
    fn diffs(&self, plan: &Plan) -> Result<()> {
        let mut diffs = Vec::new();
        if self.pages && self.style.escape {
            // Memory takes all that is written.
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
                text::write_warnings(out, &job.plan, self.style)?;
                if job.target.is_named_already() {
                    return writeln!(
                        out,
                        "# Nothing to do: {} fits the host's name.",
                        job.plan.old
                    );
                }
                writeln!(out, "# Nothing to do: no known place names {}.", job.plan.old)
            }
            Format::Json => {
                out.write_all(json::document(&job.plan, Outcome::NothingToDo, None).as_bytes())
            }
        })
    }

    pub(crate) fn done(
        &self,
        job: &Job,
        outcome: &apply::Outcome,
        left: Option<&Findings>,
        started: Instant,
    ) -> Result<()> {
        let done = Done {
            journal: &outcome.journal,
            seen: &outcome.seen,
            proof: &outcome.proof,
            left: left.map(|left| left.list.as_slice()),
        };
        to_stdout(|out| {
            if self.format == Format::Json {
                return out
                    .write_all(json::document(&job.plan, Outcome::Done, Some(done)).as_bytes());
            }
            writeln!(out, "# Done in {:.1} s:", started.elapsed().as_secs_f64())?;
            for line in &outcome.seen {
                writeln!(out, "#  - {line}")?;
            }
            table::write(out, &outcome.proof, "# ", self.style)?;
            writeln!(out, "# The files as they were are in {}.", outcome.journal.display())?;
            writeln!(out, "# To take it back: postclone undo")?;
            let (on, off) = self.style.paint(Mark::Warning);
            for line in left.map(|left| left_lines(&job.plan.old, left)).unwrap_or_default() {
                writeln!(out, "# {on}{line}{off}")?;
            }
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

/// Which images the plan builds.
fn images(plan: &Plan) -> Option<String> {
    let paths = plan.steps.iter().filter_map(|step| match step {
        Step::RebuildImage { path, .. } => Some(path.display().to_string()),
        _ => None,
    });
    let paths: Vec<String> = paths.collect();
    (!paths.is_empty()).then(|| format!("Built anew: {}.", paths.join(", ")))
}
