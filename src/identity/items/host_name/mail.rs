//! Host names among mail domains.
//!
//! A mail server's settings contain names of the machine beside domains that all machines share. Only their form
//! tells them apart.

use super::super::settings::{Between, host_name, values};
use crate::guest::host;

/// Domains of home and office networks: `tmpl.lan` is a host, `example.org` is not.
const PRIVATE: &[&str] = &[
    "corp",
    "home",
    "internal",
    "intranet",
    "lab",
    "lan",
    "local",
    "localdomain",
    "localnet",
    "private",
    "test",
];

/// Second-level labels under which countries have their domains: `example.co.uk` is not a host.
const SECOND: &[&str] = &["ac", "co", "com", "edu", "gov", "net", "or", "org"];

/// postconf(5): `myhostname`, and those names in `mydestination` that are a host's.
pub(super) fn postfix(text: &str) -> Vec<Vec<String>> {
    let text = joined(text);
    let of = |key| values(&text, Between::Equals, &[], &[key]).pop().unwrap_or_default();
    let own = of("myhostname");
    let mut groups = hosts(&of("mydestination"), host_name(&own).as_deref());
    groups.insert(0, vec![own]);
    groups
}

/// Debian's update-exim4.conf(8). `dc_other_hostnames` is a list.
pub(super) fn exim(text: &str) -> Vec<Vec<String>> {
    let keys = ["dc_other_hostnames", "dc_readhost", "dc_visiblename"];
    let lists = values(text, Between::Equals, &[], &keys);
    lists.iter().flat_map(|list| hosts(list, None)).collect()
}

/// /etc/mailname, if it contains a host's name and not a domain.
pub(super) fn mailname(text: &str) -> Vec<Vec<String>> {
    hosts(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default(), None)
}

/// debconf's answers. dpkg-reconfigure would write the template's name from them again.
pub(super) fn debconf(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut is_asked = false;
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        match field {
            "Name" => {
                let keys = ["postfix/mailname", "exim4/mailname", "exim4/dc_other_hostnames"];
                is_asked = keys.contains(&value.trim());
            }
            "Value" if is_asked => found.extend(hosts(value, None)),
            "" => is_asked = false,
            _ => {}
        }
    }
    found
}

/// The hosts in a list of names. If the host's own name is known, a name with dots must share its first label with
/// it, or with a name without dots. Otherwise, the name's form decides.
fn hosts(list: &str, own: Option<&str>) -> Vec<Vec<String>> {
    let parts = list.split([',', ';', ':']).flat_map(str::split_whitespace);
    let names: Vec<String> = parts.filter_map(host_name).collect();
    let mut bare: Vec<String> = names.iter().filter(|name| !name.contains('.')).cloned().collect();
    bare.extend(own.and_then(host::short).map(str::to_owned));
    let has_bare = |name: &str| host::short(name).is_some_and(|s| bare.iter().any(|b| b == s));
    let is_host = |name: &String| has_bare(name) || (own.is_none() && is_host(name));
    names.into_iter().filter(is_host).map(|name| vec![name]).collect()
}

/// Whether a name has the form of a host's name: no dot at all, or labels before those of a domain.
fn is_host(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    match labels.as_slice() {
        [_, last] => PRIVATE.contains(last),
        [_, second, last] => last.len() != 2 || !SECOND.contains(second),
        _ => true,
    }
}

/// The text without comments. Each line that begins with white space is joined to the line before it.
fn joined(text: &str) -> String {
    let mut joined = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if !line.starts_with(char::is_whitespace) {
            joined.push('\n');
        }
        joined.push_str(line);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postfix_has_the_hosts_and_not_the_domains() {
        let text = "# myhostname = no\nmyhostname = Web01.example.org\nmyorigin = /etc/mailname\n\
            mydestination = $myhostname, tmpl.example.org, tmpl, localhost.example.org,\n\
            # in between\n\tlocalhost, lists.example.org\n  example.org, web01.lan\nmydomain = other.org\n";
        let found: Vec<String> = postfix(text).concat();
        assert_eq!(found, ["Web01.example.org", "tmpl.example.org", "tmpl", "web01.lan"]);
    }

    #[test]
    fn without_a_host_name_the_form_decides() {
        let text = "mydestination = example.org, tmpl.example.org, tmpl2.lan, example.co.uk, a.example.co.uk";
        let found: Vec<String> = postfix(text).concat();
        assert_eq!(found[1..], ["tmpl.example.org", "tmpl2.lan", "a.example.co.uk"]);
    }

    #[test]
    fn exims_lists_have_several_names() {
        let text = "#dc_readhost='no'\ndc_eximconfig_configtype='internet'\n\
            dc_other_hostnames='tmpl.example.org;tmpl : example.org'\ndc_readhost='example.org'\n\
            dc_relay_domains='relay.example.org'\ndc_visiblename='old.example.org'\n";
        assert_eq!(exim(text).concat(), ["tmpl.example.org", "tmpl", "old.example.org"]);
    }

    #[test]
    fn a_domain_as_mail_name_is_no_host() {
        assert_eq!(mailname("\nTmpl.example.org\n").concat(), ["tmpl.example.org"]);
        assert_eq!(mailname("example.org\n").concat(), [""; 0]);
        assert_eq!(mailname("tmpl\n").concat(), ["tmpl"]);
    }

    #[test]
    fn debconfs_answers_are_those_of_the_mail_servers() {
        let text = "Name: man-db/auto-update\nTemplate: man-db/auto-update\nValue: a.b.c\n\n\
            Name: postfix/mailname\nTemplate: postfix/mailname\nValue: tmpl.example.org\n\
            Owners: postfix\nFlags: seen\n\nName: postfix/relayhost\nValue: smtp.example.org\n\n\
            Name: exim4/dc_other_hostnames\nValue: tmpl2;localhost\n";
        assert_eq!(debconf(text).concat(), ["tmpl.example.org", "tmpl2"]);
    }
}
