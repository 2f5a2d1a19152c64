//! The rules of the patch itself: paths, modes, kinds of content, size, proof and standing. Each has
//! a patch that it alone stops, and ordinary repairs are stopped by none.

use selfheal::domain::autonomy::{Level, Standing};
use selfheal::domain::gate::patch::{PatchToJudge, RULES, judge};
use selfheal::domain::gate::{Answer, Verdict};
use selfheal::domain::ids::{RepoPath, Sha};
use selfheal::domain::outcome::{CommandRun, Ended, Proof};
use selfheal::domain::patch::{Content, FileChange, FileMode, NewFile, Patch};
use selfheal::domain::policy::Policy;
use selfheal::domain::pull::BaseFile;

/// A patch with a proof that nothing speaks against.
pub(super) struct Proved {
    /// What changes.
    pub(super) patch: Patch,
    /// The files of the base.
    pub(super) base: Vec<BaseFile>,
    /// What was proved.
    pub(super) proof: Proof,
    /// The record of its class.
    pub(super) autonomy: Option<Standing>,
}

impl Proved {
    /// A patch that was red before and green after.
    pub(super) fn of(patch: Patch) -> Self {
        let run = |code| CommandRun {
            command: "test".into(),
            ended: Ended::Exit(code),
            duration_ms: 1,
            output_tail: String::new(),
        };
        let proof = Proof {
            head: head(),
            patch_digest: patch.digest(),
            before: vec![run(1)],
            after: vec![run(0)],
            set_aside: Vec::new(),
            tests: Vec::new(),
            coverage: Vec::new(),
        };
        Self { patch, base: Vec::new(), proof, autonomy: None }
    }

    fn changing(changes: Vec<FileChange>) -> Self {
        Self::of(Patch::new(changes).unwrap())
    }

    fn onto(mut self, path: &str, mode: FileMode) -> Self {
        let path = RepoPath::parse(path).unwrap();
        self.base.push(BaseFile { path, mode, text: Some("old\n".into()), size: 4 });
        self
    }

    fn with(mut self, spoil: impl FnOnce(&mut Self)) -> Self {
        spoil(&mut self);
        self
    }
}

fn head() -> Sha {
    Sha::parse(&"a".repeat(40)).unwrap()
}

/// What the gate says of it.
pub(super) fn judged(proved: &Proved) -> Verdict {
    judge(&PatchToJudge {
        patch: &proved.patch,
        base: &proved.base,
        proof: &proved.proof,
        proof_runs: 1,
        head: &head(),
        policy: &Policy::default(),
        content: Vec::new(),
        autonomy: proved.autonomy.as_ref(),
        failed: None,
    })
}

fn write(path: &str, mode: FileMode, content: &[u8]) -> FileChange {
    let new = Some(NewFile { mode, content: Content::new(content) });
    FileChange { path: RepoPath::parse(path).unwrap(), new }
}

fn text(path: &str) -> FileChange {
    write(path, FileMode::Regular, b"new\n")
}

/// Patches that exactly one rule stops, each with the rule.
fn stopped() -> Vec<(&'static str, Proved)> {
    let one = || Proved::changing(vec![text("src/a.rs")]);
    let many: Vec<FileChange> = (0..60).map(|at| text(&format!("src/f{at}.rs"))).collect();
    let long = "x\n".repeat(1_500);
    let large = "x".repeat(900_000);
    let watched = Standing {
        class: "lint",
        level: Level::Observe,
        most: Level::Commit,
        because: "too few so far".into(),
        changes: Vec::new(),
    };
    let module = "a".repeat(40);
    let mode = |mode| write("tool.sh", mode, b"new\n");
    vec![
        ("empty-patch", Proved::changing(Vec::new())),
        ("proof", one().with(|it| it.proof.before.clear())),
        ("proof", one().with(|it| it.proof.head = Sha::parse(&"b".repeat(40)).unwrap())),
        ("proof", one().with(|it| it.proof.patch_digest = "another".into())),
        ("proof-runs", one()),
        ("autonomy", one().with(|it| it.autonomy = Some(watched))),
        ("protected-path", Proved::changing(vec![text(".github/workflows/ci.yml")])),
        ("protected-path", Proved::changing(vec![text("Cargo.lock")])),
        ("protected-path", Proved::changing(vec![text(".github/CODEOWNERS")])),
        ("symlink", Proved::changing(vec![write("src/a.rs", FileMode::Symlink, b"/etc/passwd")])),
        (
            "submodule",
            Proved::changing(vec![write("module", FileMode::Submodule, module.as_bytes())]),
        ),
        ("mode", Proved::changing(vec![mode(FileMode::Executable)])),
        (
            "mode",
            Proved::changing(vec![mode(FileMode::Regular)]).onto("tool.sh", FileMode::Executable),
        ),
        ("binary", Proved::changing(vec![write("src/a.dat", FileMode::Regular, b"\0\x01\x02")])),
        ("snapshot", Proved::changing(vec![text("src/snapshots/a.snap")])),
        ("size-files", Proved::changing(many)),
        ("size-lines", Proved::changing(vec![write("a.txt", FileMode::Regular, long.as_bytes())])),
        ("size-bytes", Proved::changing(vec![write("a.txt", FileMode::Regular, large.as_bytes())])),
    ]
}

#[test]
fn each_rule_of_a_patch_has_one_that_it_alone_stops() {
    let cases = stopped();
    for (rule, proved) in &cases {
        let verdict = if *rule == "proof-runs" { seldom(proved) } else { judged(proved) };
        let stopping: Vec<&str> = verdict.findings().iter().map(|found| found.rule).collect();
        assert_eq!(stopping, [*rule], "{verdict:?}");
        assert_ne!(verdict.answer(), Answer::Allow, "{verdict:?}");
    }
    for rule in RULES {
        assert!(cases.iter().any(|(id, _)| *id == rule.id), "no patch needs `{}`", rule.id);
    }
}

/// What the gate says where it wants more green runs than there were.
fn seldom(proved: &Proved) -> Verdict {
    judge(&PatchToJudge {
        patch: &proved.patch,
        base: &proved.base,
        proof: &proved.proof,
        proof_runs: 3,
        head: &head(),
        policy: &Policy::default(),
        content: Vec::new(),
        autonomy: None,
        failed: None,
    })
}

#[test]
fn ordinary_repairs_are_stopped_by_no_rule_of_a_patch() {
    let ordinary = [
        Proved::changing(vec![text("src/a.rs")]).onto("src/a.rs", FileMode::Regular),
        Proved::changing(vec![text("src/new.rs")]),
        Proved::changing(vec![FileChange {
            path: RepoPath::parse("src/old.rs").unwrap(),
            new: None,
        }])
        .onto("src/old.rs", FileMode::Regular),
        Proved::changing(vec![write("tool.sh", FileMode::Executable, b"new\n")])
            .onto("tool.sh", FileMode::Executable),
        Proved::changing(vec![text("docs/guide.md"), text("tests/guide.rs")]),
        Proved::changing((0..8).map(|at| text(&format!("src/f{at}.rs"))).collect()),
    ];
    for proved in &ordinary {
        let verdict = judged(proved);
        assert_eq!(verdict.answer(), Answer::Allow, "{verdict:?}");
    }
}
