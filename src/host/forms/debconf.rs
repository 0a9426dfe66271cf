//! Debconf's answers, which a package uses again when it is configured (debconf-devel(7)).

use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;
use crate::rewrite::lines::lines;

/// Questions whose answer is the host's name, or a list that contains it.
const QUESTIONS: &[&[u8]] = &[
    b"postfix/mailname",
    b"postfix/destinations",
    b"exim4/mailname",
    b"exim4/dc_other_hostnames",
    b"exim4/dc_readhost",
    b"nullmailer/mailname",
    b"ssmtp/hostname",
    b"ssmtp/mailname",
];

/// The values of the questions. An empty line ends a question's record.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    let mut is_own = false;
    for line in lines(text) {
        let bytes = &text[line.clone()];
        if bytes.trim_ascii().is_empty() {
            is_own = false;
        } else if let Some(name) = bytes.strip_prefix(b"Name:") {
            is_own = QUESTIONS.contains(&name.trim_ascii());
        } else if is_own && bytes.starts_with(b"Value:") {
            found.words(line.start + b"Value:".len()..line.end, b",:;");
        }
    }
    found.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn answers_of_known_questions() {
        check(
            rewrite,
            "Name: postfix/destinations\nTemplate: tmpl\nValue: $myhostname, tmpl.example.org, tmpl, , localhost\nOwners: tmpl\n\nValue: tmpl\n\nName: tmpl\nValue: tmpl\n\nName: exim4/dc_other_hostnames\nValue: tmpl : tmpl2\n",
            "Name: postfix/destinations\nTemplate: tmpl\nValue: $myhostname, web01.example.org, web01, , localhost\nOwners: tmpl\n\nValue: tmpl\n\nName: tmpl\nValue: tmpl\n\nName: exim4/dc_other_hostnames\nValue: web01 : tmpl2\n",
        );
    }
}
