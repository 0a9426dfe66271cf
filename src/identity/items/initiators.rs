//! Names of iSCSI initiators and NVMe hosts.

use super::settings::{Between, is_comment, values};
use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "iscsi-initiator",
        hurts: "iSCSI targets treat both machines as one: sessions knock each other out, and both may \
                write to one disk",
        change: "log out of all sessions, `postclone renew iscsi-initiator`, and update the target's access list",
        find: iscsi,
    },
    Kind {
        id: "nvme-hostnqn",
        hurts: "NVMe over Fabrics targets treat both machines as one, and give both the same namespaces",
        change: "disconnect all controllers, `postclone renew nvme-host`, and update the target's access list",
        find: nqn,
    },
    Kind {
        id: "nvme-hostid",
        hurts: "NVMe reservations of one machine count as the other's, which may then write to the same \
                namespace",
        change: "disconnect all controllers, and `postclone renew nvme-host`",
        find: host_id,
    },
];

/// open-iscsi's name. Upper and lower case mean the same (RFC 3722).
fn iscsi(view: &View<'_>) -> Vec<Found> {
    let path = "/etc/iscsi/initiatorname.iscsi";
    let Some(text) = view.text(path) else { return Vec::new() };
    let names = values(&text, Between::Equals, &[], &["InitiatorName"]);
    names.last().map(|name| Found::one(path, name.to_lowercase())).into_iter().collect()
}

/// nvme-cli's name.
fn nqn(view: &View<'_>) -> Vec<Found> {
    first_line(view, "/etc/nvme/hostnqn")
}

/// nvme-cli's UUID.
fn host_id(view: &View<'_>) -> Vec<Found> {
    first_line(view, "/etc/nvme/hostid")
}

fn first_line(view: &View<'_>, path: &str) -> Vec<Found> {
    let Some(text) = view.text(path) else { return Vec::new() };
    let line = text.lines().map(str::trim).find(|line| !is_comment(line));
    line.map(|line| Found::one(path, line.to_lowercase())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::items::testing::tree;

    #[test]
    fn an_initiators_name_is_found_without_its_case_and_comments() {
        let tree = tree(&[(
            "etc/iscsi/initiatorname.iscsi",
            "## InitiatorName=iqn.old\nInitiatorAlias=x\nInitiatorName=iqn.1993-08.org.debian:01:AbC\n",
        )]);
        let found = iscsi(&tree.view());
        let name = "iqn.1993-08.org.debian:01:abc";
        assert_eq!(found, [Found::one("/etc/iscsi/initiatorname.iscsi", name)]);
    }

    #[test]
    fn a_name_that_is_still_to_be_made_is_none() {
        let tree = tree(&[
            ("etc/iscsi/initiatorname.iscsi", "GenerateName=yes\n"),
            ("etc/nvme/hostnqn", "\n"),
        ]);
        let view = tree.view();
        assert_eq!((iscsi(&view), nqn(&view), host_id(&view)), (vec![], vec![], vec![]));
    }

    #[test]
    fn nvme_has_a_name_and_an_id() {
        let nqn_text = "nqn.2014-08.org.nvmexpress:uuid:0f\n";
        let tree = tree(&[("etc/nvme/hostnqn", nqn_text), ("etc/nvme/hostid", "0F-AA\n")]);
        let view = tree.view();
        assert_eq!(nqn(&view), [Found::one("/etc/nvme/hostnqn", nqn_text.trim())]);
        assert_eq!(host_id(&view), [Found::one("/etc/nvme/hostid", "0f-aa")]);
    }
}
