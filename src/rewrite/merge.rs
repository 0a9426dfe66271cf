//! Joins edits of a text with edits of the text that results from them.

use std::ops::Range;

use super::edit::Edit;

/// Edits with the effect of `first`, followed by `then`. `then` applies to the text that `first` gives.
///
/// Both lists ascend and do not overlap, and so does the result. If an edit of `then` meets bytes that
/// edits of `first` inserted, all of them become one edit.
pub fn merge(first: Vec<Edit>, then: Vec<Edit>) -> Vec<Edit> {
    if first.is_empty() {
        return then;
    }
    let placed = Placed::of(first);
    let mut merged = Vec::with_capacity(placed.0.len() + then.len());
    let mut earlier = placed.0.iter().peekable();
    let mut later = then.iter().peekable();
    while let Some(edit) = later.next() {
        while let Some(before) = earlier.next_if(|before| before.at.end <= edit.range.start) {
            merged.push(before.edit.clone());
        }
        let mut group = Group { earlier: Vec::new(), later: vec![edit], end: edit.range.end };
        while group.grow(&mut earlier, &mut later) {}
        merged.push(group.merged(&placed));
    }
    merged.extend(earlier.map(|before| before.edit.clone()));
    merged
}

/// An edit, and where its new bytes are in the text after all edits.
struct Place {
    edit: Edit,
    at: Range<usize>,
}

/// All edits of `first`.
struct Placed(Vec<Place>);

impl Placed {
    fn of(edits: Vec<Edit>) -> Self {
        let (mut copied, mut length) = (0, 0);
        let placed = edits.into_iter().map(|edit| {
            length += edit.range.start - copied;
            copied = edit.range.end;
            let at = length..length + edit.new.len();
            length = at.end;
            Place { edit, at }
        });
        Self(placed.collect())
    }

    /// Converts a position in the text after these edits to one in the text before them. For a position
    /// inside new bytes, it is the start of the bytes that they replace, or the end if `ends`.
    fn original(&self, place: usize, ends: bool) -> usize {
        let next = self.0.partition_point(|edit| edit.at.end <= place);
        if let Some(edit) = self.0.get(next).filter(|edit| edit.at.start < place) {
            return if ends { edit.edit.range.end } else { edit.edit.range.start };
        }
        match next.checked_sub(1).map(|last| &self.0[last]) {
            // A position directly after new bytes is taken as after them.
            Some(last) => last.edit.range.end + (place - last.at.end),
            None => place,
        }
    }
}

/// Edits of both lists that meet. Each byte of the text between them belongs to one of them.
struct Group<'a> {
    earlier: Vec<&'a Place>,
    later: Vec<&'a Edit>,
    end: usize,
}

impl<'a> Group<'a> {
    /// Takes in one more edit that meets the group.
    fn grow(
        &mut self,
        earlier: &mut std::iter::Peekable<std::slice::Iter<'a, Place>>,
        later: &mut std::iter::Peekable<std::slice::Iter<'a, Edit>>,
    ) -> bool {
        if let Some(place) = earlier.next_if(|place| place.at.start < self.end) {
            self.end = self.end.max(place.at.end);
            self.earlier.push(place);
            return true;
        }
        let met = later.next_if(|edit| !self.earlier.is_empty() && edit.range.start < self.end);
        let Some(edit) = met else { return false };
        self.end = self.end.max(edit.range.end);
        self.later.push(edit);
        true
    }

    fn merged(&self, placed: &Placed) -> Edit {
        let last = self.later[self.later.len() - 1];
        let token = placed.original(last.token.start, false)..placed.original(last.token.end, true);
        let begin = self.later[0].range.start;
        let begin = self.earlier.first().map_or(begin, |place| place.at.start.min(begin));
        let range = if let (Some(first), Some(last)) = (self.earlier.first(), self.earlier.last()) {
            let before = first.at.start - begin;
            let behind = self.end - last.at.end.min(self.end);
            first.edit.range.start - before..last.edit.range.end + behind
        } else {
            let start = placed.original(begin, false);
            start..start + (self.end - begin)
        };
        let mut new = Vec::new();
        let mut at = begin;
        let mut later = self.later.iter().peekable();
        while at < self.end || later.peek().is_some() {
            if let Some(edit) = later.next_if(|edit| edit.range.start == at) {
                new.extend_from_slice(&edit.new);
                at = edit.range.end;
                continue;
            }
            let until = later.peek().map_or(self.end, |edit| edit.range.start);
            let place = self.earlier.iter().find(|place| place.at.contains(&at));
            let Some(place) = place else { break };
            let until = until.min(place.at.end);
            new.extend_from_slice(&place.edit.new[at - place.at.start..until - place.at.start]);
            at = until;
        }
        Edit {
            token: token.start.min(range.start)..token.end.max(range.end),
            range,
            new,
            form: last.form,
            volume: last.volume.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rewrite::edit::{Form, apply};

    /// Edits of a text of that length, made from gaps, lengths and new bytes.
    fn edits(length: usize, parts: &[(usize, usize, Vec<u8>)]) -> Vec<Edit> {
        let (mut at, mut edits) = (0, Vec::new());
        for (gap, taken, new) in parts {
            let start = at + gap;
            let range = start..start + taken;
            // Leaves out edits that change nothing.
            if range.end > length || range.is_empty() && new.is_empty() {
                break;
            }
            at = range.end + 1;
            let (token, new) = (range.clone(), new.clone());
            edits.push(Edit { range, new, token, form: Form::VgName, volume: None });
        }
        edits
    }

    fn parts() -> impl Strategy<Value = Vec<(usize, usize, Vec<u8>)>> {
        prop::collection::vec(
            (0..4usize, 0..4usize, prop::collection::vec(any::<u8>(), 0..4)),
            0..6,
        )
    }

    proptest! {
        #[test]
        fn it_does_what_both_do(
            text in prop::collection::vec(any::<u8>(), 0..40),
            first in parts(),
            then in parts(),
        ) {
            let first = edits(text.len(), &first);
            let between = apply(&text, &first);
            let then = edits(between.len(), &then);
            let merged = merge(first, then.clone());
            prop_assert_eq!(apply(&text, &merged), apply(&between, &then));
            for edit in merged {
                let inside = edit.token.start <= edit.range.start && edit.range.end <= edit.token.end;
                prop_assert!(inside);
            }
        }
    }

    #[test]
    fn parts_of_one_token_stay_apart() {
        let edit = |range: Range<usize>, token: Range<usize>, new: &str| Edit {
            range,
            new: new.into(),
            token,
            form: Form::DevicePath,
            volume: None,
        };
        // /dev/old/root -> /dev/newer/root -> /dev/newer/slash
        let merged = merge(vec![edit(5..8, 0..13, "newer")], vec![edit(11..15, 0..15, "slash")]);
        assert_eq!(apply(b"/dev/old/root", &merged), b"/dev/newer/slash");
        assert_eq!(
            merged.iter().map(|edit| edit.token.clone()).collect::<Vec<_>>(),
            [0..13, 0..13]
        );
        assert_eq!(merged[1].range, 9..13);
    }
}
