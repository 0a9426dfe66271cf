//! The administrator's systemd units: every line, and every unit name, that names the group.

use std::path::{Path, PathBuf};

use super::{Facts, Maker, Row, View};
use crate::rewrite::lines::LineIndex;
use crate::rewrite::text;

/// Where the administrator's units and their drop-ins are (systemd.unit(5)).
const UNITS: &str = "etc/systemd/system";

/// Keys whose device must exist for the unit to start (systemd.mount(5), systemd.swap(5),
/// systemd.unit(5)).
const NEEDED: &[&str] = &["What", "Requires", "Requisite", "BindsTo"];

/// Adds the rows of all units.
pub(super) fn rows(view: &View, facts: &Facts, rows: &mut Vec<Row>) {
    let names = view.glob(&format!("{UNITS}/*"));
    for path in &names {
        file_name(facts, path, rows);
    }
    let drop_ins = view.glob(&format!("{UNITS}/*.d/*.conf"));
    let paths: Vec<PathBuf> = names.into_iter().chain(drop_ins).collect();
    for path in paths {
        for file in view.each_once(vec![path.clone()], rows) {
            let tokens = facts.tokens(text::kernel_command_line, &file.text);
            if tokens.is_empty() {
                continue;
            }
            let enabled = is_enabled(view, &unit_of(&path));
            let index = LineIndex::new(&file.text);
            let maker = Maker::of(&file.path);
            for token in tokens {
                let (number, _) = index.position(token.range.start);
                let line =
                    String::from_utf8_lossy(&file.text[index.range(number - 1)]).into_owned();
                if line.trim_start().starts_with(['#', ';']) {
                    continue;
                }
                let key = line.split('=').next().unwrap_or_default().trim();
                let needed = enabled && NEEDED.contains(&key);
                let value = String::from_utf8_lossy(&file.text[token.range]).into_owned();
                let finding = if needed { token.finding } else { token.finding.tolerated() };
                rows.push(maker.row(Some(number), format!("{key}="), value, finding));
            }
        }
    }
}

/// The name of a unit or of its drop-in directory may stand for a device. A link in a `.wants` directory,
/// or `dev-mapper-x.swap`, never starts if the device's name is gone.
fn file_name(facts: &Facts, path: &Path, rows: &mut Vec<Row>) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    let unit = [".d", ".wants", ".requires"].iter().find_map(|end| name.strip_suffix(end));
    let unit = unit.unwrap_or(name);
    let maker = Maker::of(path);
    for token in facts.tokens(text::kernel_command_line, unit.as_bytes()) {
        rows.push(maker.row(None, "unit name", unit, token.finding.tolerated()));
    }
}

/// The unit that a file is, or to which a drop-in belongs.
fn unit_of(path: &Path) -> String {
    let dir = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    match dir.strip_suffix(".d") {
        Some(unit) => unit.to_owned(),
        None => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

/// Whether something wants or requires the unit at boot.
fn is_enabled(view: &View, unit: &str) -> bool {
    ["wants", "requires"]
        .iter()
        .flat_map(|kind| view.glob(&format!("{UNITS}/*.{kind}")))
        .any(|dir| view.stands(&dir.join(unit)))
}
