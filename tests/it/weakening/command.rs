//! `selfheal gate` on commits of a real repository, whatever that repository is configured to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const TEST: &str = "#[test]\nfn adds_tax() {\n    assert_eq!(shop::total(&[10, 20]), 33);\n}\n";
const SKIPPED: &str =
    "#[test]\n#[ignore]\nfn adds_tax() {\n    assert_eq!(shop::total(&[10, 20]), 33);\n}\n";

/// A repository whose last commit makes of one file another.
struct Shop {
    dir: TempDir,
    repo: PathBuf,
}

/// What the program said, and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Shop {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("shop");
        fs::create_dir(&repo).unwrap();
        let shop = Self { dir, repo };
        shop.git(&["init", "--quiet", "-b", "main"]);
        shop.commit(&[("tests/totals.rs", TEST)]);
        shop
    }

    fn git(&self, args: &[&str]) {
        let who = [("GIT_AUTHOR_NAME", "mona"), ("GIT_AUTHOR_EMAIL", "mona@example.com")];
        let also = [("GIT_COMMITTER_NAME", "mona"), ("GIT_COMMITTER_EMAIL", "mona@example.com")];
        let config = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")];
        let mut git = Command::new("git");
        git.args(args).current_dir(&self.repo).envs(who).envs(also).envs(config);
        let output = git.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.repo.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", "a change"]);
    }

    fn gate(&self, args: &[&str]) -> Said {
        let mut program = Command::new(env!("CARGO_BIN_EXE_selfheal"));
        program.args(["gate", "--repo", "shop"]).args(args).current_dir(self.dir.path());
        program.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = program.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn exists(path: &Path) -> bool {
    path.try_exists().unwrap()
}

#[test]
fn a_weakened_test_is_refused_with_its_place() {
    let shop = Shop::new();
    shop.commit(&[("tests/totals.rs", SKIPPED)]);
    let said = shop.gate(&["--base", "HEAD~1"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.out.starts_with("tests/totals.rs:2: refuse [test-skipped] `adds_tax`"),
        "{}",
        said.out
    );
    let said = shop.gate(&["--base", "HEAD~1", "--format", "json"]);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&json["answer"], &json["files"]), (&"refuse".into(), &1.into()));
    let said = shop.gate(&["--base", "HEAD~1", "--format", "sarif"]);
    let sarif: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "test-skipped");
    assert_eq!(shop.gate(&["--base", "HEAD", "--head", "HEAD~1"]).code, Some(0));
}

#[test]
fn what_a_person_should_see_has_an_exit_code_of_its_own() {
    let shop = Shop::new();
    shop.commit(&[("tests/totals.rs", &TEST.replace("33", "30"))]);
    let said = shop.gate(&["--base", "HEAD~1"]);
    assert_eq!(said.code, Some(4), "{}{}", said.out, said.err);
    assert!(said.out.contains("hold [expected-edited]"), "{}", said.out);
}

#[test]
fn the_base_says_what_rules_weigh_and_the_head_does_not() {
    let shop = Shop::new();
    let policy = ".github/selfheal.yml";
    shop.commit(&[(policy, "gate: {test-skipped: note}\n"), ("tests/totals.rs", SKIPPED)]);
    assert_eq!(shop.gate(&["--base", "HEAD~1"]).code, Some(1));
    shop.commit(&[("tests/totals.rs", TEST)]);
    shop.commit(&[("tests/totals.rs", SKIPPED)]);
    assert_eq!(shop.gate(&["--base", "HEAD~1"]).code, Some(0));
    shop.commit(&[(policy, "gate: {test-skiped: note}\n")]);
    shop.commit(&[("README.md", "# Shop\n")]);
    let said = shop.gate(&["--base", "HEAD~1"]);
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("did you mean `test-skipped`?"), "{}", said.err);
}

#[test]
fn a_branch_is_compared_with_where_it_left_its_base() {
    let shop = Shop::new();
    shop.git(&["checkout", "--quiet", "-b", "topic"]);
    shop.commit(&[("src/lib.rs", "pub fn total() {}\n")]);
    shop.git(&["checkout", "--quiet", "main"]);
    shop.commit(&[("tests/more.rs", TEST)]);
    let asked = ["--base", "main", "--head", "topic"];
    assert_eq!(shop.gate(&asked).code, Some(1), "the newer test is not on the branch");
    assert_eq!(shop.gate(&[&asked[..], &["--merge-base"]].concat()).code, Some(0));
}

#[test]
fn nothing_that_the_repository_configures_is_run() {
    let shop = Shop::new();
    shop.commit(&[("tests/totals.rs", SKIPPED), (".gitattributes", "* diff=evil filter=evil\n")]);
    let trace = shop.dir.path().join("ran");
    let run = format!("touch {}", trace.display());
    for key in [
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.smudge",
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "alias.diff-tree",
    ] {
        shop.git(&["config", key, &run]);
    }
    let said = shop.gate(&["--base", "HEAD~1"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(!exists(&trace), "a command of the repository was run");
}

#[test]
fn a_commit_that_is_not_there_is_no_answer() {
    let shop = Shop::new();
    let said = shop.gate(&["--base", "--output=x"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    let said = shop.gate(&["--base=--output=x"]);
    assert_eq!(said.code, Some(3), "{}", said.out);
    assert!(said.err.contains("there is no commit"), "{}", said.err);
}
