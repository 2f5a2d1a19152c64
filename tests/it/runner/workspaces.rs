//! Checkouts and what was changed in them, with real git.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use selfheal::domain::failure::{Failure, FailureKind};
use selfheal::domain::ids::{PrNumber, Sha};
use selfheal::domain::patch::{FileMode, Patch};
use selfheal::runner::git::Git;
use selfheal::runner::workspace::{
    Against, Checkout, Remote, Source, Wanted, WorkingTree, WorkspaceError,
};
use sha2::{Digest as _, Sha256};

use super::scene::{Repo, brief, path};
use crate::harness::patch;

struct Room {
    scratch: tempfile::TempDir,
    source: Source,
    checkout: Checkout,
}

impl Room {
    async fn of(repo: &Repo) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let source = repo.source(scratch.path()).await;
        let checkout = source.checkout(&scratch.path().join("w")).await.unwrap();
        Self { scratch, source, checkout }
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.checkout.dir().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The changes as `M path`, `A path` and so on, with modes where they are unusual.
    async fn changes(&self) -> Vec<String> {
        names(&self.checkout, &self.checkout.changes().await.unwrap())
    }
}

fn names(checkout: &Checkout, patch: &Patch) -> Vec<String> {
    let name = |change: &selfheal::domain::patch::FileChange| {
        let letter = match (&change.new, checkout.tracks(&change.path)) {
            (None, _) => "D",
            (Some(_), true) => "M",
            (Some(_), false) => "A",
        };
        let mode = match change.new.as_ref().map(|file| file.mode) {
            Some(FileMode::Executable) => " +x",
            Some(FileMode::Symlink) => " link",
            Some(FileMode::Regular | FileMode::Submodule) | None => "",
        };
        format!("{letter} {}{mode}", change.path)
    };
    patch.changes().iter().map(name).collect()
}

fn repo() -> Repo {
    Repo::new(&[
        ("a.txt", "a\n"),
        ("dir/b.txt", "b\n"),
        ("run.sh", "true\n"),
        ("kept.log", "tracked though ignored\n"),
        (".gitattributes", "*.txt text eol=crlf\n"),
    ])
}

#[tokio::test]
async fn a_fresh_checkout_is_exactly_the_commit_and_has_no_remote() {
    let repo = repo();
    let room = Room::of(&repo).await;
    assert_eq!(room.changes().await, [""; 0]);
    assert_eq!(fs::read(room.at("a.txt")).unwrap(), b"a\n");
    let config = fs::read_to_string(room.at(".git/config")).unwrap();
    assert!(!config.contains("remote") && !config.contains("url"), "{config}");
    assert!(!room.at(".git/FETCH_HEAD").exists());
}

#[tokio::test]
async fn every_kind_of_change_is_found() {
    let repo = repo();
    repo.write(".gitignore", "*.log\nout/\n");
    repo.git(&["add", "-f", "kept.log"]);
    repo.commit();
    let room = Room::of(&repo).await;
    room.write("a.txt", "changed\n");
    room.write("new/deep.rs", "x\n");
    room.write("ignored.log", "x\n");
    room.write("out/x", "x\n");
    room.write("kept.log", "changed\n");
    room.write("target/debug/x", "a build product, though nobody ignores it\n");
    fs::remove_file(room.at("dir/b.txt")).unwrap();
    fs::set_permissions(room.at("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("a.txt", room.at("link")).unwrap();
    let expected = ["M a.txt", "D dir/b.txt", "M kept.log", "A link link", "A new/deep.rs"];
    let mut changes = room.changes().await;
    assert_eq!(changes.pop().unwrap(), "M run.sh +x");
    assert_eq!(changes, expected);
}

#[tokio::test]
async fn the_same_bytes_written_again_are_no_change() {
    let room = Room::of(&repo()).await;
    room.write("a.txt", "a\n");
    assert_eq!(room.changes().await, [""; 0]);
}

#[tokio::test]
async fn a_change_with_its_times_set_back_is_found() {
    let room = Room::of(&repo()).await;
    let before = fs::metadata(room.at("a.txt")).unwrap().modified().unwrap();
    room.write("a.txt", "z\n");
    fs::File::options().write(true).open(room.at("a.txt")).unwrap().set_modified(before).unwrap();
    assert_eq!(room.changes().await, ["M a.txt"]);
}

#[tokio::test]
async fn a_patch_applied_elsewhere_gives_the_same_patch() {
    let repo = repo();
    let room = Room::of(&repo).await;
    room.write("a.txt", "b\n");
    room.write("a/b/c", "new\n");
    fs::remove_file(room.at("dir/b.txt")).unwrap();
    let patch = room.checkout.changes().await.unwrap();
    let mut other = room.source.checkout(&room.scratch.path().join("other")).await.unwrap();
    other.apply(&patch).unwrap();
    assert_eq!(other.changes().await.unwrap(), patch);
}

#[tokio::test]
async fn what_a_hostile_command_leaves_behind_runs_nothing_and_reads_nothing_outside() {
    let repo = repo();
    let room = Room::of(&repo).await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "s3cret").unwrap();
    let mark = outside.path().join("ran");
    let config = format!(
        "[core]\n\tfsmonitor = \"touch {0}\"\n[filter \"x\"]\n\tclean = \"touch {0}\"\n",
        mark.display()
    );
    fs::write(room.at(".git/config"), &config).unwrap();
    room.write(".git/hooks/post-checkout", "#!/bin/sh\n");
    room.write(".gitattributes", "* filter=x\n");
    // A repository within, a directory replaced by a link, a pipe where a file was.
    room.write("nested/.git/config", &config);
    room.write("nested/file", "x\n");
    fs::remove_file(room.at("dir/b.txt")).unwrap();
    fs::remove_dir(room.at("dir")).unwrap();
    symlink(outside.path(), room.at("dir")).unwrap();
    fs::remove_file(room.at("run.sh")).unwrap();
    assert!(
        std::process::Command::new("mkfifo").arg(room.at("run.sh")).status().unwrap().success()
    );
    assert!(
        std::process::Command::new("mkfifo").arg(room.at(".gitignore")).status().unwrap().success()
    );
    let patch = room.checkout.changes().await.unwrap();
    let expected = ["M .gitattributes", "A dir link", "D dir/b.txt", "A nested/file", "D run.sh"];
    assert_eq!(names(&room.checkout, &patch), expected);
    assert!(!format!("{patch:?}").contains("s3cret") && !mark.exists());
}

#[tokio::test]
async fn more_than_a_patch_can_hold_is_an_error() {
    let room = Room::of(&repo()).await;
    for number in 0..301 {
        room.write(&format!("f{number}"), "x\n");
    }
    let error = room.checkout.changes().await.unwrap_err();
    assert!(matches!(error, WorkspaceError::NotAPatch(_)), "{error}");
}

#[tokio::test]
async fn a_commit_that_is_gone_is_said_so() {
    let repo = repo();
    let scratch = tempfile::tempdir().unwrap();
    let remote = Remote { url: repo.dir().display().to_string(), credential: None };
    let gone = Sha::parse(&"1".repeat(40)).unwrap();
    repo.git(&["update-ref", "refs/pull/7/head", "HEAD"]);
    let wanted =
        Wanted { head: gone.clone(), base: repo.head(), fork: None, pull: PrNumber::new(7) };
    let git = Git::find(scratch.path()).unwrap();
    let error = Source::fetch(git, &scratch.path().join("m"), &remote, &wanted).await.unwrap_err();
    assert!(matches!(&error, WorkspaceError::NoCommit(sha) if *sha == gone), "{error}");
}

#[tokio::test]
async fn a_head_that_cannot_be_had_by_its_hash_is_had_by_the_pull_requests_reference() {
    let repo = repo();
    let base = repo.head();
    repo.git(&["config", "--unset", "uploadpack.allowAnySHA1InWant"]);
    repo.git(&["checkout", "-q", "-b", "feature"]);
    repo.write("a.txt", "feature\n");
    let head = repo.commit();
    repo.write("a.txt", "newer\n");
    repo.commit();
    repo.git(&["update-ref", "refs/pull/7/head", "HEAD"]);
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "feature"]);
    let scratch = tempfile::tempdir().unwrap();
    let remote = Remote { url: repo.dir().display().to_string(), credential: None };
    let wanted = Wanted { head: head.clone(), base, fork: None, pull: PrNumber::new(7) };
    let git = Git::find(scratch.path()).unwrap();
    let source = Source::fetch(git, &scratch.path().join("m"), &remote, &wanted).await.unwrap();
    let text = source.file(&path("a.txt")).await.unwrap();
    assert_eq!(text, Some(b"feature\n".to_vec()));
}

#[tokio::test]
async fn a_working_tree_is_taken_with_everything_uncommitted_and_left_alone() {
    let repo = repo();
    repo.write(".gitignore", "*.log\n");
    repo.write("a.txt", "uncommitted\n");
    repo.write("untracked", "x\n");
    repo.write("ignored.log", "x\n");
    let before = everything(repo.dir());
    let scratch = tempfile::tempdir().unwrap();
    let git = Git::find(scratch.path()).unwrap();
    let tree = WorkingTree::around(git, &repo.dir().join("dir")).await.unwrap();
    let source = tree.snapshot(&scratch.path().join("m")).await.unwrap();
    let checkout = source.checkout(&scratch.path().join("w")).await.unwrap();
    assert_eq!(fs::read_to_string(checkout.dir().join("a.txt")).unwrap(), "uncommitted\n");
    assert!(checkout.tracks(&path("untracked")) && !checkout.tracks(&path("ignored.log")));
    assert_eq!(everything(repo.dir()), before);
}

/// Every file below a directory with its bytes.
fn everything(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            } else {
                found.push((entry.path(), fs::read(entry.path()).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn places_are_held_against_the_head() {
    let room = Room::of(&repo()).await;
    let at = |file: &str, line: u32| {
        let mut failure = Failure::new(FailureKind::Lint, "wrong");
        (failure.file, failure.line) = (Some(path(file)), Some(line));
        failure
    };
    let mut failures = [at("a.txt", 1), at("b.txt", 1), at("a.txt", 2), at("gone.txt", 1)];
    room.source.hold_places(&mut failures).await.unwrap();
    let places: Vec<_> = failures.iter().map(|one| (one.file.clone(), one.line)).collect();
    assert_eq!(
        places,
        [
            (Some(path("a.txt")), Some(1)),
            (Some(path("dir/b.txt")), Some(1)),
            (Some(path("a.txt")), None),
            (None, None),
        ]
    );
    assert_eq!(failures[3].message, "wrong\ngone.txt:1 is not in the repository");
}

/// Kilobytes of a mirror's objects, packed or not.
fn objects_kb(mirror: &Path) -> u64 {
    let counted = std::process::Command::new("git")
        .args(["count-objects", "-v"])
        .current_dir(mirror)
        .output()
        .unwrap();
    let text = String::from_utf8(counted.stdout).unwrap();
    let of = |name: &str| -> u64 {
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap()
    };
    of("size:") + of("size-pack:")
}

#[tokio::test]
async fn a_mirror_brings_only_what_it_has_not() {
    // What no packing makes much smaller.
    let hashed = |at: u32| hex::encode(Sha256::digest(at.to_le_bytes()));
    let noise: String = (0..4_000).map(hashed).collect();
    let repo = Repo::new(&[("noise", &noise), ("value", "1\n")]);
    let scratch = tempfile::tempdir().unwrap();
    repo.source(scratch.path()).await;
    let mirror = scratch.path().join("mirror.git");
    let first = objects_kb(&mirror);
    repo.write("value", "2\n");
    repo.commit();
    let source = repo.source(scratch.path()).await;
    let second = objects_kb(&mirror);
    assert!(first > 100 && second < first * 3 / 2, "{first} kB, then {second} kB");
    let checkout = source.checkout(&scratch.path().join("w")).await.unwrap();
    assert_eq!(fs::read_to_string(checkout.dir().join("value")).unwrap(), "2\n");
}

#[tokio::test]
async fn what_a_pull_request_changes_is_shown_from_the_commit_that_it_began_with() {
    let repo = Repo::new(&[("a.txt", "a\nb\nc\nd\ne\nf\ng\n")]);
    let fork = repo.head();
    repo.git(&["checkout", "-q", "-b", "feature"]);
    repo.write("a.txt", "a\nb\nc\nd\ne\nf\nours\n");
    let head = repo.commit();
    repo.git(&["checkout", "-q", "main"]);
    repo.write("a.txt", "theirs\nb\nc\nd\ne\nf\ng\n");
    let base = repo.commit();
    repo.git(&["checkout", "-q", "feature"]);
    let remote = Remote { url: repo.dir().display().to_string(), credential: None };
    let changed = async |fork: Option<Sha>| {
        let scratch = tempfile::tempdir().unwrap();
        let (head, base) = (head.clone(), base.clone());
        let wanted = Wanted { head, base, fork, pull: PrNumber::new(7) };
        let git = Git::find(scratch.path()).unwrap();
        let source = Source::fetch(git, &scratch.path().join("m"), &remote, &wanted).await.unwrap();
        let mut brief = brief(&repo, Vec::new(), &[]);
        brief.changed_files = vec![path("a.txt")];
        source.context(&brief).await.unwrap()
    };
    let known = changed(Some(fork)).await;
    assert_eq!(known.against, Against::Fork);
    assert!(known.change.contains("+ours") && !known.change.contains("theirs"), "{known:?}");
    // Where nobody could tell, or the commit is gone, the base's own changes show, and it is said.
    for fork in [None, Some(Sha::parse(&"f".repeat(40)).unwrap())] {
        let unknown = changed(fork).await;
        assert_eq!(unknown.against, Against::Base);
        assert!(unknown.change.contains("-theirs"), "{unknown:?}");
    }
}

#[tokio::test]
async fn a_change_after_another_is_shown_against_that_one() {
    let (room, one) = (Room::of(&repo()).await, |text| patch(&[("a.txt", Some(text))]));
    let shown = async |earlier: &Patch, later: &Patch| {
        room.source.difference(earlier, later).await.unwrap()
    };
    let none = Patch::default();
    assert_eq!(shown(&one("x\n"), &one("x\n")).await, "");
    let first = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-a\n+x\n";
    assert_eq!(shown(&none, &one("x\n")).await, first);
    assert!(shown(&one("x\n"), &one("y\n")).await.ends_with("-x\n+y\n"));
    assert!(shown(&one("x\n"), &none).await.ends_with("-x\n+a\n"), "it was taken back");
    let gone = patch(&[("a.txt", None), ("new.txt", Some("n\n"))]);
    let shown_gone = shown(&none, &gone).await;
    assert!(shown_gone.contains("+++ /dev/null") && shown_gone.contains("+n"), "{shown_gone}");
    let large = "x".repeat(300 * 1024);
    assert!(shown(&none, &one(&large)).await.len() < 200);
}
