//! Undo: commits of ours, taken back exactly and no others.
//!
//! What a file was before our first commit that touched it is put back, when it is still what our
//! last one made of it. Where somebody has changed a file since, or in between, nothing is taken
//! back at all: half of a fix helps nobody, and what people wrote is not ours to guess about. Files
//! are told apart by git's own hashes, so binaries, modes, links and submodules come back as they
//! were.
//!
//! Which commits are ours is read from the pull request, never from our own memory: they are our
//! bot's, with the trailer of an attempt, and no later commit of ours takes them back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{Login, RepoPath, Sha, UserId};
use super::message::attempt_of;
use super::patch::FileMode;
use super::pull::PullCommit;

/// The trailer of a commit that takes others back.
pub const TRAILER: &str = "Selfheal-Undo";

/// More commits of ours than this are on no pull request that anybody works on: three attempts a
/// case, and a case for every push.
pub const COMMITS_MAX: usize = 12;

/// Paths that a refusal names; the rest is counted.
const NAMED_MAX: usize = 5;

/// What stands at a path of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Standing {
    /// A file, link or submodule.
    Entry {
        /// How git marks it.
        mode: FileMode,
        /// The hash of its content.
        object: Sha,
    },
    /// A folder.
    Folder,
}

/// What stands at some paths of a tree; where nothing stands there is no entry.
pub type Tree = BTreeMap<RepoPath, Standing>;

/// What one commit did to one path; `None` where nothing stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The path.
    pub path: RepoPath,
    /// What stood there before.
    pub before: Option<Standing>,
    /// What stood there afterwards.
    pub after: Option<Standing>,
}

/// A file as it shall be again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The path.
    pub path: RepoPath,
    /// Mode and content; `None`: it was not there.
    pub to: Option<(FileMode, Sha)>,
}

/// What takes our commits back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The commits, oldest first.
    pub commits: Vec<Sha>,
    /// What becomes of their files.
    pub restored: Vec<Restored>,
}

/// Why nothing is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoUndo {
    /// There is nothing of ours, or nothing of it is left.
    Nothing,
    /// There are more commits than anybody looks through.
    TooMany,
    /// Somebody has changed these files since.
    Changed(Vec<RepoPath>),
}

impl NoUndo {
    /// The reason, for people.
    pub fn words(&self) -> String {
        match self {
            Self::Nothing => "there is no commit of selfheal's to take back here".to_owned(),
            Self::TooMany => format!(
                "there are more than {COMMITS_MAX} commits of selfheal's here; take them back by \
                 hand with `git revert`"
            ),
            Self::Changed(paths) => {
                let named: Vec<String> =
                    paths.iter().take(NAMED_MAX).map(|path| format!("`{path}`")).collect();
                let more = match paths.len().saturating_sub(NAMED_MAX) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!(
                    "somebody has changed {}{more} since, so nothing was taken back; undo it by \
                     hand with `git revert`",
                    named.join(", ")
                )
            }
        }
    }
}

/// Commits of ours that are on a pull request and that nothing has taken back, oldest first.
pub fn ours(commits: &[PullCommit], bot: UserId) -> Vec<&PullCommit> {
    let by_us = || commits.iter().filter(|commit| commit.author == Some(bot));
    let undone: Vec<Sha> = by_us()
        .filter_map(|commit| undone_by(&commit.message))
        .flat_map(|(shas, _)| shas)
        .collect();
    let is_there = |commit: &&PullCommit| !undone.contains(&commit.sha);
    by_us().filter(|commit| attempt_of(&commit.message).is_some()).filter(is_there).collect()
}

/// What takes these commits back from a branch where that stands now. `now` has to know the paths
/// that they touched and the folders above those.
///
/// # Errors
/// [`NoUndo`] when nothing is left of them, or somebody else has changed what they changed.
pub fn plan(commits: &[(Sha, Vec<Touched>)], now: &Tree) -> Result<Undo, NoUndo> {
    let mut spans: BTreeMap<&RepoPath, (&Option<Standing>, &Option<Standing>)> = BTreeMap::new();
    let mut changed: Vec<RepoPath> = Vec::new();
    for touched in commits.iter().flat_map(|(_, touched)| touched) {
        let span = spans.entry(&touched.path).or_insert((&touched.before, &touched.before));
        if *span.1 != touched.before {
            changed.push(touched.path.clone());
        }
        span.1 = &touched.after;
    }
    let mut restored = Vec::new();
    for (path, (before, after)) in spans {
        let stands = now.get(path);
        if stands == before.as_ref() {
            continue; // it is as it was already
        }
        let to = match before {
            Some(Standing::Entry { mode, object }) => Some((*mode, object.clone())),
            Some(Standing::Folder) | None => None,
        };
        if stands != after.as_ref() || (to.is_some() && is_below_a_file(path, now)) {
            changed.push(path.clone());
            continue;
        }
        restored.push(Restored { path: path.clone(), to });
    }
    changed.sort_unstable();
    changed.dedup();
    if !changed.is_empty() {
        return Err(NoUndo::Changed(changed));
    }
    if restored.is_empty() {
        return Err(NoUndo::Nothing);
    }
    Ok(Undo { commits: commits.iter().map(|(sha, _)| sha.clone()).collect(), restored })
}

/// The folders above a path, nearest first.
pub fn above(path: &RepoPath) -> impl Iterator<Item = RepoPath> {
    let text = path.as_str();
    let cuts: Vec<usize> = text.rmatch_indices('/').map(|(at, _)| at).collect();
    cuts.into_iter().filter_map(move |at| RepoPath::parse(&text[..at]).ok())
}

fn is_below_a_file(path: &RepoPath, now: &Tree) -> bool {
    above(path).any(|folder| matches!(now.get(&folder), Some(Standing::Entry { .. })))
}

/// The whole message of the commit that takes those back because somebody asked for it.
pub fn message(commits: &[Sha], by: &Login) -> String {
    let short: Vec<&str> = commits.iter().map(Sha::short).collect();
    let reverts: Vec<String> =
        commits.iter().map(|sha| format!("This reverts commit {sha}.")).collect();
    let reverts = reverts.join("\n");
    let shas: Vec<&str> = commits.iter().map(Sha::as_str).collect();
    let subject = match short.as_slice() {
        [one] => format!("Take back {one}"),
        [first, .., last] => format!("Take back {} commits, {first} to {last}", short.len()),
        [] => "Take nothing back".to_owned(),
    };
    format!(
        "{subject}\n\nAsked for by {by}.\n\n{reverts}\n\n{TRAILER}: {}; by={by}",
        shas.join(",")
    )
}

/// The commits that a message says it takes back, and who asked for it.
pub fn undone_by(message: &str) -> Option<(Vec<Sha>, Login)> {
    let line = message.lines().rev().find_map(|line| line.strip_prefix(TRAILER))?;
    let (shas, by) = line.strip_prefix(':')?.split_once("; by=")?;
    let shas: Option<Vec<Sha>> = shas.split(',').map(|sha| Sha::parse(sha.trim()).ok()).collect();
    Some((shas?, Login::parse(by.trim()).ok()?))
}

/// Who had our commits taken back, when that is the last thing that was done to a pull request.
pub fn undone_at_head(commits: &[PullCommit], bot: UserId) -> Option<Login> {
    let last = commits.last().filter(|commit| commit.author == Some(bot))?;
    undone_by(&last.message).map(|(_, by)| by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message;

    const BOT: UserId = UserId::new(7);

    fn sha(letter: char) -> Sha {
        Sha::parse(&letter.to_string().repeat(40)).unwrap()
    }

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    /// `-`: nothing; `/`: a folder; upper case: a program; else a file with that content.
    fn standing(mark: char) -> Option<Standing> {
        match mark {
            '-' => None,
            '/' => Some(Standing::Folder),
            mark if mark.is_ascii_uppercase() => {
                Some(Standing::Entry { mode: FileMode::Executable, object: sha(mark) })
            }
            mark => Some(Standing::Entry { mode: FileMode::Regular, object: sha(mark) }),
        }
    }

    /// Commits as `path:before>after …`, what stands now as `path:mark …`, and what becomes of it in
    /// the second form, or the files that were changed.
    #[track_caller]
    fn check(commits: &[&str], now: &str, expected: Result<&str, &str>) {
        let mark = |text: &str| standing(text.chars().next().unwrap());
        let read = |text: &str| -> Vec<(RepoPath, String)> {
            let entries = text.split_whitespace().map(|entry| entry.split_once(':').unwrap());
            entries.map(|(name, marks)| (path(name), marks.to_owned())).collect()
        };
        let touched = |text: &&str| -> Vec<Touched> {
            let of = |(path, marks): (RepoPath, String)| {
                let (before, after) = marks.split_once('>').unwrap();
                Touched { path, before: mark(before), after: mark(after) }
            };
            read(text).into_iter().map(of).collect()
        };
        let own: Vec<(Sha, Vec<Touched>)> =
            commits.iter().map(|text| (sha('c'), touched(text))).collect();
        let stands = |(path, marks): (RepoPath, String)| Some((path, mark(&marks)?));
        let now: Tree = read(now).into_iter().filter_map(stands).collect();
        let planned = plan(&own, &now).map_err(|why| match why {
            NoUndo::Changed(paths) => {
                paths.iter().map(RepoPath::as_str).collect::<Vec<_>>().join(" ")
            }
            other => format!("{other:?}"),
        });
        let shown = planned.map(|undo| {
            let entry = |restored: &Restored| {
                let to = restored.to.as_ref().map_or("-", |(_, object)| &object.as_str()[..1]);
                format!("{}:{to}", restored.path)
            };
            undo.restored.iter().map(entry).collect::<Vec<_>>().join(" ")
        });
        assert_eq!(shown, expected.map(str::to_owned).map_err(str::to_owned), "{commits:?}");
    }

    #[test]
    fn what_only_we_have_changed_is_put_back() {
        check(&["f:a>b"], "f:b", Ok("f:a"));
        check(&["f:->b"], "f:b", Ok("f:-"));
        check(&["f:a>-"], "", Ok("f:a"));
        check(&["f:a>A"], "f:A", Ok("f:a"));
        check(&["f:a>b g:c>d"], "f:b g:d h:e", Ok("f:a g:c"));
        check(&["f:a>b", "f:b>c"], "f:c", Ok("f:a"));
        check(&["f:a>b", "g:a>b"], "f:b g:b", Ok("f:a g:a"));
    }

    #[test]
    fn nothing_is_put_back_where_somebody_has_changed_one_of_the_files() {
        check(&["f:a>b"], "f:c", Err("f"));
        check(&["f:a>b"], "", Err("f"));
        check(&["f:a>b"], "f:B", Err("f"));
        check(&["f:a>b g:c>d"], "f:b g:e", Err("g"));
        check(&["f:a>b", "f:c>d"], "f:d", Err("f"));
        check(&["f:a>-"], "f:/", Err("f"));
        check(&["d/f:a>-"], "d:e", Err("d/f"));
        check(&["d/f:a>-"], "d:/", Ok("d/f:a"));
    }

    #[test]
    fn what_is_as_it_was_needs_nothing() {
        check(&["f:a>b"], "f:a", Err("Nothing"));
        check(&["f:a>b", "f:b>a"], "f:a", Err("Nothing"));
        check(&["f:a>b g:c>d"], "f:a g:d", Ok("g:c"));
        check(&[], "f:a", Err("Nothing"));
    }

    fn commit(letter: char, author: u64, message: &str) -> PullCommit {
        PullCommit { sha: sha(letter), author: Some(UserId::new(author)), message: message.into() }
    }

    #[test]
    fn only_our_own_commits_are_ours_and_only_until_they_are_taken_back() {
        let attempt = format!("fix\n\n{}: att_{}; number=1", message::TRAILER, "0".repeat(32));
        let mona = Login::parse("mona").unwrap();
        let back = super::message(&[sha('b')], &mona);
        let found = |commits: &[PullCommit]| -> String {
            ours(commits, BOT).iter().map(|commit| &commit.sha.as_str()[..1]).collect()
        };
        let (theirs, one, two) =
            (commit('a', 1, "x"), commit('b', 7, &attempt), commit('c', 7, &attempt));
        assert_eq!(found(&[theirs.clone(), one.clone(), two.clone()]), "bc");
        assert_eq!(found(&[theirs.clone(), commit('b', 1, &attempt)]), "", "somebody's imitation");
        assert_eq!(found(&[theirs.clone(), commit('b', 7, "merge")]), "");
        assert_eq!(found(&[one.clone(), commit('d', 7, &back), two]), "c");
        assert_eq!(found(&[one, commit('d', 1, &back)]), "b", "only we say what we took back");
        assert_eq!(undone_at_head(&[theirs, commit('d', 7, &back)], BOT), Some(mona));
        assert_eq!(undone_at_head(&[commit('d', 1, &back)], BOT), None);
    }

    #[test]
    fn a_message_says_what_it_takes_back_and_who_asked() {
        let mona = Login::parse("mona").unwrap();
        let text = super::message(&[sha('b'), sha('c')], &mona);
        insta::assert_snapshot!(text, @r"
        Take back 2 commits, bbbbbbb to ccccccc

        Asked for by mona.

        This reverts commit bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.
        This reverts commit cccccccccccccccccccccccccccccccccccccccc.

        Selfheal-Undo: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb,cccccccccccccccccccccccccccccccccccccccc; by=mona
        ");
        assert_eq!(undone_by(&text), Some((vec![sha('b'), sha('c')], mona)));
        assert_eq!(undone_by("x\n\nSelfheal-Undo: zz; by=mona"), None);
    }

    #[test]
    fn a_refusal_names_the_files_that_somebody_has_changed() {
        let paths = |count: usize| (0..count).map(|at| path(&format!("f{at}"))).collect();
        let words = NoUndo::Changed(paths(2)).words();
        assert!(words.contains("`f0`, `f1` since"), "{words}");
        assert!(NoUndo::Changed(paths(9)).words().contains("and 4 more"));
    }
}
