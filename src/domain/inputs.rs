//! Inputs of an attempt: what its runner was given, and what its fixers were told.
//!
//! A receipt names them, so that others can see by what an attempt came to its end, and can make the
//! digests again from what is kept. The server writes down what it gave; that a fixer was told just that
//! prompt is its runner's word.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::checkpoint::NAME_BYTES_MAX;
use super::document::LAST_ROUND;
use super::ids::{Branch, Sha};

/// The longest prompt that is kept; what prompts quote has limits of its own, and all together is half
/// of it.
pub const PROMPT_BYTES_MAX: usize = 1024 * 1024;

/// Prompts that are kept of an attempt: four rounds with a few fixers, each killed a few times.
pub const PROMPTS_MAX: usize = 64;

/// What was given to runners that is kept of an attempt: each of three runners asks once, and what did
/// not change meanwhile is kept once.
pub const GIVEN_MAX: usize = 8;

/// The longest name of a template.
const TEMPLATE_CHARS_MAX: usize = 80;

/// What a template's first line begins and ends with.
const TEMPLATE_LINE: (&str, &str) = ("<!-- selfheal prompt: ", " -->");

/// What a runner was given, besides evidence and documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The server's release.
    pub release: String,
    /// The branch that the pull request goes into.
    pub base: Branch,
    /// That branch's commit at that moment; agents' settings come from there.
    pub base_sha: Sha,
    /// The newest commit that base and head have in common, where the forge could tell.
    pub fork: Option<Sha>,
    /// The policy in force.
    pub policy: PolicySource,
    /// What models cost.
    pub prices: PricesSource,
}

/// Which policy it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySource {
    /// The commit of the base branch at which it was read.
    pub commit: Sha,
    /// The repository file's path.
    pub path: String,
    /// The SHA-256 of the file's text; none where there is no such file.
    pub sha256: Option<String>,
    /// Whether the file holds, or the defaults.
    pub in_force: InForce,
}

/// What holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InForce {
    /// The file.
    RepositoryFile,
    /// The release's defaults, because there is no file, or it is wrong.
    Defaults,
}

/// Which price list it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricesSource {
    /// Its version; of an operator's, both versions.
    pub version: String,
    /// The SHA-256 of its text; of an operator's, of the shipped one's and that one's behind it.
    pub sha256: String,
}

/// What a fixer is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The round of execute and verify, counted from 1.
    pub round: u8,
    /// Who is told.
    pub fixer: String,
    /// What.
    pub text: String,
}

impl Prompt {
    /// What is wrong with it, if anything is.
    pub fn fault(&self) -> Option<&'static str> {
        let is_plain = !self.fixer.is_empty()
            && self.fixer.len() <= NAME_BYTES_MAX
            && !self.fixer.contains(char::is_control);
        if !is_plain || !(1..=LAST_ROUND).contains(&self.round) {
            return Some("the prompt names no fixer or no round");
        }
        (self.text.len() > PROMPT_BYTES_MAX).then_some("the prompt is longer than is kept")
    }

    /// The template that it was made of, and its version, as its first line says.
    pub fn template(&self) -> Option<String> {
        let line = self.text.lines().next()?;
        let (begin, end) = TEMPLATE_LINE;
        let named = line.strip_prefix(begin)?.strip_suffix(end)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_,. ".contains(c);
        let fits = named.len() <= TEMPLATE_CHARS_MAX && named.chars().all(is_plain);
        fits.then(|| named.to_owned())
    }
}

/// The SHA-256 of a text, in hexadecimal.
pub fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let prompt = Prompt { round: 1, fixer: "x".to_owned(), text: text.to_owned() };
        assert_eq!(prompt.template().as_deref(), expected, "{text:?}");
    }

    #[test]
    fn a_prompt_names_its_template_in_its_first_line() {
        check("<!-- selfheal prompt: execute, version 3 -->\n# Task\n", Some("execute, version 3"));
        check("# Task\n<!-- selfheal prompt: execute, version 3 -->\n", None);
        check("<!-- selfheal prompt: a -->b -->", None);
        check(&format!("<!-- selfheal prompt: {} -->", "x".repeat(100)), None);
        check("", None);
    }
}
