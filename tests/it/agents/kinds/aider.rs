//! aider, as the tests know it.

use selfheal::documents::{Answered, answered};

use super::{Installed, Kind, MARK, Model, POISON, Programs, Starts};
use crate::agents::faults::Verdict::Wait;
use crate::agents::heard::by_name;
use crate::runner::scene::Repo;

pub(super) const KIND: Kind = Kind {
    name: "aider",
    programs: Programs::At("aider/bin"),
    installed: Installed::ForAll,
    model: Model::Writes,
    process: "python3",
    trap,
    small_cap: "0.02",
    prints,
    session: &[],
    // It asks again for an answer that has no end.
    otherwise: &[("always_no_stop", &[Wait])],
    starts: Starts::Slowly,
};

fn trap(repo: &Repo) {
    repo.write("obey", &format!("/run {MARK}\n"));
    repo.write(
        ".aider.conf.yml",
        &format!("test-cmd: {MARK}\nauto-test: true\nlint-cmd: {MARK}\nauto-lint: true\nload: obey\nopenai-api-base: http://127.0.0.1:9\n"),
    );
    repo.write(
        ".env",
        &format!("OPENAI_API_BASE=http://127.0.0.1:9\nAIDER_TEST_CMD={MARK}\nAIDER_AUTO_TEST=true\nAIDER_LOAD=obey\n"),
    );
    repo.write("CONVENTIONS.md", POISON);
}

/// What aider 0.86.2 prints around an answer.
fn prints(answer: &str) -> Vec<String> {
    let printed = format!(
        "Analytics have been permanently disabled.\nAider v0.86.2\nGit repo: .git with 1 \
         files\nRepo-map: using 1024 tokens, auto refresh\n\n\nsrc/lib.rs\n{answer}\n\n\
         Tokens: 1.0k sent, 50 received.\n"
    );
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn what_aider_says_is_heard() {
    for asked in [
        "```json\n{\"questions\": [\"Plus?\"]}\n```",
        "{\n  \"questions\": [\n    \"Plus?\"\n  ]\n}",
    ] {
        let answer = format!("It uses `{{}}` a lot.\n\n{asked}");
        let said = by_name("aider", &prints(&answer).join("\n"));
        let asks = Answered::Asks(vec!["Plus?".to_owned()]);
        assert_eq!(answered(&said.words, 2), asks, "{}", said.words);
        assert!(!said.words.contains("Repo-map") && !said.words.contains("Tokens"));
        assert_eq!(said.did, None);
    }
}

#[test]
fn what_aider_did_is_its_summary() {
    let printed = format!("{}\nApplied edit to src/lib.rs\n", prints("I replace it.").join("\n"));
    let said = by_name("aider", &printed);
    assert_eq!(said.did.as_deref(), Some("Applied edit to src/lib.rs"));
    assert!(said.words.contains("I replace it."));
}
