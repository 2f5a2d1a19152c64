//! What a row of the table of keys is made of.
//!
//! A row carries its own setter, so that no key can be documented and forgotten, or set and not
//! documented.

use crate::domain::ledger::{Amount, Scope};
use crate::domain::money::Usd;
use crate::domain::policy::Policy;
use crate::domain::protected::Additions;

/// A policy in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// What is set so far; keys that are not given keep their defaults.
    pub policy: Policy,
    /// Protected paths, which are compiled at the end.
    pub additions: Additions,
}

impl Draft {
    /// Lowers what models may cost.
    pub(super) fn cap_usd(&mut self, scope: Scope, dollars: u64) {
        let caps = &mut self.policy.budget.models;
        caps.set(scope, Amount { usd: Usd::dollars(dollars), ..caps.of(scope) });
    }

    /// Lowers how many tokens models may have.
    pub(super) fn cap_tokens(&mut self, scope: Scope, tokens: u64) {
        let caps = &mut self.policy.budget.models;
        caps.set(scope, Amount { tokens, ..caps.of(scope) });
    }
}

/// A setter that cannot fail, because any value that gets here is legal.
pub(super) type Set<T> = fn(&mut Draft, T);
/// A setter that may say why a text will not do.
pub(super) type Accept = fn(&mut Draft, &str) -> Result<(), String>;

/// One of several words, and what it sets.
pub(super) type Word = (&'static str, fn(&mut Draft));

/// What may stand at a key.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Keys of its own; a plain list stands for the key named `list`, where there is one.
    Group { list: Option<&'static str> },
    /// `true` or `false`.
    Flag(Set<bool>),
    /// A whole number within limits, both allowed.
    Integer { min: u64, max: u64, set: Set<u64> },
    /// One of these words.
    Choice(&'static [Word]),
    /// A text.
    Text { form: &'static str, accept: Accept },
    /// A list of texts, which replaces the default: `clear` runs before the first `accept`.
    Texts { form: &'static str, least: usize, clear: fn(&mut Draft), accept: Accept },
    /// A list of these words, which replaces the default.
    Words { words: &'static [&'static str], clear: fn(&mut Draft), accept: Accept },
    /// A list of fixers, which has a form of its own.
    Fixers,
    /// Rules of the gate by their ids, each with what it weighs.
    Weights,
}

/// A key of the file.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// Its path: `budget.attempts_per_day`.
    pub path: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// The unit of a number.
    pub unit: &'static str,
    /// What it means, in sentences.
    pub meaning: &'static str,
    /// An example of a value, as it stands in the file; empty for groups.
    pub example: &'static str,
}

impl Key {
    /// The last part of the path: the key's own name.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The path of the group that it belongs to; empty at the top.
    pub(super) fn group(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(group, _)| group)
    }

    /// The row with what the key means.
    pub(super) const fn means(mut self, meaning: &'static str) -> Self {
        self.meaning = meaning;
        self
    }

    /// The row with an example of a value.
    pub(super) const fn like(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }
}

/// A group of keys.
pub(super) const fn group(
    path: &'static str,
    list: Option<&'static str>,
    meaning: &'static str,
) -> Key {
    Key { path, shape: Shape::Group { list }, unit: "", meaning, example: "" }
}

/// A whole number within limits, both allowed.
pub(super) const fn number(
    path: &'static str,
    unit: &'static str,
    limits: (u64, u64),
    set: Set<u64>,
) -> Key {
    let shape = Shape::Integer { min: limits.0, max: limits.1, set };
    Key { path, shape, unit, meaning: "", example: "" }
}

/// A key of any other shape.
pub(super) const fn key(path: &'static str, shape: Shape) -> Key {
    Key { path, shape, unit: "", meaning: "", example: "" }
}

/// A list of texts.
pub(super) const fn texts(
    form: &'static str,
    least: usize,
    clear: fn(&mut Draft),
    accept: Accept,
) -> Shape {
    Shape::Texts { form, least, clear, accept }
}
