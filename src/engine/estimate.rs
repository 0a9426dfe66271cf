//! Estimates how long a run will take, from the time that an image took before on this machine.

use std::time::Duration;

use super::crew;
use crate::guest::kernels::Generator;
use crate::guest::root::Root;
use crate::plan::{Plan, Step};
use crate::printable::count;
use crate::progress::seconds;

/// dpkg's log: the present one and the previous one (dpkg(1)).
const LOGS: &[&str] = &["/var/log/dpkg.log", "/var/log/dpkg.log.1"];

/// Roughly how long a run takes in addition to building images.
const REST: Duration = Duration::from_secs(5);

/// A sentence that says how long the run will take, and how that is known.
pub fn sentence(root: &Root, plan: &Plan, generator: Option<Generator>) -> String {
    let is_build =
        |step: &&Step| matches!(step, Step::BridgeImage { .. } | Step::RebuildImage { .. });
    let builds = plan.steps.iter().filter(is_build).count();
    if builds == 0 {
        return "No image is built, so this takes seconds.".to_owned();
    }
    let builds_said = count(builds, "image");
    let takes = if builds == 1 { "takes" } else { "take" };
    let last = generator.and_then(|generator| {
        LOGS.iter()
            .find_map(|log| Some((last_build(&root.read_text(log)?, package(generator)?)?, log)))
    });
    let Some((last, log)) = last else {
        return format!(
            "How long {builds_said} {takes} to build is not known here: usually less than a minute each."
        );
    };
    let rounds = crew::rounds(root, generator, &plan.steps);
    let all = last * u32::try_from(rounds).unwrap_or(u32::MAX) + REST;
    format!(
        "It takes about {} to build {builds_said}: the last one took {} here ({log}).",
        rough(all),
        seconds(last.max(Duration::from_secs(1)))
    )
}

/// The package whose trigger builds an image (deb-triggers(5)).
fn package(generator: Generator) -> Option<&'static str> {
    let packages =
        [(Generator::InitramfsTools, "initramfs-tools:"), (Generator::Dracut, "dracut:")];
    packages.into_iter().find(|(of, _)| *of == generator).map(|(_, package)| package)
}

/// The time from the last `trigproc PACKAGE` until dpkg recorded the package as installed again.
fn last_build(log: &str, package: &str) -> Option<Duration> {
    let mut begun = None;
    let mut last = None;
    for line in log.lines() {
        let mut words = line.split(' ');
        let (Some(day), Some(time)) = (words.next(), words.next()) else { continue };
        let rest: Vec<&str> = words.collect();
        match rest.as_slice() {
            ["trigproc", name, ..] if name.starts_with(package) => begun = of_day(day, time),
            ["status", "installed", name, ..] if name.starts_with(package) => {
                match (begun.take(), of_day(day, time)) {
                    (Some((from_day, from)), Some((to_day, to))) if from_day == to_day => {
                        last = to.checked_sub(from).or(last);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    last
}

/// The day, and the time of that day.
fn of_day<'a>(day: &'a str, time: &str) -> Option<(&'a str, Duration)> {
    let numbers: Vec<u64> = time.split(':').filter_map(|number| number.parse().ok()).collect();
    let [hours, minutes, rest] = numbers[..] else { return None };
    Some((day, Duration::from_secs(hours * 3600 + minutes * 60 + rest)))
}

/// Rounded up to ten seconds, or to minutes.
fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..90 => format!("{} s", seconds.div_ceil(10) * 10),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-01-10 10:00:01 trigproc initramfs-tools:all 0.142 <none>
2026-01-10 10:00:01 status half-configured initramfs-tools:all 0.142
2026-01-10 10:00:59 status installed initramfs-tools:all 0.142
2026-01-11 09:59:50 trigproc initramfs-tools:all 0.142 <none>
2026-01-11 09:59:55 status installed man-db:amd64 2.11
2026-01-11 10:00:18 status installed initramfs-tools:all 0.142
2026-01-11 23:59:50 trigproc initramfs-tools:all 0.142 <none>
2026-01-12 00:00:18 status installed initramfs-tools:all 0.142
2026-01-13 07:00:00 status installed initramfs-tools:all 0.142
odd
";

    #[test]
    fn the_last_build_that_can_be_timed_counts() {
        assert_eq!(last_build(LOG, "initramfs-tools:"), Some(Duration::from_secs(28)));
        assert_eq!(last_build(LOG, "dracut:"), None);
        assert_eq!(last_build("", "dracut:"), None);
    }

    #[test]
    fn it_is_said_roughly() {
        for (time, said) in [(1, "10 s"), (61, "70 s"), (90, "2 min"), (121, "3 min")] {
            assert_eq!(rough(Duration::from_secs(time)), said);
        }
    }
}
