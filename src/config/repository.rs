//! The repository file `.github/selfheal.yml`: what a repository allows and wants.
//!
//! The text comes from the base branch and is still hostile: anybody may propose it in a fork, and
//! `check-config` reads whatever it is given. So it is bounded (`raw`), checked key by key
//! (`checked`) against one table (`keys`), and what is wrong is said with line, key, value and
//! what is allowed. An empty file is a policy: the default one. A file that could not be fetched is
//! not this module's matter, and not a refusal.

mod checked;
mod effective;
mod fixers;
mod forms;
mod keys;
mod raw;
mod reference;
mod shape;
mod trust;

use std::fmt;

use crate::domain::policy::{POLICY_FILE, Policy};

pub use self::effective::{effective, effective_text};
pub use self::reference::{docs, schema};

/// The most mistakes that are told at once: people fix a few and look again.
pub const PROBLEMS_MAX: usize = 20;

/// One thing that is wrong with a repository file.
///
/// `Display` is one line without the file's name, for example
/// ``line 7, `attempts: 9`: allowed are 1 to 3``. Key and value are the repository's own text:
/// bounded, on one line and without backticks, but still to be escaped for Markdown or HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file: always [`POLICY_FILE`].
    pub file: &'static str,
    /// Line, counted from 1, when known.
    pub line: Option<u32>,
    /// Column, counted from 1, when known.
    pub column: Option<u32>,
    /// The key's path: `budget.attempts_per_day`, `fixers[2].name`.
    pub key: Option<String>,
    /// The value as written, when it is one word or line.
    pub value: Option<String>,
    /// What is allowed there; empty when the text is not YAML at all.
    pub allowed: String,
    /// What is wrong, and what is allowed, in words.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
        }
        let comma = if self.line.is_some() { ", " } else { "" };
        match (&self.key, &self.value) {
            (Some(key), Some(value)) => write!(f, "{comma}`{key}: {value}`: ")?,
            (Some(key), None) => write!(f, "{comma}`{key}`: ")?,
            (None, _) if self.line.is_some() => f.write_str(": ")?,
            (None, _) => {}
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

/// Reads and checks a repository file.
///
/// # Errors
/// The first [`ConfigError`] in the order of the file; [`check`] tells all of them.
pub fn parse(text: &str) -> Result<Policy, Box<ConfigError>> {
    check(text).map_err(|mut problems| Box::new(problems.swap_remove(0)))
}

/// Reads and checks a repository file and tells everything that is wrong with it.
///
/// # Errors
/// Between one and [`PROBLEMS_MAX`] problems in the order of the file.
pub fn check(text: &str) -> Result<Policy, Vec<ConfigError>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match raw::read(text) {
        Ok(tree) => checked::policy_of(text, &tree),
        Err(raw::Unreadable { place, key, message }) => Err(vec![ConfigError {
            file: POLICY_FILE,
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
            key: key.map(|key| super::shown(&key, super::VALUE_CHARS_MAX)),
            value: None,
            allowed: String::new(),
            message,
        }]),
    }
}

#[cfg(test)]
mod tests;
