//! The old and the new name of a host, and whether a token is the old one. Host names are compared only here.

use std::ops::Range;

use anyhow::{Result, bail};

use crate::guest::host;

/// The longest full name, without the root's dot (RFC 1035, 2.3.4).
const MAX_NAME: usize = 253;

/// The domain that installers give to a host without one. It does not indicate another host.
const LOCAL: &[u8] = b"localdomain";

/// What is reported about `OLD.domain` if the host's domain is known and is another one.
const ANOTHER_DOMAIN: &str = "has another domain than the host";

/// What is reported about `OLD.domain` if the host's domain is unknown.
const UNKNOWN_DOMAIN: &str = "may be another host, because this host's domain is not known,";

/// A host's short name and, if it is known, its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling {
    short: String,
    domain: Option<String>,
}

impl Spelling {
    /// Parses `tmpl` or `tmpl.example.org`. A dot at the end is that of the DNS root.
    ///
    /// # Errors
    /// A text that cannot be a host name.
    pub fn new(text: &str) -> Result<Self> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let (short, domain) = match name.split_once('.') {
            Some((short, domain)) => (short, Some(domain)),
            None => (name, None),
        };
        let is_short = host::short(short) == Some(short);
        if !is_short || !domain.is_none_or(|domain| is_domain(domain.as_bytes())) {
            bail!(
                "`{}` cannot be a host name: use letters, digits and hyphens, and a domain after a dot",
                text.escape_debug()
            );
        }
        if name.len() > MAX_NAME {
            bail!("a host name has at most {MAX_NAME} bytes: give a shorter name than `{name}`");
        }
        Ok(Self { short: short.to_owned(), domain: domain.map(str::to_owned) })
    }

    /// The name before the first dot.
    pub fn short(&self) -> &str {
        &self.short
    }

    /// The domain, if it is known.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// The name with its domain, if that is known.
    pub fn full(&self) -> Option<String> {
        self.domain.as_ref().map(|domain| format!("{}.{domain}", self.short))
    }

    /// Adds a domain that was found later. A known domain stays.
    #[must_use]
    pub fn or_domain(mut self, domain: Option<&str>) -> Self {
        if self.domain.is_none() {
            self.domain = domain.map(str::to_owned);
        }
        self
    }
}

/// Whether a text is labels with dots between them.
fn is_domain(text: &[u8]) -> bool {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.split(|byte| *byte == b'.')
        .all(|label| !label.is_empty() && label.len() < 64 && label.iter().all(is_inner))
}

/// The old and the new name of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNames {
    old: Spelling,
    new: Spelling,
}

/// Whether a token is the host's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is not.
    Foreign,
    /// It is the host's old name.
    Ours(Hit),
    /// It begins like the host's full name, but may be another host's. The text says why it stays.
    Unsure(&'static str),
}

/// The part of a token that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it is in the token.
    pub range: Range<usize>,
    /// What replaces it.
    pub new: String,
}

impl HostNames {
    /// A new name without a domain keeps the old name's domain.
    pub fn new(old: Spelling, new: Spelling) -> Self {
        let new = new.or_domain(old.domain());
        Self { old, new }
    }

    /// Both names as they are. A new name without a domain has none.
    pub fn exact(old: Spelling, new: Spelling) -> Self {
        Self { old, new }
    }

    /// The old name.
    pub fn old_name(&self) -> &Spelling {
        &self.old
    }

    /// The new name.
    pub fn new_name(&self) -> &Spelling {
        &self.new
    }

    /// The names for the way back.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { old: self.new.clone(), new: self.old.clone() }
    }

    /// Whether a full name keeps what follows its first dot.
    pub fn keeps_domain(&self) -> bool {
        match (&self.old.domain, &self.new.domain) {
            (_, None) => true,
            (Some(old), Some(new)) => old.eq_ignore_ascii_case(new),
            (None, Some(_)) => false,
        }
    }

    /// Whether a text is exactly the short name. Upper and lower case do not matter (RFC 4343).
    pub fn is_short(&self, text: &[u8]) -> bool {
        text.eq_ignore_ascii_case(self.old.short.as_bytes())
    }

    /// Judges a token as a whole: it must be the short name, or the full name if the domain is known. A dot at the
    /// end is that of the DNS root, and stays.
    pub fn judge(&self, token: &[u8]) -> Verdict {
        self.verdict(token, false)
    }

    /// The same in a place that is only for this host's name. There, `OLD.localdomain` is its full name, too, and so
    /// is `OLD.domain` if no other domain is known.
    pub fn judge_own(&self, token: &[u8]) -> Verdict {
        self.verdict(token, true)
    }

    fn verdict(&self, token: &[u8], is_own: bool) -> Verdict {
        let name = token.strip_suffix(b".").unwrap_or(token);
        let dot = name.iter().position(|byte| *byte == b'.');
        let short = 0..dot.unwrap_or(name.len());
        if !self.is_short(&name[short.clone()]) {
            return Verdict::Foreign;
        }
        let short = Hit { range: short, new: self.new.short.clone() };
        let Some(domain) = dot.map(|dot| &name[dot + 1..]) else { return Verdict::Ours(short) };
        if !is_domain(domain) {
            return Verdict::Foreign;
        }
        let known = self.old.domain.as_deref();
        let is_known = known.is_some_and(|known| domain.eq_ignore_ascii_case(known.as_bytes()));
        let is_local = is_own && domain.eq_ignore_ascii_case(LOCAL);
        match known {
            _ if is_local && !is_known => return Verdict::Ours(short),
            Some(_) if !is_known => return Verdict::Unsure(ANOTHER_DOMAIN),
            None if !is_own => return Verdict::Unsure(UNKNOWN_DOMAIN),
            _ => {}
        }
        match self.new.full() {
            Some(new) if !self.keeps_domain() => Verdict::Ours(Hit { range: 0..name.len(), new }),
            _ => Verdict::Ours(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::names;

    fn judged(names: &HostNames, token: &str, is_own: bool) -> String {
        match names.verdict(token.as_bytes(), is_own) {
            Verdict::Foreign => "foreign".to_owned(),
            Verdict::Unsure(_) => "unsure".to_owned(),
            Verdict::Ours(hit) => {
                format!("{}{}{}", &token[..hit.range.start], hit.new, &token[hit.range.end..])
            }
        }
    }

    #[test]
    fn tokens_are_compared_whole_and_without_regard_to_case() {
        let names = names("tmpl.example.org", "web01");
        for (token, becomes) in [
            ("tmpl", "web01"),
            ("TMPL", "web01"),
            ("tmpl.", "web01."),
            ("tmpl.example.org", "web01.example.org"),
            ("Tmpl.Example.ORG.", "web01.Example.ORG."),
            ("tmpl.other.org", "unsure"),
            ("tmpl.example.org.uk", "unsure"),
        ] {
            assert_eq!(judged(&names, token, false), becomes, "{token}");
        }
        for token in [
            "",
            ".",
            "tmpl2",
            "my-tmpl",
            "tmpl-db",
            "tmpl_db",
            "x.tmpl.example.org",
            ".tmpl",
            "tmpl..",
            "tmpl.*",
            "tmpl.$mydomain",
            "tmpl:80",
            "example.org",
        ] {
            assert_eq!(judged(&names, token, false), "foreign", "{token}");
        }
    }

    #[test]
    fn a_domain_of_its_own_replaces_the_full_name() {
        let names = names("tmpl.example.org", "web02.other.net");
        assert!(!names.keeps_domain());
        assert_eq!(judged(&names, "tmpl.example.org.", false), "web02.other.net.");
        assert_eq!(judged(&names, "tmpl", false), "web02");
        assert_eq!(judged(&names, "tmpl.localdomain", true), "web02.localdomain");
        assert_eq!(judged(&names.reversed(), "web02.other.net", false), "tmpl.example.org");
    }

    #[test]
    fn an_unknown_domain_counts_only_where_the_place_says_so() {
        let names = names("tmpl", "web01");
        assert_eq!(judged(&names, "tmpl.example.org", false), "unsure");
        assert_eq!(judged(&names, "tmpl.example.org", true), "web01.example.org");
        assert_eq!(judged(&names.reversed(), "web01.example.org", true), "tmpl.example.org");
    }

    #[test]
    fn what_can_be_no_hosts_name_is_refused() {
        for text in ["", ".", "a b", "-a", "a..b", "a.b c", "localhost", "a/b", "a.b..", "w\u{fc}"]
        {
            assert!(Spelling::new(text).is_err(), "{text}");
        }
        assert!(Spelling::new(&format!("a.{}", "b".repeat(64))).is_err());
        assert!(Spelling::new(&format!("a{}", ".b".repeat(127))).is_err());
        let error = Spelling::new(&format!("a{}", ".b".repeat(127))).unwrap_err();
        assert!(error.to_string().contains("a host name has at most 253 bytes"));
        let name = Spelling::new("a.b.c.").unwrap();
        assert_eq!((name.short(), name.domain()), ("a", Some("b.c")));
        assert_eq!(name.full().as_deref(), Some("a.b.c"));
    }
}
