//! cloud-init's instance.

use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[Kind {
    id: "cloud-init-instance",
    hurts: "cloud-init treats the clone as the template's instance, and makes no new SSH keys, host name or users",
    change: "give the machine its own instance ID in its datasource and reboot; if it has no datasource, run \
             `cloud-init clean` and reboot",
    find: instance,
}];

/// The instance of the last boot. cloud-init has already dealt with the one before it, in `previous-instance-id`.
/// `iid-datasource-none` is not an instance: every machine that found no datasource has it.
fn instance(view: &View<'_>) -> Vec<Found> {
    let path = "/var/lib/cloud/data/instance-id";
    let Some(text) = view.text(path) else { return Vec::new() };
    let id = text.trim();
    if id.is_empty() || id == "iid-datasource-none" {
        return Vec::new();
    }
    vec![Found::one(path, id)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::items::testing::tree;

    #[test]
    fn the_present_instance_is_found_and_the_previous_is_not() {
        let tree = tree(&[
            ("var/lib/cloud/data/instance-id", "i-0a1b\n"),
            ("var/lib/cloud/data/previous-instance-id", "i-ffff\n"),
        ]);
        let found = instance(&tree.view());
        assert_eq!(found, [Found::one("/var/lib/cloud/data/instance-id", "i-0a1b")]);
    }

    #[test]
    fn no_datasource_is_no_instance() {
        for text in ["", "\n", "iid-datasource-none\n"] {
            let tree = tree(&[("var/lib/cloud/data/instance-id", text)]);
            assert_eq!(instance(&tree.view()), [], "{text}");
        }
    }
}
