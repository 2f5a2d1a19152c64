//! Which recipe answers which failure, and what it would run.

use super::*;

fn failure(kind: FailureKind, tool: &str) -> Failure {
    Failure { tool: Some(tool.to_owned()), ..Failure::new(kind, "") }
}

fn in_file(kind: FailureKind, tool: &str, file: &str) -> Failure {
    Failure { file: Some(RepoPath::parse(file).unwrap()), ..failure(kind, tool) }
}

fn facts(files: &[&str]) -> RepoFacts {
    RepoFacts::new(files.iter().map(|file| RepoPath::parse(file).unwrap()))
}

const FILES: [&str; 9] = [
    "Cargo.toml",
    "src/lib.rs",
    "crates/a/Cargo.toml",
    "crates/a/src/lib.rs",
    "package.json",
    "package-lock.json",
    "web/it's.ts",
    "app/main.py",
    "main.go",
];

#[track_caller]
fn check(failures: &[Failure], expected: &[&str]) {
    let names: Vec<&str> =
        answers(failures, &facts(&FILES)).iter().map(|choice| choice.recipe.name).collect();
    assert_eq!(names, expected, "{failures:?}");
}

#[track_caller]
fn runs(failure: &Failure, files: &[&str], expected: &str) {
    let choices = answers(std::slice::from_ref(failure), &facts(files));
    let Some(Action::Shell { fix, .. }) = choices.first().map(|choice| choice.action.clone())
    else {
        panic!("{choices:?}");
    };
    assert_eq!(fix, expected);
}

#[test]
fn each_failure_is_answered_by_its_tools_recipe() {
    use FailureKind as K;
    check(&[in_file(K::Format, "rustfmt", "src/lib.rs")], &["rustfmt"]);
    check(&[in_file(K::Format, "cargo", "src/lib.rs")], &["rustfmt"]);
    check(&[in_file(K::Lint, "rustc", "src/lib.rs")], &["cargo-fix"]);
    check(&[in_file(K::Lint, "clippy", "src/lib.rs")], &["clippy-fix"]);
    let clippy = Failure {
        code: Some("clippy::needless_return".into()),
        ..in_file(K::Lint, "rustc", "src/lib.rs")
    };
    check(&[clippy], &["clippy-fix"]);
    let suggested = Failure {
        suggestion: Some("add `;`".into()),
        ..in_file(K::CompileError, "rustc", "src/lib.rs")
    };
    check(&[suggested], &["cargo-fix"]);
    check(&[in_file(K::Format, "prettier", "web/it's.ts")], &["prettier"]);
    check(&[in_file(K::Lint, "eslint", "web/it's.ts")], &["eslint"]);
    check(&[in_file(K::Lint, "ruff", "app/main.py")], &["ruff-check"]);
    check(&[in_file(K::Format, "ruff", "app/main.py")], &["ruff-format"]);
    check(&[in_file(K::Format, "black", "app/main.py")], &["black"]);
    check(&[in_file(K::Format, "isort", "app/main.py")], &["isort"]);
    check(&[in_file(K::Format, "gofmt", "main.go")], &["gofmt"]);
    let w291 = Failure { code: Some("W291".into()), ..in_file(K::Lint, "flake8", "app/main.py") };
    check(&[w291], &["whitespace"]);
    let locked =
        Failure { message: "but --locked was passed".into(), ..failure(K::Dependency, "cargo") };
    check(&[locked], &["cargo-lock"]);
    let npm = Failure {
        message: "`npm ci` can only install packages when in sync".into(),
        ..failure(K::Dependency, "npm")
    };
    check(&[npm], &["npm-lock"]);
    let snapshot =
        Failure { code: Some("snapshot".into()), ..failure(K::TestFailure, "cargo test") };
    check(&[snapshot], &["insta"]);
}

#[test]
fn what_no_recipe_answers_is_left_alone() {
    use FailureKind as K;
    check(&[], &[]);
    check(&[in_file(K::CompileError, "rustc", "src/lib.rs")], &[]);
    check(&[failure(K::TestFailure, "cargo test")], &[]);
    check(&[failure(K::Infrastructure, "npm")], &[]);
    check(&[failure(K::Unknown, "")], &[]);
    let elsewhere = Failure { code: Some("W291".into()), ..in_file(K::Lint, "flake8", "gone.py") };
    check(&[elsewhere], &[]);
}

#[test]
fn the_cheapest_comes_first_and_what_is_held_last() {
    use FailureKind as K;
    let locked =
        Failure { message: "but --locked was passed".into(), ..failure(K::Dependency, "cargo") };
    let mixed = [
        locked,
        in_file(K::Lint, "clippy", "src/lib.rs"),
        in_file(K::Format, "rustfmt", "src/lib.rs"),
    ];
    check(&mixed, &["rustfmt", "clippy-fix", "cargo-lock"]);
}

#[test]
fn commands_name_packages_files_and_lints_safely() {
    use FailureKind as K;
    let format = in_file(K::Format, "rustfmt", "crates/a/src/lib.rs");
    runs(&format, &FILES, "cargo fmt --all");
    let alone = ["crates/a/Cargo.toml", "crates/a/src/lib.rs"];
    runs(&format, &alone, "cargo fmt --manifest-path crates/a/Cargo.toml --all");
    let ts = in_file(K::Lint, "eslint", "web/it's.ts");
    runs(&ts, &FILES, r#"PATH="$PWD/node_modules/.bin:$PATH" eslint --fix -- './web/it'\''s.ts'"#);
    let hostile = Failure {
        code: Some("clippy::x; rm -rf .".into()),
        ..in_file(K::Lint, "clippy", "src/lib.rs")
    };
    let plain = "cargo clippy --fix --workspace --all-targets --allow-dirty --allow-staged \
                 --allow-no-vcs --broken-code";
    runs(&hostile, &FILES, plain);
    let lint = Failure { code: Some("clippy::needless_return".into()), ..hostile };
    runs(&lint, &FILES, &format!("{plain} -- -W clippy::needless_return"));
}

#[test]
fn every_recipe_has_its_own_name() {
    let names: BTreeSet<&str> = ALL.iter().map(|recipe| recipe.name).collect();
    assert_eq!(names.len(), ALL.len());
}
