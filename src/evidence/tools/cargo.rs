//! cargo itself: resolution, lock files, manifests, build scripts; rustfmt's check; audits.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight};

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
        ),
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
            ],
            concat!(
                r"^\s*error: (?P<message>(?:failed to (?:select|get|resolve|download)",
                r"|no matching|package `|rustc [0-9]).*)$",
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
            ],
            concat!(
                r"^\s*error: (?P<message>(?:failed to (?:parse manifest|load manifest|read `",
                r"|load source)|could not find `Cargo\.toml`|no such command",
                r"|(?:override )?toolchain '|package ID spec|no (?:bin|test|example",
                r"|library) target|the package '|Package `|'[a-z-]+' is not installed).*)$",
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
        Rule::new(K::Dependency, &["error["], r"^error\[(?P<code>[a-z-]+)\]: (?P<message>.+)$"),
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
        .weighing(Weight::Consequence),
    ],
};

/// How far cargo's chain of causes is read.
const CAUSE_LINES_MAX: usize = 14;

/// Adds what cargo says under `Caused by:`.
fn caused_by(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(CAUSE_LINES_MAX) {
        let told =
            line.starts_with(' ') || line.trim().is_empty() || line.starts_with("Caused by:");
        if !told || line.starts_with("    Updating") {
            break;
        }
        draft.last = draft.first + distance;
        if line != "Caused by:" {
            draft.say(line.trim());
        }
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
    let mut in_errors = false;
    for (distance, line) in at.lines_below(SCRIPT_LINES_MAX) {
        let trimmed = line.trim();
        in_errors |= trimmed == "--- stderr";
        if line.starts_with("error:") || line.starts_with("warning: build failed") {
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
            draft.last = draft.first + distance;
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

fn linker(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(40) {
        let trimmed = line.trim_start();
        if line.trim().is_empty() && distance > 1 {
            break;
        }
        if trimmed.contains("undefined reference")
            || trimmed.contains("cannot find -l")
            || trimmed.contains("undefined symbol")
            || trimmed.contains("library not found")
        {
            draft.say(trimmed.trim_start_matches("= note: "));
            draft.last = draft.first + distance;
            break;
        }
    }
    found.push(draft);
}

/// cargo-audit's entry: the crate stands above its id, the title between.
fn advisory(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let field = |name: &str| {
        at.lines_above(8)
            .find_map(|(_, line)| line.strip_prefix(name).map(|rest| rest.trim().to_owned()))
    };
    if let Some(name) = field("Crate:") {
        let title = field("Title:").unwrap_or_default();
        draft.failure.message = format!("{name}: {title}");
        found.push(draft);
    }
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
        ),
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
    fn a_file_is_unformatted_once() {
        check(
            "Diff in /home/runner/work/a/a/src/b.rs:3:\n-x\n\
             Diff in /home/runner/work/a/a/src/b.rs:9:\n-x\n\
             Diff in /home/runner/work/a/a/src/c.rs at line 1:",
            "format src/b.rs:3 Diff in src/b.rs:3:\n\
             format src/c.rs:1 Diff in src/c.rs at line 1:",
        );
    }
}
