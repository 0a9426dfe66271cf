//! Running services that keep the old state of what changed.

use std::io::{self, Write};

use super::text::comment;
use crate::change::Holder;

/// Writes one line per service, or nothing if there is none.
pub fn write(out: &mut (impl Write + ?Sized), holders: &[Holder]) -> io::Result<()> {
    if holders.is_empty() {
        return Ok(());
    }
    comment(out, "These services use the old name until they are restarted:")?;
    for holder in holders {
        let files = match holder.files.as_slice() {
            [] => String::new(),
            files => format!(" ({} rewritten)", files.join(", ")),
        };
        comment(out, &format!(" - {}: {}{files}", holder.unit, holder.why))?;
    }
    Ok(())
}
