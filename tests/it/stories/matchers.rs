//! A repository's own problem matchers, read from the base commit alone.

use world::Pull;

use super::events::closes;
use super::reading::{ci_says, red, under};
use super::{BAD, at_head, widget};
use crate::harness::Tester;

/// Problem matchers for what a team's own tool prints.
fn matchers(regexp: &str) -> String {
    format!(
        r#"{{"problemMatcher": [{{"owner": "width", "pattern": [{{
            "regexp": "{regexp}", "file": 1, "line": 2, "message": 3
        }}]}}]}}"#
    )
}

/// What that tool prints; no rule of ours knows it.
const WIDE_LOG: &str = "WIDE src/lib.rs 1 beyond column 80\n";

/// The check run of a pull request whose base branch holds these files.
async fn told_on(base: &[(&str, &str)], head: &[(&str, &str)]) -> (Tester, Pull, String) {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let base: Vec<_> = base.iter().map(|(path, text)| (*path, Some(*text))).collect();
    t.world.push_to(&repository, "main", "mona", &base).await.unwrap();
    ci_says(&t, &repository, red(WIDE_LOG));
    let head: Vec<_> = head.iter().map(|(path, text)| (*path, Some(*text))).collect();
    let pull = t.world.pull_request(&repository).by("mona").files(&head).open().await.unwrap();
    t.settle_with_ci().await;
    let text = at_head(&t, &pull, &t.check(&pull));
    (t, pull, text)
}

const USUAL: &str = ".github/problem-matchers/width.json";

#[tokio::test]
async fn a_repositorys_own_problem_matchers_read_its_logs() {
    let own = matchers(r"^WIDE (\\S+) (\\d+) (.+)$");
    let (t, pull, text) = told_on(&[(USUAL, &own)], &[("src/lib.rs", BAD)]).await;
    assert_eq!(under(&text, "What failed")[2], "| `src/lib.rs:1` | width: beyond column 80 |");
    let file = format!("- problem matchers in {USUAL} on main");
    assert_eq!(under(&text, "Read from"), [file.as_str(), "- ci / test: log"], "{text}");
    assert!(text.ends_with("src/lib.rs:1 failure beyond column 80"), "{text}");
    closes(t, &pull).await;

    let policy = "version: 1\nevidence:\n  matchers: [tools/width.json]\n";
    let base = [(".github/selfheal.yml", policy), ("tools/width.json", own.as_str())];
    let (t, pull, text) = told_on(&base, &[("src/lib.rs", BAD)]).await;
    assert_eq!(under(&text, "What failed")[2], "| `src/lib.rs:1` | width: beyond column 80 |");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_pull_request_does_not_choose_how_its_logs_are_read() {
    let (ours, theirs) = (matchers("^never (.) (.) (.)$"), matchers(r"^WIDE (\\S+) (\\d+) (.+)$"));
    let policy = "version: 1\nevidence:\n  matchers: [mine.json]\n";
    let head = [(USUAL, theirs.as_str()), ("mine.json", &theirs), (".github/selfheal.yml", policy)];
    let (t, pull, text) = told_on(&[(USUAL, &ours)], &head).await;
    assert!(!text.contains("width:"), "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn problem_matchers_that_cannot_be_used_are_said_and_the_log_is_read() {
    let own = matchers(r"^WIDE (\\S+) (\\d+) (.+)$");
    let back = matchers(r"^(.)\\1 (.) (.)$");
    let base = [
        (".github/a-matcher.json", "{"),
        (".github/b-matcher.json", back.as_str()),
        (".github/c-matcher.json", own.as_str()),
    ];
    let (t, pull, text) = told_on(&base, &[("src/lib.rs", BAD)]).await;
    assert_eq!(under(&text, "What failed")[2], "| `src/lib.rs:1` | width: beyond column 80 |");
    let notes = under(&text, "Notes");
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("a-matcher.json on main: the file is no JSON"), "{notes:?}");
    assert!(notes[1].contains("b-matcher.json on main: "), "{notes:?}");
    assert!(notes[1].contains("backreferences are not supported"), "{notes:?}");
    closes(t, &pull).await;
}
