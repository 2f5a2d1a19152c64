//! cargo itself: resolution, lock files, manifests, build scripts; rustfmt's check; audits.

use super::extent::{paragraph, while_below, with_paragraph};
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, between};

pub(super) static TOOL: Tool = Tool {
    name: "cargo",
    about: "Cargo's own errors: lock file, resolution, manifests, build scripts, audits.",
    example: "\
         error: the lock file /home/runner/work/shop/shop/Cargo.lock needs to be updated but \
         --locked was passed to prevent this",
    rules: &[
        Rule::new(
            K::Dependency,
            &["--locked", "--frozen"],
            r"^\s*error: (?P<message>.*(?:--locked|--frozen).*)$",
        )
        .reading(locked),
        Rule::new(
            K::Dependency,
            &[
                "error: failed to select",
                "error: failed to get",
                "error: failed to resolve",
                "error: failed to download",
                "error: no matching",
                "error: package `",
                "error: rustc ",
                "error: cyclic package dependency",
                "error: checksum for `",
                "error: unable to update",
                "error: Unable to update",
            ],
            concat!(
                r"^\s*error: (?P<message>(?:failed to (?:select|get|resolve|download)",
                r"|no matching|package `|rustc [0-9]|cyclic package dependency|checksum for `",
                r"|[Uu]nable to update).*)$",
            ),
        )
        .reading(caused_by),
        Rule::new(
            K::Config,
            &[
                "error: failed to parse manifest",
                "error: failed to load ",
                "error: failed to read `",
                "error: could not find `Cargo.toml`",
                "error: no such command",
                "toolchain '",
                "error: package ID spec",
                "error: no bin target",
                "error: no test target",
                "error: no example target",
                "error: no library target",
                "error: the package '",
                "error: Package `",
                "' is not installed",
                "error: none of the selected packages",
                "error: package(s) `",
                "error: manifest path `",
                "error: current package believes",
                "error: could not load Cargo configuration",
                "error: error inheriting ",
                "error: component '",
            ],
            concat!(
                r"^\s*error: (?P<message>(?:failed to (?:parse manifest|load manifest|read `",
                r"|load source)|could not find `Cargo\.toml`|no such command",
                r"|(?:override )?toolchain '|package ID spec|no (?:bin|test|example",
                r"|library) target|the package '|Package `|'[a-z-]+' is not installed",
                r"|none of the selected packages|package\(s\) `|manifest path `",
                r"|current package believes|could not load Cargo configuration|error inheriting ",
                r"|component ').*)$",
            ),
        )
        .reading(caused_by),
        Rule::new(
            K::CompileError,
            &["error: failed to run custom build command"],
            r"^\s*error: (?P<message>failed to run custom build command for .*)$",
        )
        .reading(build_script),
        Rule::new(
            K::CompileError,
            &["error: linking with `", "error: linker `"],
            r"^\s*error: (?P<message>link(?:ing with|er) `.*)$",
        )
        .reading(linker),
        Rule::new(K::Dependency, &["RUSTSEC-"], r"^ID:\s+(?P<code>RUSTSEC-[0-9]+-[0-9]+)$")
            .reading(advisory),
        Rule::new(
            K::Dependency,
            &["denied warning"],
            r"^error: (?P<message>[0-9]+ denied warnings? found!?)$",
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::Dependency,
            &[
                "error[vulnerability]",
                "error[unmaintained]",
                "error[unsound]",
                "error[notice]",
                "error[yanked]",
                "error[rejected]",
                "error[unlicensed]",
                "error[banned]",
                "error[duplicate]",
                "error[wildcard]",
                "error[not-allowed]",
                "error[source-not-allowed]",
                "error[git-source-underspecified]",
            ],
            concat!(
                r"^\s*error\[(?P<code>vulnerability|unmaintained|unsound|notice|yanked|rejected",
                r"|unlicensed|banned|duplicate|wildcard|not-allowed|source-not-allowed",
                r"|git-source-underspecified)\]: (?P<message>.+)$",
            ),
        )
        .reading(deny),
        Rule::new(
            K::Config,
            &["Coverage is below the failure threshold"],
            r"(?P<message>Coverage is below the failure threshold [^\x22]+)",
        ),
        Rule::new(
            K::TestFailure,
            &[
                "test failed, to rerun",
                "process didn't exit",
                " target failed",
                " targets failed",
                "test run failed",
                "build failed",
            ],
            concat!(
                r"^\s*(?:error: )?(?P<message>(?:(?:test|doctest) failed, to rerun",
                r"|process didn't exit|[0-9]+ targets? failed|test run failed",
                r"|build failed).*)$",
            ),
        )
        .weighing(Weight::Consequence)
        .reading(ended),
    ],
};

/// A process that the kernel killed for want of memory is no failed test: other rules tell of it.
fn ended(_: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    if !draft.failure.message.contains("SIGKILL: kill)") {
        found.push(draft);
    }
}

/// uv has the same switches.
fn locked(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    if !draft.failure.message.contains("uv.lock") {
        with_paragraph(at, draft, found);
    }
}

/// How cargo's lines at the margin begin that still explain an error.
const EXPLAINS: [&str; 15] = [
    "Caused by:",
    "referenced by workspace at ",
    "required by ",
    "location searched",
    "perhaps you meant",
    "if you are looking",
    "candidate versions",
    "versions that meet",
    "all possible versions",
    "the package `",
    "previously selected",
    "failed to select a version",
    "... ",
    "note:",
    "help:",
];

/// Words of cargo's and git's causes that lie in the network and not in the project.
const NETWORK: [&str; 9] = [
    "resolve host",
    "Couldn't connect",
    "Timeout was reached",
    "timed out",
    "Connection re",
    "onnection was closed",
    "SSL connect error",
    "failed with: 5",
    "got 50",
];

/// Adds what cargo says under `Caused by:` and beside it.
fn caused_by(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    while_below(at, &mut draft, |line| {
        line.trim().is_empty()
            || line.starts_with(' ') && !line.starts_with("    Updating")
            || EXPLAINS.iter().any(|start| line.starts_with(start))
    });
    for distance in 1..=draft.last - draft.first {
        let line = at.below(distance).unwrap_or("");
        if draft.failure.kind == K::Dependency && NETWORK.iter().any(|word| line.contains(word)) {
            draft.failure.kind = K::Infrastructure;
        }
        if line != "Caused by:" {
            draft.say(line.trim());
        }
    }
    // The innermost one is at fault: a workspace is loaded for the sake of its members.
    let message = draft.failure.message.as_str();
    let manifest = message.lines().rev().find_map(|line| between(line, "manifest at `", "`"));
    if let Some(manifest) = manifest.map(str::to_owned) {
        draft.place(&manifest, None, None);
    }
    found.push(draft);
}

/// How much a build script may print before it fails.
const SCRIPT_LINES_MAX: usize = 200;

/// Words of the line in which a build script says what it lacks.
const SCRIPT_WORDS: [&str; 8] = [
    "could not be found",
    "was not found",
    "panicked at",
    "error:",
    "Could not find",
    "not found",
    "failed:",
    "is `cmake` not installed",
];

fn build_script(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    while_below(at, &mut draft, |line| !is_next_diagnostic(line));
    let mut in_errors = false;
    for (distance, line) in at.lines_below(SCRIPT_LINES_MAX) {
        let trimmed = line.trim();
        in_errors |= trimmed == "--- stderr";
        if is_next_diagnostic(line) {
            break;
        }
        if in_errors && SCRIPT_WORDS.iter().any(|word| trimmed.contains(word)) {
            let script = std::mem::take(&mut draft.failure.message);
            trimmed.clone_into(&mut draft.failure.message);
            if let Some(next) = at.below(distance + 1)
                && trimmed.ends_with(':')
            {
                next.trim().clone_into(&mut draft.failure.message);
            }
            draft.say(&script);
            if ["pkg-config", "not found", "not be found", "Could not find"]
                .iter()
                .any(|word| draft.failure.message.contains(word))
            {
                draft.failure.kind = K::Dependency;
            }
            break;
        }
    }
    found.push(draft);
}

/// Whether another of cargo's diagnostics begins.
fn is_next_diagnostic(line: &str) -> bool {
    line.starts_with("error:") || line.starts_with("warning: build failed")
}

fn linker(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    paragraph(at, &mut draft);
    for distance in 1..=draft.last - draft.first {
        let trimmed = at.below(distance).unwrap_or("").trim_start();
        if trimmed.contains("No space left on device") {
            draft.weight = Weight::Consequence;
            break;
        }
        if trimmed.contains("undefined reference")
            || trimmed.contains("cannot find -l")
            || trimmed.contains("undefined symbol")
            || trimmed.contains("library not found")
        {
            draft.say(trimmed.trim_start_matches("= note: "));
            break;
        }
    }
    found.push(draft);
}

/// How far below an advisory cargo-audit may sum up.
const ENTRIES_LINES_MAX: usize = 400;

/// cargo-audit's entry: the crate stands above its id, the title between.
fn advisory(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let entry: Vec<(usize, &str)> =
        at.lines_above(8).take_while(|(_, line)| !line.trim().is_empty()).collect();
    let field = |name: &str| {
        entry.iter().find_map(|(distance, line)| Some((*distance, line.strip_prefix(name)?.trim())))
    };
    let Some((distance, name)) = field("Crate:") else { return };
    // Unmaintained and yanked crates are warnings unless they were denied.
    let denied =
        || at.lines_below(ENTRIES_LINES_MAX).any(|(_, line)| line.contains("denied warning"));
    if field("Warning:").is_some() && !denied() {
        return;
    }
    let title = field("Title:").map_or("", |(_, title)| title);
    draft.failure.message = format!("{name}: {title}");
    draft.first -= distance;
    paragraph(at, &mut draft);
    for (_, line) in at.lines_below(8).take_while(|(_, line)| !line.trim().is_empty()) {
        if let Some(solution) = line.strip_prefix("Solution:") {
            draft.failure.suggestion = Some(solution.trim().to_owned());
        }
    }
    found.push(draft);
}

/// cargo-deny's entry: the place in a box below the headline, the advisory's fields in its notes.
fn deny(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    paragraph(at, &mut draft);
    for distance in 1..=draft.last - draft.first {
        let line = at.below(distance).unwrap_or("").trim_start();
        if let Some((path, row, column)) = line.strip_prefix("┌─ ").and_then(super::place_in) {
            draft.place(path, row, column);
        }
        let note = line.trim_start_matches(['├', '│', '=', ' ']);
        if let Some(id) = note.strip_prefix("ID: ") {
            draft.failure.code = Some(id.trim().to_owned());
        } else if let Some(solution) = note.strip_prefix("Solution: ") {
            draft.failure.suggestion = Some(solution.trim().to_owned());
        }
    }
    found.push(draft);
}

/// rustfmt's check, which has a name of its own in reports.
pub(super) static RUSTFMT: Tool = Tool {
    name: "rustfmt",
    about: "`cargo fmt --check`: one failure a file, at its first difference.",
    example: "Diff in /home/runner/work/shop/shop/src/lib.rs:12:\n-fn a(){}\n+fn a() {}",
    rules: &[
        Rule::new(
            K::Format,
            &["Diff in "],
            r"^(?P<message>Diff in (?P<file>.+?\.rs)(?::| at line )(?P<line>[0-9]+):)",
        )
        .reading(hunk),
        Rule::new(
            K::Format,
            &["left behind trailing whitespace", "line formatted, but exceeded"],
            concat!(
                r"^error(?:\[internal\])?: (?P<message>left behind trailing whitespace",
                r"|line formatted, but exceeded.*)$",
            ),
        )
        .reading(arrow),
    ],
};

/// A hunk of a difference; the next one is the same file's or another failure.
fn hunk(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    while_below(at, &mut draft, |line| line.is_empty() || line.starts_with([' ', '+', '-']));
    found.push(draft);
}

fn arrow(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let place = at.below(1).and_then(|line| line.trim_start().strip_prefix("--> "));
    if let Some((path, line, column)) = place.and_then(super::place_in) {
        draft.place(path, line, column);
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;
    use crate::evidence::tests::check_lines;

    #[test]
    fn cargo_says_what_is_wrong_with_dependencies_and_manifests() {
        check(
            "error: failed to select a version for the requirement `serde = \"^9\"`\n\
             candidate versions found",
            "dependency failed to select a version for the requirement `serde = \"^9\"`",
        );
        check(
            "error: failed to parse manifest at `/x/Cargo.toml`\n\nCaused by:\n\
             \x20 no targets specified",
            "config failed to parse manifest at `/x/Cargo.toml`",
        );
        check(
            "error: cannot update the lock file /w/Cargo.lock because --locked was passed to \
             prevent this",
            "dependency cannot update the lock file /w/Cargo.lock because --locked was passed \
             to prevent this",
        );
        check(
            "Crate:     time\nVersion:   0.1.40\nTitle:     Potential segfault\n\
             Date:      2020-11-18\nID:        RUSTSEC-2020-0071",
            "dependency [RUSTSEC-2020-0071] time: Potential segfault",
        );
        check(
            "error: failed to run custom build command for `alsa-sys v0.3.1`\n\nCaused by:\n\
             \x20 process didn't exit successfully: `/w/build-script-build` (exit status: 101)\n\
             \x20 --- stderr\n  thread 'main' panicked at build.rs:3:5:\n\
             \x20 `pkg-config` could not be found\n",
            "dependency `pkg-config` could not be found",
        );
    }

    #[test]
    fn a_manifest_that_cannot_be_read_is_told_by_its_file() {
        check(
            "error: failed to load manifest for workspace member `/home/runner/work/a/a/crates/cli`\n\
             referenced by workspace at `/home/runner/work/a/a/Cargo.toml`\n\nCaused by:\n\
             \x20 failed to parse manifest at `/home/runner/work/a/a/crates/cli/Cargo.toml`\n\n\
             Caused by:\n  `dependency.anyhow` was not found in `workspace.dependencies`\n",
            "config crates/cli/Cargo.toml failed to load manifest for workspace member \
             `/home/runner/work/a/a/crates/cli`",
        );
    }

    #[test]
    fn an_advisory_is_a_failure_where_it_is_not_a_warning() {
        let log = "\
    Scanning Cargo.lock for vulnerabilities (211 crate dependencies)
Crate:     time
Version:   0.1.40
Title:     Potential segfault in the time crate
Date:      2020-11-18
ID:        RUSTSEC-2020-0071
URL:       https://rustsec.org/advisories/RUSTSEC-2020-0071
Solution:  Upgrade to >=0.2.23
Dependency tree:
time 0.1.40
└── shop 0.1.0

Crate:     instant
Version:   0.1.13
Warning:   unmaintained
Title:     `instant` is unmaintained
Date:      2024-09-01
ID:        RUSTSEC-2024-0384
URL:       https://rustsec.org/advisories/RUSTSEC-2024-0384

";
        let one = "dependency [RUSTSEC-2020-0071] time: Potential segfault in the time crate";
        check(
            &format!("{log}error: 1 vulnerability found!\nwarning: 1 allowed warning found"),
            one,
        );
        check_lines(&format!("{log}error: 1 vulnerability found!"), &[(2, 11)]);
        check(
            &format!("{log}error: 1 vulnerability found!\nerror: 1 denied warning found!"),
            &format!("{one}\ndependency [RUSTSEC-2024-0384] instant: `instant` is unmaintained"),
        );
    }

    #[test]
    fn cargo_deny_says_where_and_which() {
        check(
            "error[vulnerability]: Potential segfault in the time crate\n\
             \x20   ┌─ /home/runner/work/shop/shop/Cargo.lock:211:1\n    │\n\
             211 │ time 0.1.40 registry+https://github.com/rust-lang/crates.io-index\n\
             \x20   │ ------------- security vulnerability detected\n    │\n\
             \x20   ├ ID: RUSTSEC-2020-0071\n\
             \x20   ├ Solution: Upgrade to >=0.2.23 (try `cargo update -p time`)\n\
             \x20   ├ time v0.1.40\n\
             \x20     └── shop v0.1.0\n\nwarning[duplicate]: found 2 duplicate entries for crate \
             'syn'\n    ┌─ /home/runner/work/shop/shop/Cargo.lock:190:1\n\n\
             advisories FAILED, bans ok, licenses ok, sources ok",
            "dependency Cargo.lock:211:1 [RUSTSEC-2020-0071] Potential segfault in the time crate",
        );
        check("error[unknown]: not one of cargo-deny's", "");
    }

    #[test]
    fn what_could_not_be_fetched_is_not_the_projects_fault() {
        check(
            "    Updating crates.io index\n\
             warning: spurious network error (3 tries remaining): [6] Couldn't resolve host name\n\
             error: failed to get `serde` as a dependency of package `shop v0.1.0 (/w/shop)`\n\n\
             Caused by:\n  failed to load source for dependency `serde`\n\nCaused by:\n\
             \x20 download of config.json failed\n\nCaused by:\n\
             \x20 [6] Couldn't resolve host name (Could not resolve host: index.crates.io)",
            "infrastructure failed to get `serde` as a dependency of package `shop v0.1.0 \
             (/w/shop)`",
        );
        let log = "error: no matching package named `srede` found\nlocation searched: crates.io \
             index\nperhaps you meant:      serde\nrequired by package `shop v0.1.0 (/w/shop)`\n\
             ##[error]Process completed with exit code 101.";
        check(log, "dependency no matching package named `srede` found");
        check_lines(log, &[(1, 4)]);
    }

    #[test]
    fn a_file_is_unformatted_once() {
        check(
            "Diff in /home/runner/work/a/a/src/b.rs:3:\n-x\n\
             Diff in /home/runner/work/a/a/src/b.rs:9:\n-x\n\
             Diff in /home/runner/work/a/a/src/c.rs at line 1:",
            "format src/b.rs:3 Diff in src/b.rs:3:\n\
             format src/c.rs:1 Diff in src/c.rs at line 1:",
        );
        check(
            "Diff in \\\\?\\D:\\a\\shop\\shop\\src\\b.rs:3:\n fn a() {\n-x\n+    x\n }",
            "format src/b.rs:3 Diff in src/b.rs:3:",
        );
        check_lines("Diff in /w/src/b.rs:3:\n a\n-x\n+y\n\nDiff in", &[(1, 4)]);
    }
}
