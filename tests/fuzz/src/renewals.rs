//! What a clone gets of its own: MAC addresses in network configurations, names that storage knows, wicked's files. An
//! input is a byte that chooses the form, one that chooses how the new address is written, and a file.

use std::ops::Range;

use postclone::identity::items::dhcp::wicked::elements;
use postclone::identity::items::macs::{FORMS, mac, written_like};
use postclone::renew::macs::replaced;
use postclone::renew::storage::{host_id, host_name, initiator};
use postclone::rewrite::edit::apply;

/// The address of the present card: there is a letter in it, so that it is written in one case alone.
const NEW: &str = "02:ab:cd:ef:0a:0b";

/// Asks of a form: spans in order, inside of the text, each a value; all addresses replaced in one pass; what was
/// given back is what was there.
pub fn check(input: &[u8]) {
    let [choice, like, text @ ..] = input else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match usize::from(*choice) % (FORMS.len() + 1) {
        number if number < FORMS.len() => check_form(number, *like, text),
        _ => check_names(text),
    }
}

fn check_form(number: usize, like: u8, text: &str) {
    let form = &FORMS[number];
    let found = (form.addresses)(text);
    in_order(form.kind, text, found.iter().map(|one| one.range.clone()));
    for one in &found {
        assert_eq!(mac(&text[one.range.clone()]).as_ref(), Some(&one.mac), "{}", form.kind);
    }
    let Some(first) = found.get(usize::from(like) % found.len().max(1)) else { return };
    let old = text[first.range.clone()].to_owned();
    let pair = (old.clone(), written_like(NEW, &old));
    let edits = replaced(form.addresses, text, std::slice::from_ref(&pair));
    let after = String::from_utf8(apply(text.as_bytes(), &edits)).expect("an address is text");
    let count = found.iter().filter(|one| text[one.range.clone()] == old).count();
    assert_eq!(edits.len(), count, "{}", form.kind);
    let had_new = text.contains(&pair.1);
    let again = replaced(form.addresses, &after, std::slice::from_ref(&pair));
    assert!(again.is_empty() || old == pair.1, "{}: not done in one pass", form.kind);
    let back = replaced(form.addresses, &after, &[(pair.1, pair.0)]);
    let restored = apply(after.as_bytes(), &back);
    assert!(had_new || restored == text.as_bytes(), "{}: there and back\n{text}", form.kind);
}

fn check_names(text: &str) {
    let names = initiator(text);
    in_order("initiator", text, names.iter().cloned());
    for range in names {
        assert!(!text[range.clone()].contains(char::is_whitespace), "{range:?}");
    }
    for range in [host_name(text), host_id(text)].into_iter().flatten() {
        assert_eq!(text[range.clone()].trim(), &text[range]);
    }
    for name in ["duid", "local"] {
        for value in elements(text, name) {
            assert!(!value.is_empty() && text.contains(&value), "{name}");
        }
    }
}

fn in_order(form: &str, text: &str, ranges: impl Iterator<Item = Range<usize>>) {
    let mut from = 0;
    for range in ranges {
        assert!(
            from <= range.start && range.start < range.end && range.end <= text.len(),
            "{form}: {range:?}"
        );
        from = range.end;
    }
}
