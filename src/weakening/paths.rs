//! What a file is, by its name: a test, recorded data of tests, settings of tools, prose.
//!
//! Names are conventions of runners, so a file that is none of these by its name may still hold
//! tests: where syntax is read, syntax decides.

/// Folders of tests.
const TEST_FOLDERS: &[&str] = &[
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "e2e",
    "integration-tests",
    "integration_tests",
    "testing",
    "unittests",
    "testutil",
    "testutils",
    "test-utils",
    "test_utils",
    "testhelpers",
    "test-helpers",
    "test_helpers",
    "testsupport",
    "test-support",
    "test_support",
    "testkit",
    "testlib",
    "cypress",
    "features",
];

/// Folders of recorded inputs and outputs.
const FIXTURE_FOLDERS: &[&str] = &[
    "corpus",
    "fixtures",
    "fixture",
    "__fixtures__",
    "testdata",
    "test-data",
    "test_data",
    "golden",
    "goldens",
    "expected",
    "cassettes",
    "__mocks__",
    "vcr_cassettes",
    "test-fixtures",
    "snapshots",
    "__snapshots__",
    "approvals",
    "baselines",
];

/// Ends of names that are data.
const DATA: &[&str] = &[
    "json", "yml", "yaml", "txt", "csv", "tsv", "xml", "html", "golden", "snap", "out", "expected",
    "approved", "stdout", "stderr", "sql", "ndjson", "jsonl", "bin", "png", "svg", "ambr",
    "stderr", "verified", "toml", "ini", "md",
];

/// Ends of names that are prose.
const PROSE: &[&str] =
    &["md", "markdown", "rst", "adoc", "txt", "org", "tex", "html", "svg", "csv"];

/// Ends of names of code in languages that have tests, with or without a grammar here.
const CODE: &[&str] = &[
    "rs", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "py", "go", "java", "rb", "cs",
    "kt", "kts", "scala", "groovy", "swift", "m", "mm", "c", "cc", "cpp", "cxx", "h", "hpp", "php",
    "ex", "exs", "erl", "hs", "ml", "clj", "cljs", "dart", "lua", "pl", "t", "r", "jl", "nim",
    "zig", "fs", "vb", "elm", "sh", "bash", "bats", "ps1", "vue", "svelte", "feature", "robot",
    "sol", "vhd", "sv", "v",
];

fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default()
}

fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit_once('/').map_or("", |(folders, _)| folders).split('/')
}

/// Whether a path is where a runner, or a convention, looks for tests.
pub fn is_test(path: &str) -> bool {
    if !is_code(path) {
        return false;
    }
    let in_folder = folders(path).any(|folder| {
        let lower = folder.to_ascii_lowercase();
        TEST_FOLDERS.contains(&lower.as_str())
            || lower.ends_with(".tests")
            || lower.ends_with(".test")
    });
    // A script that runs tests is called like one.
    let is_script = matches!(extension(path).as_str(), "sh" | "bash" | "ps1");
    in_folder || has_test_name(path) && !is_script
}

/// Whether a file's own name says that it is a test.
pub fn has_test_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let lower = stem.to_ascii_lowercase();
    lower.starts_with("test_")
        || [
            "_test",
            ".test",
            "_spec",
            ".spec",
            "_tests",
            ".tests",
            "-test",
            "-spec",
            ".cy",
            ".e2e",
            "_unittest",
        ]
        .iter()
        .any(|end| lower.ends_with(end))
        || matches!(
            lower.as_str(),
            "conftest" | "tests" | "test" | "spec_helper" | "rails_helper" | "test_helper"
        )
        || ["Test", "Tests", "Spec", "TestCase", "IT", "Specs"]
            .iter()
            .any(|end| stem.ends_with(end) && stem.len() > end.len())
        || extension(path) == "bats"
        || extension(path) == "feature"
}

/// Whether a runner that goes by names would find tests in that file: only languages whose runners
/// do are asked.
pub fn is_found_by_name(path: &str) -> bool {
    match extension(path).as_str() {
        "py" => {
            let name = path.rsplit('/').next().unwrap_or(path);
            name.starts_with("test") || name.ends_with("_test.py") || name.ends_with("tests.py")
        }
        "go" => path.ends_with("_test.go"),
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "rb" => is_test(path),
        _ => true,
    }
}

/// Whether a file is recorded data of tests.
pub fn is_fixture(path: &str) -> bool {
    let data = DATA.contains(&extension(path).as_str());
    let in_fixtures =
        folders(path).any(|folder| FIXTURE_FOLDERS.contains(&folder.to_ascii_lowercase().as_str()));
    let in_tests =
        folders(path).any(|folder| TEST_FOLDERS.contains(&folder.to_ascii_lowercase().as_str()));
    let by_end = [".golden", ".snap", ".approved.txt", ".expected", ".ambr", ".verified.txt"]
        .iter()
        .any(|end| path.ends_with(end));
    by_end || data && (in_fixtures || in_tests) || in_fixtures && !is_code(path)
}

/// Whether a file is code.
pub fn is_code(path: &str) -> bool {
    CODE.contains(&extension(path).as_str())
}

/// Whether a file is prose: nothing runs it.
pub fn is_prose(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    PROSE.contains(&extension(path).as_str())
        && !name.starts_with("requirements")
        && name != "cmakelists.txt"
}

/// Names that begin like this are settings, though they are written in a language.
const SETTINGS: &[&str] = &[
    "jest.config",
    "jest.setup",
    "vitest.config",
    "vitest.workspace",
    "vite.config",
    "playwright.config",
    "cypress.config",
    "karma.conf",
    "wdio.conf",
    ".mocharc",
    ".eslintrc",
    "eslint.config",
    "babel.config",
    "stylelint.config",
    ".stylelintrc",
    "nyc.config",
    "noxfile",
    "setup.py",
    "conftest",
    "rakefile",
    "gemfile",
    "gulpfile",
    "gruntfile",
    "web-test-runner.config",
    "knip.config",
    "biome.",
    "spec_helper",
    "dangerfile",
    ".prettierrc",
    "ava.config",
    "build.rs",
];

/// Whether a file tells tools what to check.
pub fn is_settings(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    SETTINGS.iter().any(|start| name.starts_with(start))
}

/// Whether a file holds commands that CI or people run.
pub fn may_run(path: &str) -> bool {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    name.ends_with(".yml")
        || name.ends_with(".yaml")
        || name.ends_with(".sh")
        || name.ends_with(".mk")
        || name.starts_with("makefile")
        || name.starts_with("justfile")
        || name == "package.json"
        || name.starts_with("dockerfile")
        || name == "tox.ini"
        || name.ends_with(".toml")
        || name.starts_with("jenkinsfile")
        || name.ends_with("props")
        || name.ends_with(".csproj")
        || name.ends_with(".bash")
        || name == "procfile"
        || name.ends_with(".ps1")
        || name == "rakefile"
}

/// Whether a file says what is installed, and from where.
pub fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    matches!(
        name.as_str(),
        "package.json"
            | "composer.json"
            | "cargo.toml"
            | "pyproject.toml"
            | "setup.py"
            | "setup.cfg"
            | "gemfile"
            | "build.rs"
            | "pom.xml"
            | ".npmrc"
            | ".yarnrc.yml"
            | "pip.conf"
            | "deno.json"
    ) || name.ends_with(".gemspec")
        || name.ends_with(".csproj")
}
