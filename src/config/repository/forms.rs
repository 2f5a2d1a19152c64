//! What may stand in the repository file's values, in words and in code: the forms that its keys share.

use super::shape::{Accept, Draft, Key, Set, Shape, number, texts};
use crate::domain::failure::FailureKind;
use crate::domain::ids::Label;

/// The most characters of a workflow's or branch's name; the forge's own limit is 255.
const NAME_CHARS_MAX: usize = 255;

/// The form of a path pattern, in words.
pub(super) const PATTERN: &str = "a path pattern as in .gitignore";
pub(super) const FILES: &str =
    "a path of a file; `*` behind its first folder for any characters, also `/`";
pub(super) const LABEL: &str = "a label of at most 50 characters";
pub(super) const NAME: &str = "a name of at most 255 characters, `*` for any";
pub(super) const CLEAR_VERIFY: fn(&mut Draft) = |d| d.policy.verify.clear();

pub(super) const USD: (&str, u64) = ("US dollars", 1_000_000);
pub(super) const TOKENS: (&str, u64) = ("tokens", 1_000_000_000_000);

pub(super) const fn cap(path: &'static str, of: (&'static str, u64), set: Set<u64>) -> Key {
    number(path, of.0, (1, of.1), set)
}

pub(super) const fn names(clear: fn(&mut Draft), accept: Accept) -> Shape {
    texts(NAME, 0, clear, accept)
}

/// A number that its key's limits have made small enough.
pub(super) fn narrow<T: TryFrom<u64>>(number: u64) -> T {
    T::try_from(number).ok().expect("invariant: a key's limits fit its field")
}

pub(super) fn push_verify(draft: &mut Draft, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    draft.policy.verify.push(text.to_owned());
    Ok(())
}

pub(super) fn label(text: &str) -> Result<Label, String> {
    Label::parse(text).map_err(|_| format!("allowed is {LABEL}"))
}

pub(super) fn name(text: &str) -> Result<String, String> {
    let fine = !text.is_empty()
        && text.chars().count() <= NAME_CHARS_MAX
        && !text.chars().any(char::is_control);
    if fine { Ok(text.to_owned()) } else { Err(format!("allowed is {NAME}")) }
}

pub(super) fn kind(draft: &mut Draft, text: &str) -> Result<(), String> {
    let kind = FailureKind::parse(text).ok_or("it is not a kind of failure")?;
    if !draft.policy.kinds.contains(&kind) {
        draft.policy.kinds.push(kind);
    }
    Ok(())
}
