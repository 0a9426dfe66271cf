//! Waiting mail.

use super::lines::name_of;
use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[Kind {
    id: "mail-queue",
    hurts: "each machine sends the waiting mail, and its receivers get it twice",
    change: "list it with `mailq`, and delete the template's mail: `postsuper -d ALL`, `exim4 -Mrm ID`",
    find: queues,
}];

/// A program's queue.
struct Queue {
    /// Its directory.
    spool: &'static str,
    /// The directories in it that contain messages. The empty name is the spool itself.
    dirs: &'static [&'static str],
    /// Whether a name is that of a directory over which messages are spread.
    is_dir: fn(&str) -> bool,
    /// Whether a name is that of a message. If a message has several files, this is the one that every message has.
    is_message: fn(&str) -> bool,
}

/// The known queues. Postfix spreads messages by one or two letters of their names (`hash_queue_depth`), Exim by one
/// (`split_spool_directory`), Sendmail over `q*` (`QueueDirectory`).
const QUEUES: &[Queue] = &[
    Queue {
        spool: "/var/spool/postfix",
        dirs: &["maildrop", "incoming", "active", "deferred", "hold"],
        is_dir: is_letter,
        is_message: |name| name.len() > 4 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
    },
    Queue {
        spool: "/var/spool/exim4/input",
        dirs: &[""],
        is_dir: is_letter,
        is_message: |name| name.ends_with("-H"),
    },
    Queue {
        spool: "/var/spool/exim/input",
        dirs: &[""],
        is_dir: is_letter,
        is_message: |name| name.ends_with("-H"),
    },
    Queue {
        spool: "/var/spool/mqueue",
        dirs: &[""],
        is_dir: |name| name.starts_with('q') && !is_sendmails(name),
        is_message: is_sendmails,
    },
    Queue {
        spool: "/var/spool/mqueue-client",
        dirs: &[""],
        is_dir: |_| false,
        is_message: is_sendmails,
    },
    Queue {
        spool: "/var/spool/clientmqueue",
        dirs: &[""],
        is_dir: |_| false,
        is_message: is_sendmails,
    },
];

/// How many levels of directories a queue has.
const MAX_DEPTH: usize = 2;

fn is_letter(name: &str) -> bool {
    name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Sendmail keeps a message's envelope in `qfID`.
fn is_sendmails(name: &str) -> bool {
    name.starts_with("qf") && name.len() > 4
}

/// Each queue with waiting mail, and the names of its messages.
fn queues(view: &View<'_>) -> Vec<Found> {
    QUEUES.iter().filter_map(|queue| queue.find(view)).collect()
}

impl Queue {
    /// `None` if no mail is waiting.
    fn find(&self, view: &View<'_>) -> Option<Found> {
        let mut names = Vec::new();
        for dir in self.dirs {
            self.messages(view, &format!("{}/{dir}", self.spool), MAX_DEPTH, &mut names);
        }
        (!names.is_empty()).then(|| Found::many(self.spool, names))
    }

    /// The messages in a directory, and in those over which they are spread.
    fn messages(&self, view: &View<'_>, dir: &str, depth: usize, names: &mut Vec<Vec<u8>>) {
        let dir = dir.trim_end_matches('/');
        for path in view.glob(&format!("{dir}/*")) {
            let name = name_of(&path);
            if (self.is_message)(&name) {
                names.push(name.into_bytes());
            } else if depth > 0 && (self.is_dir)(&name) {
                self.messages(view, &format!("{dir}/{name}"), depth - 1, names);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree;
    use super::*;

    #[test]
    fn postfix_spreads_messages_over_directories() {
        let tree = tree(&[
            ("var/spool/postfix/maildrop/0A1B2C3D4E", "m"),
            ("var/spool/postfix/deferred/5/5F6A7B8C9D", "m"),
            ("var/spool/postfix/hold/A/B/4ZtKvh2Yx1zBbV", "m"),
            // The reason why a message waits, a program's process number, and a name that no message has.
            ("var/spool/postfix/defer/5/5F6A7B8C9D", "reason"),
            ("var/spool/postfix/pid/master.pid", "1"),
            ("var/spool/postfix/active/.hidden", "m"),
        ]);
        let names = ["0A1B2C3D4E", "5F6A7B8C9D", "4ZtKvh2Yx1zBbV"];
        let names = names.map(|name| name.as_bytes().to_vec()).to_vec();
        assert_eq!(queues(&tree.view()), [Found::many("/var/spool/postfix", names)]);
    }

    #[test]
    fn a_message_of_several_files_is_one() {
        let tree = tree(&[
            ("var/spool/exim4/input/1rXyZa-0001Ab-2C-H", "h"),
            ("var/spool/exim4/input/1rXyZa-0001Ab-2C-D", "d"),
            ("var/spool/exim4/input/Y/1rXyYb-0002Cd-3E-H", "h"),
            ("var/spool/exim4/msglog/1rXyZa-0001Ab-2C", "log"),
            ("var/spool/mqueue/qf41SEfKTn001234", "q"),
            ("var/spool/mqueue/df41SEfKTn001234", "d"),
            ("var/spool/mqueue/q1/qf41SEfKTn001235", "q"),
        ]);
        let exim = [b"1rXyZa-0001Ab-2C-H".to_vec(), b"1rXyYb-0002Cd-3E-H".to_vec()].to_vec();
        let sendmail = [b"qf41SEfKTn001235".to_vec(), b"qf41SEfKTn001234".to_vec()].to_vec();
        let wanted = [
            Found::many("/var/spool/exim4/input", exim),
            Found::many("/var/spool/mqueue", sendmail),
        ];
        assert_eq!(queues(&tree.view()), wanted);
    }

    #[test]
    fn an_empty_queue_is_none() {
        let tree = tree(&[("var/spool/postfix/pid/master.pid", "1")]);
        tree.write("var/spool/postfix/active/x/y", b"a file where a directory would be");
        assert_eq!(queues(&tree.view()), []);
    }
}
