//! False fixes: fixes of ours that turned out wrong, each with the sign that shows it.
//!
//! Nothing is looked for in histories: signs are heard when they come, in what pushes, looks and
//! commands bring anyway. A fix counts once, however many signs there are against it; all are kept,
//! because each is evidence of its own.
//!
//! That somebody writes other lines over ours counts as well, on the pull request or, once it is
//! merged, on its base branch, and within the same time; a new idea about those lines cannot be told from a mistake of ours in them, and then it is
//! counted against us. Not counted, because it would be a guess: that the same failure shows on
//! another pull request, which may never have had the fix.

use similar::{DiffOp, TextDiff};

use super::attempt::{Attempt, AttemptEnd, AttemptState};
use super::diff::by_lines;
use super::failure::Fingerprint;
use super::ids::{AttemptId, PrNumber, Sha, Timestamp};

/// After this nobody can say any more whether a fix or something else was wrong.
pub const WITHIN_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// Commits of one push that are looked at; GitHub tells no more.
pub const REVERTS_MAX: usize = 50;

/// Files of one push that are compared with those of fixes.
pub const TOUCHED_MAX: usize = 1_000;

/// Files of one fix that are compared with what became of them.
pub const OVERWRITTEN_FILES_MAX: usize = 10;

/// The longest text that is compared, in bytes: beyond it a file counts as kept.
const OVERWRITTEN_BYTES_MAX: usize = 256 * 1024;

/// What shows that a fix was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Somebody had us take it back.
    Undone,
    /// Somebody reverted its commit.
    Reverted,
    /// The same failure was red again on the same pull request.
    RedAgain,
    /// Somebody rejected its patch.
    Rejected,
    /// We had proven it green, and CI was red on its commit.
    Contradicted,
    /// Somebody wrote other lines over those of its commit.
    Superseded,
}

impl Sign {
    /// Every sign.
    pub const ALL: [Self; 6] = [
        Self::Undone,
        Self::Reverted,
        Self::RedAgain,
        Self::Rejected,
        Self::Contradicted,
        Self::Superseded,
    ];

    /// The name in tables, figures and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undone => "undone",
            Self::Reverted => "reverted",
            Self::RedAgain => "red_again",
            Self::Rejected => "rejected",
            Self::Contradicted => "contradicted",
            Self::Superseded => "superseded",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sign| sign.as_str() == text)
    }
}

/// A sign against a fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FalseFix {
    /// The attempt whose fix it was.
    pub attempt: AttemptId,
    /// The sign.
    pub sign: Sign,
    /// What shows it, in words: commits and names.
    pub evidence: String,
}

/// A fix that CI has called green, and what it was a fix of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The attempt.
    pub attempt: AttemptId,
    /// The pull request.
    pub number: PrNumber,
    /// What it was a fix of.
    pub fingerprint: Fingerprint,
    /// When CI was green on it.
    pub at: Timestamp,
    /// Whether it has been taken back since, so that the failure has to come again.
    pub is_taken_back: bool,
}

/// A failure that was read.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The pull request.
    pub number: PrNumber,
    /// The commit.
    pub head: &'a Sha,
    /// What failed.
    pub fingerprints: &'a [Fingerprint],
    /// When.
    pub at: Timestamp,
}

/// What an attempt's own end says against its fix.
pub fn of_end(attempt: &Attempt) -> Option<FalseFix> {
    let AttemptState::Ended(end) = &attempt.state else { return None };
    let (sign, evidence) = match end {
        AttemptEnd::Disproved(commit) => (Sign::Contradicted, format!("CI is red on {commit}")),
        AttemptEnd::Rejected(by) => (Sign::Rejected, format!("by {by}")),
        AttemptEnd::Healed(_)
        | AttemptEnd::GaveUp(_)
        | AttemptEnd::NotReproduced
        | AttemptEnd::Refused
        | AttemptEnd::CommitRefused
        | AttemptEnd::RunnerLost
        | AttemptEnd::Abandoned => return None,
    };
    Some(FalseFix { attempt: attempt.id, sign, evidence })
}

/// What a failure says against a fix of the same one.
pub fn red_again(fix: &Fix, seen: &Seen<'_>) -> Option<FalseFix> {
    let after_ms = seen.at.since_ms(fix.at);
    let is_against = fix.number == seen.number
        && !fix.is_taken_back
        && seen.at >= fix.at
        && after_ms <= WITHIN_MS
        && seen.fingerprints.contains(&fix.fingerprint);
    is_against.then(|| FalseFix {
        attempt: fix.attempt,
        sign: Sign::RedAgain,
        evidence: format!("the same failure at {}", seen.head),
    })
}

/// Whether lines that a fix wrote, or took away, are no longer so: `before` and `after` are a file
/// around the fix, `now` is what became of it. Whoever only adds to them has kept them.
pub fn is_overwritten(before: &str, after: &str, now: &str) -> bool {
    if [before, after, now].iter().any(|text| text.len() > OVERWRITTEN_BYTES_MAX) {
        return false;
    }
    let (ours, theirs) = (by_lines(before, after), by_lines(after, now));
    ours.ops().iter().any(|our| theirs.ops().iter().any(|their| undoes(our, their, &ours, &theirs)))
}

fn undoes(our: &DiffOp, their: &DiffOp, ours: &Lines<'_>, theirs: &Lines<'_>) -> bool {
    let (written, replaced) = (our.new_range(), their.old_range());
    match (our, their) {
        (DiffOp::Equal { .. }, _) | (_, DiffOp::Equal { .. }) => false,
        // What we took away is there again.
        (DiffOp::Delete { .. }, _) => {
            let gone: Vec<_> = our.old_range().map(|line| ours.old_slice(line)).collect();
            let new: Vec<_> = their.new_range().map(|line| theirs.new_slice(line)).collect();
            let is_there = replaced.start <= written.start && written.start <= replaced.end;
            is_there && new.windows(gone.len()).any(|lines| lines == gone)
        }
        (_, DiffOp::Insert { .. }) => false,
        (_, _) => written.start < replaced.end && replaced.start < written.end,
    }
}

/// Two texts line by line.
type Lines<'a> = TextDiff<'a, 'a, str>;

/// Commits that a message says it reverts, in git's own words; that we take commits of ours back
/// ourselves is told elsewhere.
pub fn reverted_in(message: &str) -> Vec<Sha> {
    if super::undo::undone_by(message).is_some() {
        return Vec::new();
    }
    let said = message.split("This reverts commit ").skip(1);
    let hash =
        |rest: &str| -> String { rest.chars().take_while(char::is_ascii_hexdigit).collect() };
    said.filter_map(|rest| Sha::parse(&hash(rest)).ok()).take(REVERTS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::failure::{Failure, FailureKind};
    use crate::domain::ids::{CaseId, Login};
    use crate::domain::outcome::GaveUp;

    fn sha(letter: char) -> Sha {
        Sha::parse(&letter.to_string().repeat(40)).unwrap()
    }

    fn print_of(message: &str) -> Fingerprint {
        Failure::new(FailureKind::Lint, message).fingerprint()
    }

    #[track_caller]
    fn ends(end: AttemptEnd, expected: Option<Sign>) {
        let at = Timestamp::from_millis(0);
        let attempt = Attempt {
            id: AttemptId::new(Uuid::from_u128(1)),
            case: CaseId::new(Uuid::from_u128(2)),
            number: 1,
            head: sha('a'),
            planned_at: at,
            dispatches: 1,
            dispatched_at: at,
            state: AttemptState::Ended(end),
            note: None,
            verdict: None,
            feedback: Vec::new(),
        };
        assert_eq!(of_end(&attempt).map(|found| found.sign), expected);
    }

    #[test]
    fn a_proof_that_ci_contradicts_and_a_patch_that_people_reject_are_false() {
        ends(AttemptEnd::Disproved(sha('c')), Some(Sign::Contradicted));
        ends(AttemptEnd::Rejected(Login::parse("mona").unwrap()), Some(Sign::Rejected));
        ends(AttemptEnd::Healed(sha('c')), None);
        ends(AttemptEnd::GaveUp(GaveUp::StillRed), None);
        ends(AttemptEnd::Refused, None);
        ends(AttemptEnd::Abandoned, None);
    }

    #[track_caller]
    fn again(change: impl Fn(&mut Fix, &mut PrNumber, &mut i64), expected: bool) {
        let (mut number, mut at) = (PrNumber::new(7), 1_000);
        let mut fix = Fix {
            attempt: AttemptId::new(Uuid::from_u128(1)),
            number,
            fingerprint: print_of("it broke"),
            at: Timestamp::from_millis(500),
            is_taken_back: false,
        };
        change(&mut fix, &mut number, &mut at);
        let prints = [print_of("something else"), print_of("it broke")];
        let at = Timestamp::from_millis(at);
        let seen = Seen { number, head: &sha('d'), fingerprints: &prints, at };
        assert_eq!(red_again(&fix, &seen).is_some(), expected);
    }

    #[test]
    fn the_same_failure_again_on_the_same_pull_request_within_two_weeks_is_false() {
        again(|_, _, _| {}, true);
        again(|_, _, at| *at = 500 + WITHIN_MS, true);
        again(|_, _, at| *at = 501 + WITHIN_MS, false);
        again(|_, _, at| *at = 499, false);
        again(|_, number, _| *number = PrNumber::new(8), false);
        again(|fix, _, _| fix.is_taken_back = true, false);
        again(|fix, _, _| fix.fingerprint = print_of("new"), false);
    }

    #[test]
    fn lines_of_ours_that_somebody_replaced_are_superseded() {
        let check = |before: &str, after: &str, now: &str, expected: bool| {
            assert_eq!(
                is_overwritten(before, after, now),
                expected,
                "{before:?} {after:?} {now:?}"
            );
        };
        let (before, after) = ("a\nb\nc\n", "a\nB\nc\n");
        check(before, after, after, false);
        check(before, after, before, true);
        check(before, after, "a\nX\nc\n", true);
        check(before, after, "a\nc\n", true);
        check(before, after, "", true);
        check(before, after, "A\nB\nc\nd\n", false);
        check(before, after, "a\nB\nmore\nc\n", false);
        // Lines that we took away.
        check("a\nb\nc\n", "a\nc\n", "a\nb\nc\n", true);
        check("a\nb\nc\n", "a\nc\n", "a\nx\nc\n", false);
        // A file of ours.
        check("", "new\n", "", true);
        check("", "new\n", "new\nand more\n", false);
        let long = "x\n".repeat(OVERWRITTEN_BYTES_MAX);
        check(before, after, &long, false);
    }

    #[track_caller]
    fn reverts(message: &str, expected: &[Sha]) {
        assert_eq!(reverted_in(message), expected, "{message:?}");
    }

    #[test]
    fn a_revert_is_known_by_the_words_of_git() {
        let (c, d) = (sha('c'), sha('d'));
        reverts(&format!("Revert \"Run rustfmt\"\n\nThis reverts commit {c}."), &[sha('c')]);
        reverts(
            &format!("x\n\nThis reverts commit {c}.\nThis reverts commit {d}, reversing changes"),
            &[sha('c'), sha('d')],
        );
        reverts("Revert it", &[]);
        reverts("This reverts commit abc123.", &[]);
        let ours = crate::domain::undo::message(&[c], &Login::parse("mona").unwrap());
        reverts(&ours, &[]);
    }
}
