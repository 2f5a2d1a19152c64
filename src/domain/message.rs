//! Commit messages: what a fixer says about its patch, made harmless, with the attempt's trailer.
//!
//! A fixer's words are hostile text. Left alone they could keep CI from running (`[skip ci]`),
//! ping people (`@somebody`), close issues (`Fixes #1`) or forge trailers. Attempts are counted
//! from the trailers on a pull request's commits, so that a lost database cannot reset the cap.

use super::attempt::Attempt;
use super::ids::{AttemptId, Sha, UserId};
use super::invisible::is_invisible;
use super::pull::PullCommit;

/// The trailer that marks a commit as an attempt's.
pub const TRAILER: &str = "Selfheal-Attempt";

/// Subject lines are cut here, as git's own tools expect.
const SUBJECT_CHARS_MAX: usize = 72;

/// More of a fixer's words than this is not a summary.
const BODY_CHARS_MAX: usize = 1000;

/// Words in brackets that keep GitHub, GitLab or other CI from running, or steer update bots.
const SKIP_MARKS: [&str; 6] = ["skip", "no ci", "ci", "actions", "dependabot", "azurepipelines"];

/// The whole message of an attempt's commit.
pub fn commit_message(summary: &str, fixer: &str, attempt: &Attempt) -> String {
    let words = harmless(summary);
    let subject_words = words.lines().next().unwrap_or("").trim();
    let subject_words =
        if subject_words.is_empty() { "Fix the failing checks" } else { subject_words };
    let subject: String = subject_words.chars().take(SUBJECT_CHARS_MAX).collect();
    let rest: String = words
        .lines()
        .skip(1)
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .chars()
        .take(BODY_CHARS_MAX)
        .collect();
    let body = if rest.is_empty() { String::new() } else { format!("{rest}\n\n") };
    format!(
        "{subject}\n\n{body}Made by {} and proven red before and green after.\n\n{TRAILER}: {}; number={}",
        plain_name(fixer),
        attempt.id,
        attempt.number
    )
}

/// A fixer's name without anything but what names are made of.
fn plain_name(fixer: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_.:/ ".contains(*c);
    fixer.chars().filter(plain).take(SUBJECT_CHARS_MAX).collect()
}

/// Text that can stand in a commit message without any effect of its own.
fn harmless(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .map(|c| if is_invisible(c) { ' ' } else { c })
        .collect();
    visible.lines().map(harmless_line).collect::<Vec<_>>().join("\n")
}

fn harmless_line(line: &str) -> String {
    let mut line = line.to_owned();
    let lower = line.to_lowercase();
    if lower.trim_start().starts_with("skip-checks") || is_trailer_like(&line) {
        line.insert_str(0, "> ");
    }
    let line = without_skip_marks(&line);
    line.replace('@', "@ ").replace('#', "# ")
}

/// Whether git would read the line as a trailer: one word, a colon, a value.
fn is_trailer_like(line: &str) -> bool {
    line.split_once(':').is_some_and(|(key, _)| {
        !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

fn without_skip_marks(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = rest.find('[') {
        let Some(close) = rest[open..].find(']') else { break };
        let inside = rest[open + 1..open + close].to_lowercase();
        let is_mark = SKIP_MARKS.iter().any(|mark| inside.contains(mark));
        out.push_str(&rest[..open]);
        if is_mark {
            out.push('(');
            out.push_str(&rest[open + 1..open + close]);
            out.push(')');
        } else {
            out.push_str(&rest[open..=open + close]);
        }
        rest = &rest[open + close + 1..];
    }
    out.push_str(rest);
    out
}

/// The attempt that a commit message names in its trailer, and its number within the case.
pub fn attempt_of(message: &str) -> Option<(AttemptId, u8)> {
    let line = message.lines().rev().find_map(|line| line.strip_prefix(TRAILER))?;
    let value = line.strip_prefix(':')?.trim();
    let (id, number) = value.split_once(';').unwrap_or((value, ""));
    let number = number.trim().strip_prefix("number=").and_then(|n| n.parse().ok()).unwrap_or(1);
    Some((AttemptId::parse(id.trim()).ok()?, number))
}

/// How many attempts the commits of a pull request show since a person last committed.
///
/// Only commits of our own bot count, so that nobody can use up the attempts of somebody else.
pub fn attempts_shown(commits: &[PullCommit], bot: UserId) -> u8 {
    commits
        .iter()
        .rev()
        .take_while(|commit| commit.author == Some(bot))
        .filter_map(|commit| attempt_of(&commit.message))
        .map(|(_, number)| number)
        .max()
        .unwrap_or(0)
}

/// A commit of ours at the head of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCommit {
    /// The commit.
    pub sha: Sha,
    /// The commit that it was made on.
    pub parent: Sha,
    /// The attempt that it was made for.
    pub attempt: AttemptId,
    /// That attempt's number within its case.
    pub number: u8,
}

/// The last commit of a pull request, when all that came after `head` is ours.
pub fn own_since(commits: &[PullCommit], head: &Sha, bot: UserId) -> Option<OwnCommit> {
    let at = commits.iter().position(|commit| commit.sha == *head)?;
    let ours =
        |commit: &PullCommit| attempt_of(&commit.message).filter(|_| commit.author == Some(bot));
    let since = &commits[at + 1..];
    if !since.iter().all(|commit| ours(commit).is_some()) {
        return None;
    }
    let last = since.last()?;
    let parent = commits.iter().rev().nth(1)?.sha.clone();
    let (attempt, number) = ours(last)?;
    Some(OwnCommit { sha: last.sha.clone(), parent, attempt, number })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::attempt::AttemptState;
    use crate::domain::ids::{CaseId, Sha, Timestamp};

    fn attempt(number: u8) -> Attempt {
        Attempt {
            id: AttemptId::new(Uuid::from_u128(9)),
            case: CaseId::new(Uuid::from_u128(1)),
            number,
            head: Sha::parse(&"a".repeat(40)).unwrap(),
            planned_at: Timestamp::from_millis(0),
            dispatches: 1,
            dispatched_at: Timestamp::from_millis(0),
            state: AttemptState::Running,
            note: None,
            verdict: None,
            feedback: Vec::new(),
        }
    }

    #[track_caller]
    fn harmless_is(text: &str, expected: &str) {
        assert_eq!(harmless(text), expected);
    }

    #[test]
    fn what_a_fixer_says_has_no_effect_of_its_own() {
        harmless_is("Format it [skip ci]", "Format it (skip ci)");
        harmless_is("[no ci] [CI SKIP] x", "(no ci) (CI SKIP) x");
        harmless_is("index[0] stays", "index[0] stays");
        harmless_is("thanks @octocat", "thanks @ octocat");
        harmless_is("Fixes #12", "Fixes # 12");
        harmless_is("skip-checks: true", "> skip-checks: true");
        harmless_is("Selfheal-Attempt: x", "> Selfheal-Attempt: x");
        harmless_is("a\u{202e}b\u{7}", "a b");
    }

    #[test]
    fn a_message_carries_its_attempt() {
        let message = commit_message("Run rustfmt\nIt was red.", "recipe:rustfmt", &attempt(2));
        insta::assert_snapshot!(message, @r"
        Run rustfmt

        It was red.

        Made by recipe:rustfmt and proven red before and green after.

        Selfheal-Attempt: att_00000000000000000000000000000009; number=2
        ");
        assert_eq!(attempt_of(&message), Some((attempt(2).id, 2)));
    }

    #[test]
    fn attempts_are_counted_from_our_own_commits_since_a_person_pushed() {
        let bot = UserId::new(7);
        let commit = |author: u64, number: Option<u8>| PullCommit {
            sha: Sha::parse(&"b".repeat(40)).unwrap(),
            author: Some(UserId::new(author)),
            message: number.map_or("x".into(), |n| commit_message("fix", "recipe", &attempt(n))),
        };
        let shown = |commits: &[PullCommit]| attempts_shown(commits, bot);
        assert_eq!(shown(&[]), 0);
        assert_eq!(shown(&[commit(1, None), commit(7, Some(1)), commit(7, Some(2))]), 2);
        assert_eq!(shown(&[commit(7, Some(2)), commit(1, None)]), 0);
        assert_eq!(shown(&[commit(1, Some(3))]), 0, "a forged trailer counts for nothing");
    }

    #[test]
    fn a_head_is_ours_when_nobody_else_committed_since() {
        let bot = UserId::new(7);
        let commit = |letter: &str, author: u64, number: Option<u8>| PullCommit {
            sha: Sha::parse(&letter.repeat(40)).unwrap(),
            author: Some(UserId::new(author)),
            message: number.map_or("x".into(), |n| commit_message("fix", "recipe", &attempt(n))),
        };
        let check = |commits: &[PullCommit], expected: Option<(&str, &str, u8)>| {
            let found = own_since(commits, &Sha::parse(&"a".repeat(40)).unwrap(), bot);
            let found = found
                .as_ref()
                .map(|own| (&own.sha.as_str()[..1], &own.parent.as_str()[..1], own.number));
            assert_eq!(found, expected, "{commits:?}");
        };
        let (theirs, one) = (commit("a", 1, None), commit("b", 7, Some(1)));
        check(&[theirs.clone(), one.clone()], Some(("b", "a", 1)));
        check(&[theirs.clone(), one.clone(), commit("c", 7, Some(2))], Some(("c", "b", 2)));
        check(std::slice::from_ref(&theirs), None);
        check(&[theirs.clone(), one.clone(), commit("c", 1, None)], None);
        check(&[theirs.clone(), commit("c", 1, None), one.clone()], None);
        check(&[theirs.clone(), commit("c", 1, Some(1))], None);
        check(&[one], None);
    }
}
