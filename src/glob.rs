//! Patterns of one component of a path.

/// Whether a name fits a pattern of the table of places: one `*` at most, which stands for any text that
/// does not begin with a full stop.
pub fn is_component(name: &[u8], pattern: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return name == pattern.as_bytes() };
    name.len() >= head.len() + tail.len()
        && name.starts_with(head.as_bytes())
        && name.ends_with(tail.as_bytes())
        && !(head.is_empty() && name.starts_with(b"."))
}

/// Whether a name fits a pattern with any number of `*` and `?`, in any case (loader.conf(5)).
pub fn is_loose(name: &str, pattern: &str) -> bool {
    fn rest(name: &[char], pattern: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, first) => first.is_none(),
            (Some(('*', more)), _) => (0..=name.len()).any(|taken| rest(&name[taken..], more)),
            (Some(('?', more)), Some((_, left))) => rest(left, more),
            (Some((wanted, more)), Some((first, left))) => wanted == first && rest(left, more),
            (Some(_), None) => false,
        }
    }
    let characters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    rest(&characters(name), &characters(pattern))
}
