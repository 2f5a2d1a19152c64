//! The gate on the patch: whether what a fixer made may be committed.
//!
//! The patch is whole files and the base is the forge's own tree, so nothing is parsed that a fixer
//! could have shaped. A rename is a deletion and an addition here, so both names are judged.

use similar::ChangeTag;

use super::reach::{self, Failed};
use super::{Finding, Rule, Verdict, Weight, behaviour};
use crate::domain::autonomy::{Level, Standing};
use crate::domain::diff::by_lines;
use crate::domain::ids::Sha;
use crate::domain::outcome::Proof;
use crate::domain::patch::{FileChange, FileMode, NewFile, Patch};
use crate::domain::policy::Policy;
use crate::domain::protected::Protection;
use crate::domain::pull::BaseFile;

/// What the gate looks at on a patch.
#[derive(Debug)]
pub struct PatchToJudge<'a> {
    /// What shall be committed.
    pub patch: &'a Patch,
    /// The files of the base that the patch names, as the forge has them.
    pub base: &'a [BaseFile],
    /// What the runner proved.
    pub proof: &'a Proof,
    /// How often what was red has to be green in it.
    pub proof_runs: u8,
    /// The commit that it would be committed on.
    pub head: &'a Sha,
    /// The repository's policy.
    pub policy: &'a Policy,
    /// What the rules about content found in it (`weakening`), which read more than this module may.
    pub content: Vec<Finding>,
    /// How much is done without a person, where there is a record.
    pub autonomy: Option<&'a Standing>,
    /// What it shall mend, where that is known.
    pub failed: Option<Failed<'a>>,
}

/// Every rule of this gate.
pub const RULES: &[Rule] = &[
    Rule { id: "empty-patch", about: "A patch changes something." },
    Rule {
        id: "proof",
        about: "The proof is red before and green after, for this patch and head.",
    },
    Rule {
        id: "proof-runs",
        about: "What failed has been green as often as its history of flaking asks for; a proof \
                that had no time for that waits for a person.",
    },
    Rule {
        id: "autonomy",
        about: "A fix of a class that has not earned to be committed here waits for a person.",
    },
    Rule { id: "protected-path", about: "Protected paths are refused or wait for a person." },
    Rule { id: "symlink", about: "Symbolic links are neither made, changed nor replaced." },
    Rule { id: "submodule", about: "Submodules are neither made, changed nor replaced." },
    Rule { id: "mode", about: "A change of a file's mode waits for a person." },
    Rule { id: "binary", about: "Binary content waits for a person." },
    Rule { id: "snapshot", about: "Changed test snapshots wait for a person." },
    Rule { id: "size-files", about: "No more files than the policy allows." },
    Rule { id: "size-lines", about: "No more changed lines than the policy allows." },
    Rule { id: "size-bytes", about: "No more new content than the policy allows." },
];

/// Judges whether a patch may be committed.
pub fn judge(input: &PatchToJudge<'_>) -> Verdict {
    let mut findings = Vec::new();
    if input.patch.is_empty() {
        findings.push(Finding::new("empty-patch", Weight::Refuse, "the patch changes nothing"));
    }
    findings.extend(about_proof(input));
    findings.extend(about_runs(input));
    findings.extend(about_autonomy(input));
    findings.extend(behaviour::of_proof(input.proof));
    findings.extend(of_changes(input.policy, input.patch.changes(), input.base));
    let size = about_size(input);
    // What is too large in itself is not measured against what failed, too.
    if let Some(failed) = input.failed.as_ref().filter(|_| size.is_empty()) {
        findings.extend(reach::of_reach(failed, input.patch.changes(), input.base));
    }
    findings.extend(size);
    findings.extend(input.content.iter().cloned());
    Verdict::new(input.policy.gate.applied(findings))
}

/// What is found in changes whoever made them: paths, modes, kinds of content.
pub fn of_changes(policy: &Policy, changes: &[FileChange], base: &[BaseFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for change in changes {
        let old = base.iter().find(|file| file.path == change.path);
        findings.extend(about_path(policy, change));
        findings.extend(about_modes(change, old));
        findings.extend(about_content(change, old));
    }
    findings
}

fn about_proof(input: &PatchToJudge<'_>) -> Option<Finding> {
    let refuse = |message: &str| Some(Finding::new("proof", Weight::Refuse, message));
    let proof = input.proof;
    if proof.head != *input.head {
        return refuse("the proof was made at another commit");
    }
    if proof.patch_digest != input.patch.digest() {
        return refuse("the proof was made for another patch");
    }
    if !proof.is_red_to_green() {
        return refuse("the proof does not show red before and green after");
    }
    None
}

fn about_runs(input: &PatchToJudge<'_>) -> Option<Finding> {
    let (green, wanted) = (input.proof.green_runs(), usize::from(input.proof_runs));
    // One that was never green is no proof at all, which is said already.
    (0 < green && green < wanted).then(|| {
        let message = format!(
            "what failed was green {green} times with the patch; it has flaked before, so {wanted} \
             times are asked for"
        );
        Finding::new("proof-runs", Weight::Hold, message)
    })
}

fn about_autonomy(input: &PatchToJudge<'_>) -> Option<Finding> {
    let standing = input.autonomy.filter(|standing| standing.level < Level::Commit)?;
    Some(Finding::new("autonomy", Weight::Hold, standing.words()))
}

fn about_path(policy: &Policy, change: &FileChange) -> Option<Finding> {
    let guard = policy.protected.guard_of(&change.path)?;
    let weight = match guard.protection {
        Protection::Hold => Weight::Hold,
        Protection::Refuse => Weight::Refuse,
    };
    let message = format!("`{}` {} (`{}`)", change.path, guard.why, guard.pattern);
    Some(Finding::new("protected-path", weight, message).at(&change.path))
}

fn about_modes(change: &FileChange, old: Option<&BaseFile>) -> Vec<Finding> {
    let old_mode = old.map(|file| file.mode);
    let new_mode = change.new.as_ref().map(|file| file.mode);
    let path = &change.path;
    let mut findings = Vec::new();
    let involved = |mode: FileMode| old_mode == Some(mode) || new_mode == Some(mode);
    if involved(FileMode::Symlink) {
        let message = format!("`{path}` is or becomes a symbolic link");
        findings.push(Finding::new("symlink", Weight::Refuse, message).at(path));
    }
    if involved(FileMode::Submodule) {
        let message = format!("`{path}` is or becomes a submodule");
        findings.push(Finding::new("submodule", Weight::Refuse, message).at(path));
    }
    let becomes_executable = new_mode == Some(FileMode::Executable) && old_mode != new_mode;
    let changes_mode = matches!((old_mode, new_mode), (Some(old), Some(new)) if old != new);
    if becomes_executable || changes_mode {
        let message = format!(
            "the mode of `{path}` changes from {} to {}",
            old_mode.map_or("nothing", FileMode::as_str),
            new_mode.map_or("nothing", FileMode::as_str)
        );
        findings.push(Finding::new("mode", Weight::Hold, message).at(path));
    }
    findings
}

/// Paths whose content is a recorded expectation: changing one changes what the tests ask for.
const SNAPSHOT_MARKS: [&str; 5] = [".snap", ".snapshot", "__snapshots__/", "/snapshots/", ".ambr"];

fn about_content(change: &FileChange, old: Option<&BaseFile>) -> Vec<Finding> {
    let path = &change.path;
    let mut findings = Vec::new();
    let new_is_binary = change.new.as_ref().is_some_and(|file| file.content.text().is_none());
    let old_is_binary = old.is_some_and(|file| {
        file.text.is_none() && matches!(file.mode, FileMode::Regular | FileMode::Executable)
    });
    if new_is_binary || old_is_binary {
        let message = format!("`{path}` is binary, or too large to be compared");
        findings.push(Finding::new("binary", Weight::Hold, message).at(path));
    }
    let lower = path.as_str().to_lowercase();
    if SNAPSHOT_MARKS.iter().any(|mark| lower.contains(mark)) {
        let message = format!("`{path}` is a test snapshot: what tests expect would change");
        findings.push(Finding::new("snapshot", Weight::Hold, message).at(path));
    }
    findings
}

fn about_size(input: &PatchToJudge<'_>) -> Vec<Finding> {
    let limits = input.policy.size;
    let files = input.patch.changes().len();
    let bytes: u64 = input
        .patch
        .changes()
        .iter()
        .filter_map(|change| change.new.as_ref())
        .map(|file| file.content.bytes().len() as u64)
        .sum();
    let mut findings = Vec::new();
    if files > limits.files_max as usize {
        // Lines are not counted then: that takes time for each file.
        let message = format!("{files} files change, the limit is {}", limits.files_max);
        return vec![Finding::new("size-files", Weight::Refuse, message)];
    }
    let lines = changed_lines(input.patch, input.base);
    if lines > u64::from(limits.lines_max) {
        let message = format!("{lines} lines change, the limit is {}", limits.lines_max);
        findings.push(Finding::new("size-lines", Weight::Refuse, message));
    }
    if bytes > limits.bytes_max {
        let message = format!("{bytes} bytes of new content, the limit is {}", limits.bytes_max);
        findings.push(Finding::new("size-bytes", Weight::Refuse, message));
    }
    findings
}

/// Lines added and removed together; binary content counts none.
fn changed_lines(patch: &Patch, base: &[BaseFile]) -> u64 {
    patch.changes().iter().map(|change| lines_of(change, base)).sum()
}

/// Lines that a patch adds to a file and removes from it together; of binary content none.
pub(super) fn lines_of(change: &FileChange, base: &[BaseFile]) -> u64 {
    let old = base.iter().find(|file| file.path == change.path);
    let old_text = old.and_then(|file| file.text.as_deref()).unwrap_or("");
    lines_between(old_text, new_text(change.new.as_ref()))
}

fn new_text(new: Option<&NewFile>) -> &str {
    new.and_then(|file| file.content.text()).unwrap_or("")
}

fn lines_between(old: &str, new: &str) -> u64 {
    by_lines(old, new).iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal).count()
        as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gate::Answer;
    use crate::domain::ids::RepoPath;
    use crate::domain::outcome::{CommandRun, Ended};
    use crate::domain::patch::Content;

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    fn write(name: &str, mode: FileMode, content: &[u8]) -> FileChange {
        FileChange { path: path(name), new: Some(NewFile { mode, content: Content::new(content) }) }
    }

    fn text(name: &str, content: &str) -> FileChange {
        write(name, FileMode::Regular, content.as_bytes())
    }

    fn delete(name: &str) -> FileChange {
        FileChange { path: path(name), new: None }
    }

    fn base(name: &str, mode: FileMode, text: Option<&str>) -> BaseFile {
        BaseFile { path: path(name), mode, text: text.map(str::to_owned), size: 9 }
    }

    fn proof(patch: &Patch) -> Proof {
        let run = |ended| CommandRun {
            command: "test".into(),
            ended,
            duration_ms: 1,
            output_tail: String::new(),
        };
        Proof {
            head: Sha::parse(&"a".repeat(40)).unwrap(),
            patch_digest: patch.digest(),
            before: vec![run(Ended::Exit(1))],
            after: vec![run(Ended::Exit(0)), run(Ended::Exit(0))],
            set_aside: Vec::new(),
            tests: Vec::new(),
            coverage: Vec::new(),
        }
    }

    fn judged(changes: Vec<FileChange>, base: &[BaseFile], spoil: fn(&mut Proof)) -> Verdict {
        let patch = Patch::new(changes).unwrap();
        let mut proof = proof(&patch);
        spoil(&mut proof);
        let head = Sha::parse(&"a".repeat(40)).unwrap();
        let policy = Policy::default();
        let content = Vec::new();
        let input = PatchToJudge {
            patch: &patch,
            base,
            proof: &proof,
            proof_runs: 2,
            head: &head,
            policy: &policy,
            content,
            autonomy: None,
            failed: None,
        };
        judge(&input)
    }

    #[test]
    fn what_has_not_earned_to_be_committed_waits() {
        let patch = Patch::new(vec![write("src/a.rs", FileMode::Regular, b"a\n")]).unwrap();
        let (proof, policy) = (proof(&patch), Policy::default());
        for level in Level::ALL {
            let (because, changes) = ("it says so".to_owned(), Vec::new());
            let standing = Standing { class: "lint", level, most: level, because, changes };
            let verdict = judge(&PatchToJudge {
                patch: &patch,
                base: &[],
                proof: &proof,
                proof_runs: 1,
                head: &proof.head,
                policy: &policy,
                content: Vec::new(),
                autonomy: Some(&standing),
                failed: None,
            });
            let waits = level != Level::Commit;
            let expected = if waits { Answer::Hold } else { Answer::Allow };
            assert_eq!(verdict.answer(), expected, "{level:?} {verdict:?}");
            assert_eq!(verdict.names("autonomy", Weight::Hold), waits);
        }
    }

    #[track_caller]
    fn check(changes: Vec<FileChange>, base: &[BaseFile], expected: Answer, rule: &str) {
        let verdict = judged(changes, base, |_| {});
        assert_eq!(verdict.answer(), expected, "{verdict:?}");
        if !rule.is_empty() {
            assert_eq!(verdict.findings()[0].rule, rule, "{verdict:?}");
        }
    }

    #[test]
    fn an_ordinary_repair_is_allowed() {
        let old = base("src/lib.rs", FileMode::Regular, Some("fn a( ) {}\n"));
        check(vec![text("src/lib.rs", "fn a() {}\n")], &[old], Answer::Allow, "");
        check(vec![text("src/new.rs", "fn b() {}\n")], &[], Answer::Allow, "");
        let gone = base("src/old.rs", FileMode::Regular, Some("x\n"));
        check(vec![delete("src/old.rs")], &[gone], Answer::Allow, "");
    }

    #[test]
    fn protected_paths_are_judged_by_their_old_and_new_names() {
        let ci = base(".github/workflows/ci.yml", FileMode::Regular, Some("on: push\n"));
        let moved = vec![delete(".github/workflows/ci.yml"), text("ci.yml", "on: push\n")];
        check(moved, &[ci], Answer::Refuse, "protected-path");
        let onto = vec![delete("x.yml"), text(".github/workflows/x.yml", "on: push\n")];
        check(onto, &[], Answer::Refuse, "protected-path");
        check(vec![text("Cargo.lock", "x")], &[], Answer::Hold, "protected-path");
    }

    #[test]
    fn links_submodules_modes_and_binaries_do_not_slip_through() {
        let link = |name| write(name, FileMode::Symlink, b"/etc/passwd");
        check(vec![link("a")], &[], Answer::Refuse, "symlink");
        let was_link = base("a", FileMode::Symlink, Some("b"));
        check(vec![text("a", "x")], std::slice::from_ref(&was_link), Answer::Refuse, "symlink");
        check(vec![delete("a")], &[was_link], Answer::Refuse, "symlink");
        let module = write("m", FileMode::Submodule, "a".repeat(40).as_bytes());
        check(vec![module], &[], Answer::Refuse, "submodule");
        check(vec![write("a.sh", FileMode::Executable, b"x")], &[], Answer::Hold, "mode");
        let script = base("a.sh", FileMode::Executable, Some("x"));
        check(vec![text("a.sh", "y")], &[script], Answer::Hold, "mode");
        check(vec![write("a.png", FileMode::Regular, b"\0\x01")], &[], Answer::Hold, "binary");
        let image = base("a.png", FileMode::Regular, None);
        check(vec![text("a.png", "text now")], &[image], Answer::Hold, "binary");
        check(vec![text("src/snapshots/a.snap", "x")], &[], Answer::Hold, "snapshot");
    }

    #[test]
    fn a_patch_out_of_size_is_refused() {
        let many = (0..21).map(|i| text(&format!("f{i}"), "x\n")).collect();
        check(many, &[], Answer::Refuse, "size-files");
        check(vec![text("a", &"x\n".repeat(501))], &[], Answer::Refuse, "size-lines");
        check(vec![text("a", &"x".repeat(600_000))], &[], Answer::Refuse, "size-bytes");
        check(vec![], &[], Answer::Refuse, "empty-patch");
    }

    #[test]
    fn a_patch_without_its_own_proof_is_refused() {
        let refused = |spoil: fn(&mut Proof)| {
            let verdict = judged(vec![text("a", "x\n")], &[], spoil);
            assert!(verdict.names("proof", Weight::Refuse), "{verdict:?}");
        };
        refused(|proof| proof.head = Sha::parse(&"b".repeat(40)).unwrap());
        refused(|proof| proof.patch_digest = "other".into());
        refused(|proof| proof.before.clear());
        refused(|proof| proof.after[0].ended = Ended::Exit(1));
    }

    #[test]
    fn a_proof_that_was_green_too_seldom_waits_for_a_person() {
        let once = judged(vec![text("a", "x\n")], &[], |proof| {
            proof.after.pop();
        });
        assert_eq!(once.answer(), Answer::Hold, "{once:?}");
        assert!(once.names("proof-runs", Weight::Hold), "{once:?}");
        let of_another = judged(vec![text("a", "x\n")], &[], |proof| {
            proof.after[1].command = "other".into();
        });
        assert!(of_another.names("proof-runs", Weight::Hold), "{of_another:?}");
    }
}
