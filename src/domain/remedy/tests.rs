//! What applies where, and who is offered what.

use uuid::Uuid;

use super::*;
use crate::domain::patch::{Content, FileChange, FileMode, NewFile, Patch};
use crate::domain::pull::BaseFile;

const OLD: &str = "use std::fmt;\n\npub fn two() -> u32 {\n    return 1 + 1;\n}\n";
const NEW: &str = "use std::fmt;\n\npub fn two() -> u32 {\n    1 + 1\n}\n";

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn file(path_of: &str, text: &str) -> BaseFile {
    let (path, text) = (path(path_of), Some(text.to_owned()));
    BaseFile { path, mode: FileMode::Regular, text, size: 0 }
}

fn patch(files: &[(&str, Option<&str>)]) -> Patch {
    let change = |(name, text): &(&str, Option<&str>)| FileChange {
        path: path(name),
        new: text.map(|text| NewFile { mode: FileMode::Regular, content: Content::new(text) }),
    };
    Patch::new(files.iter().map(change).collect()).unwrap()
}

/// The edits from [`OLD`] to [`NEW`], applied to another text.
#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    let edits = edits(&patch(&[("a.rs", Some(NEW))]), &[file("a.rs", OLD)]).unwrap();
    let read = |_: &RepoPath| Ok::<_, ()>(Some(text.to_owned()));
    let done = apply(&edits, read).map(|mut files| files.remove(0).1);
    assert_eq!(done.as_deref(), expected, "{text:?}");
}

#[test]
fn an_edit_applies_where_its_lines_are_found_once() {
    check(OLD, Some(NEW));
    let moved = |text: &str| format!("// a word before\n\n{text}\nfn more() {{}}\n");
    check(&moved(OLD), Some(&moved(NEW)));
    let other = "fn three() -> u32 {\n    return 1 + 1;\n}\n";
    check(other, Some("fn three() -> u32 {\n    1 + 1\n}\n"));
    check("fn three() -> u32 {\n    return 1 + 2;\n}\n", None);
    check(NEW, None);
    check(&OLD.replace('\n', "\r\n"), None);
    check("", None);
}

#[test]
fn an_edit_whose_place_is_not_certain_changes_nothing() {
    check(&format!("{OLD}{OLD}"), None);
    check(
        &format!("{OLD}fn x() -> u32 {{\n    return 1 + 1;\n}}\n"),
        Some(&format!("{NEW}fn x() -> u32 {{\n    return 1 + 1;\n}}\n")),
    );
    check("a\n    return 1 + 1;\nb\n    return 1 + 1;\n", None);
    // A line that says nothing is no place.
    let brace = edits(&patch(&[("a", Some("}\n"))]), &[file("a", "}\n}\n")]).unwrap();
    let read = |_: &RepoPath| Ok::<_, ()>(Some("}\n}\n".to_owned()));
    assert_eq!(apply(&brace, read), None);
}

#[test]
fn several_edits_apply_together_or_not_at_all() {
    let new = [("a.rs", Some(NEW)), ("made.txt", Some("made\n"))];
    let edits = edits(&patch(&new), &[file("a.rs", OLD)]).unwrap();
    let with = |known: &[(&str, &str)]| {
        let known: Vec<(RepoPath, String)> =
            known.iter().map(|(name, text)| (path(name), (*text).to_owned())).collect();
        let text = |wanted: &RepoPath| known.iter().find(|(name, _)| name == wanted).cloned();
        apply(&edits, |wanted| Ok::<_, ()>(text(wanted).map(|(_, text)| text)))
    };
    let both = [(path("a.rs"), NEW.to_owned()), (path("made.txt"), "made\n".to_owned())];
    assert_eq!(with(&[("a.rs", OLD)]), Some(both.to_vec()));
    assert_eq!(with(&[("a.rs", OLD), ("made.txt", "theirs\n")]), None);
    assert_eq!(with(&[]), None);
    assert_eq!(apply(&edits, |_| Err("not text")), None);
}

#[test]
fn two_places_that_grew_together_are_not_guessed_apart() {
    let old = "let first = one();\nlet middle = two();\nlet last = three();\n";
    let new = "let first = 1;\nlet middle = two();\nlet last = 3;\n";
    let edits = edits(&patch(&[("a", Some(new))]), &[file("a", old)]).unwrap();
    let on = |text: &str| {
        apply(&edits, |_| Ok::<_, ()>(Some(text.to_owned()))).map(|mut all| all.remove(0).1)
    };
    assert_eq!(on(old).as_deref(), Some(new));
    let apart = "let last = three();\nlet first = one();\n";
    assert_eq!(on(apart).as_deref(), Some("let last = 3;\nlet first = 1;\n"));
    assert_eq!(on("let first = one();\n"), None);
}

#[test]
fn what_is_no_small_change_of_text_is_no_remedy() {
    let none = |new: &[(&str, Option<&str>)], base: &[BaseFile]| {
        assert_eq!(edits(&patch(new), base), None, "{new:?}");
    };
    none(&[], &[]);
    none(&[("a", None)], &[file("a", "a\n")]);
    none(&[("a", Some("\0"))], &[file("a", "a\n")]);
    none(&[("a", Some("b\n"))], &[BaseFile { text: None, ..file("a", "") }]);
    none(&[("a", Some("b\n"))], &[BaseFile { mode: FileMode::Symlink, ..file("a", "a") }]);
    let long = "x\n".repeat(BYTES_MAX);
    none(&[("a", Some(&long))], &[]);
    let names: Vec<String> = (0..=FILES_MAX).map(|nth| format!("f{nth}")).collect();
    let many: Vec<(&str, Option<&str>)> =
        names.iter().map(|name| (name.as_str(), Some("a\n"))).collect();
    none(&many, &[]);
    assert!(edits(&patch(&many[..FILES_MAX]), &[]).is_some());
}

fn failure(message: &str, file: &str) -> Failure {
    Failure { file: RepoPath::parse(file).ok(), ..Failure::new(FailureKind::Lint, message) }
}

/// A remedy for `return` in `src/a.rs`, filed by owner 1 in repository 10.
fn remedy(nth: u128, change: impl FnOnce(&mut Remedy)) -> Remedy {
    let edits = edits(&patch(&[("src/a.rs", Some(NEW))]), &[file("src/a.rs", OLD)]).unwrap();
    let mut remedy = Remedy {
        id: AttemptId::new(Uuid::from_u128(nth)),
        owner: InstallationId::new(1),
        repo: RepoId::new(10),
        slug: RepoSlug::parse("acme/widget").unwrap(),
        number: PrNumber::new(12),
        commit: Sha::parse(&"c".repeat(40)).unwrap(),
        shared: true,
        body: Body { cures: cures(&[failure("needless return", "src/a.rs")]), edits },
        filed_at: Timestamp::from_millis(nth.try_into().unwrap()),
        heals: 0,
        in_vain: 0,
    };
    change(&mut remedy);
    remedy
}

/// What of these is offered to repository 10 of owner 1 for a failure.
fn offered(known: &[Remedy], allowed: Remedies, now: &[Failure]) -> Vec<Offer> {
    let (owner, repo) = (InstallationId::new(1), RepoId::new(10));
    let failed = cures(now);
    offers(known, &Taker { owner, repo, allowed, failed: &failed })
}

fn ids(offers: &[Offer]) -> Vec<AttemptId> {
    offers.iter().map(|offer| offer.remedy).collect()
}

#[test]
fn the_same_failure_is_offered_what_healed_it() {
    let now = [failure("unused", "b.rs"), failure("needless return", "src/a.rs")];
    let offers = offered(&[remedy(1, |_| {})], Remedies::Repository, &now);
    assert_eq!(offers[0].from, "pull request 12 of acme/widget (ccccccc)");
    assert_eq!(offers[0].edits[0].path, path("src/a.rs"));
    assert_eq!(offered(&[remedy(1, |_| {})], Remedies::Repository, &now[..1]), []);
}

#[test]
fn the_same_fault_in_another_file_is_mended_there() {
    let now = [failure("needless return", "src/b.rs")];
    let offers = offered(&[remedy(1, |_| {})], Remedies::Repository, &now);
    assert_eq!(offers[0].edits[0].path, path("src/b.rs"));
    let elsewhere = remedy(1, |it| it.body.edits[0].path = path("lint.toml"));
    let offers = offered(&[elsewhere], Remedies::Repository, &now);
    assert_eq!(offers[0].edits[0].path, path("lint.toml"), "a fix elsewhere stays where it is");
}

#[test]
fn what_nobody_understood_is_never_the_same() {
    let unknown = Failure::new(FailureKind::Unknown, "Process completed with exit code 1.");
    let machine = Failure::new(FailureKind::Infrastructure, "The runner was lost");
    assert_eq!(cures(&[unknown, machine]), []);
}

#[test]
fn a_remedy_never_serves_another_owner() {
    let now = [failure("needless return", "src/a.rs")];
    for repo in [10, 11] {
        let theirs = remedy(1, |it| {
            it.owner = InstallationId::new(2);
            it.repo = RepoId::new(repo);
        });
        for allowed in [Remedies::Owner, Remedies::Repository, Remedies::None] {
            assert_eq!(offered(std::slice::from_ref(&theirs), allowed, &now), [], "{allowed:?}");
        }
    }
}

#[test]
fn another_repository_of_the_owner_is_served_only_where_both_want_it() {
    let now = [failure("needless return", "src/a.rs")];
    let shared = remedy(1, |it| it.repo = RepoId::new(11));
    let kept = remedy(2, |it| (it.repo, it.shared) = (RepoId::new(11), false));
    let both = [shared, kept];
    assert_eq!(ids(&offered(&both, Remedies::Owner, &now)), [both[0].id]);
    assert_eq!(offered(&both, Remedies::Repository, &now), []);
    let own = remedy(3, |it| it.shared = false);
    assert_eq!(offered(std::slice::from_ref(&own), Remedies::None, &now), []);
    assert_eq!(ids(&offered(&[own], Remedies::Repository, &now)).len(), 1);
}

#[test]
fn what_is_tried_in_vain_is_tried_no_more() {
    let now = [failure("needless return", "src/a.rs")];
    let with = |heals, in_vain| {
        let known = remedy(1, |it| (it.heals, it.in_vain) = (heals, in_vain));
        !offered(&[known], Remedies::Repository, &now).is_empty()
    };
    assert!(with(0, IN_VAIN_MAX - 1) && with(2, IN_VAIN_MAX + 1));
    assert!(!with(0, IN_VAIN_MAX) && !with(2, IN_VAIN_MAX + 2));
}

#[test]
fn the_most_promising_come_first_and_the_same_fix_once() {
    let now = [failure("needless return", "src/a.rs")];
    let named = |it: &mut Remedy, text: &str| {
        let Change::At(hunks) = &mut it.body.edits[0].change else { panic!("{it:?}") };
        hunks[0].new = vec![format!("    {text}\n")];
    };
    let like = remedy(1, |it| {
        it.body.cures[0].fingerprint = failure("x", "y").fingerprint();
        named(it, "like");
    });
    let far = remedy(2, |it| {
        it.repo = RepoId::new(11);
        named(it, "far");
    });
    let proven = remedy(3, |it| {
        it.heals = 2;
        named(it, "proven");
    });
    let fresh = remedy(4, |it| named(it, "fresh"));
    let twin = remedy(5, |it| named(it, "proven"));
    let known = [like, far, fresh, twin, proven];
    let wanted = [known[4].id, known[2].id, known[1].id];
    assert_eq!(ids(&offered(&known, Remedies::Owner, &now)), wanted);
}

#[test]
fn a_remedy_is_known_among_fixers() {
    let id = AttemptId::new(Uuid::from_u128(7));
    assert_eq!(remedy_of(&fixer_of(id)), Some(id));
    assert_eq!(remedy_of("recipe:rustfmt"), None);
    assert_eq!(remedy_of("remedy:something"), None);
}
