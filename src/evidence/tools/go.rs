//! Go: the compiler, vet, modules, gofmt, golangci-lint; its tests are told of in `go_tests`.

use super::extent::{deeper, while_above, with_deeper};
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight};

pub(super) static TOOL: Tool = Tool {
    name: "go",
    about: "`go build`, `go vet`, `go mod` and golangci-lint.",
    example: "# example.com/shop/cart\n./cart.go:12:5: undefined: total",
    rules: &[
        Rule::new(
            K::Lint,
            &[".go:\0:"],
            concat!(
                r"^\s*(?P<file>[^\s:]+\.go):(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)? ",
                r"(?P<message>.+) \((?P<code>[a-z][a-z0-9]+)\)$",
            ),
        )
        .beside(&[" ("])
        .reading(golangci),
        Rule::new(
            K::CompileError,
            &[".go:\0:\0: "],
            concat!(
                r"^(?P<code>vet: )?(?P<file>[^\s:()]+\.go):(?P<line>[0-9]+):",
                r"(?P<column>[0-9]+): (?P<message>.+)$",
            ),
        )
        .reading(compiler),
        Rule::new(
            K::Dependency,
            &[
                "updates to go.",
                "missing go.sum entry",
                "no matching versions",
                "not found",
                "unknown revision",
                "cannot find module",
                "cannot find package",
                "no required module provides",
                "inconsistent vendoring",
                " is not in std",
                " is not in GOROOT",
                "requires go >= ",
                "checksum mismatch",
                "invalid version",
                "verifying ",
                "404 Not Found",
                "410 Gone",
            ],
            concat!(
                r"^(?:(?P<file>[^\s:]+\.go):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"|go: )(?P<message>.*(?:updates to go\.(?:mod|sum) needed",
                r"|missing go\.sum entry|no matching versions|not found|unknown revision",
                r"|cannot find module|cannot find package",
                r"|no required module provides package|inconsistent vendoring",
                r"| is not in (?:std|GOROOT)|requires go >= |checksum mismatch",
                r"|invalid version|verifying |: (?:404 Not Found|410 Gone)).*)$",
            ),
        )
        .beside(&[".go:\0:\0: ", "go: "])
        .reading(with_deeper),
        Rule::new(
            K::Config,
            &["level=error msg="],
            concat!(
                r"^level=error msg=\x22(?P<message>(?:Running error: ",
                r"|\[linters_context).+)\x22$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::Dependency,
            &["no matching versions for query", "cannot find module", "does not contain package"],
            concat!(
                r"^\t(?P<message>[^\s:]+: (?:no matching versions for query",
                r"|cannot find module|module \S+ found(?: \([^)]*\))?, but does not contain",
                r" package).*)$",
            ),
        )
        .reading(imported),
        Rule::new(
            K::Infrastructure,
            &["dial tcp", "i/o timeout", "connection reset", "502 Bad Gateway", "503 Service"],
            concat!(
                r"^(?:go: |\t)(?P<message>.*(?:dial tcp|i/o timeout|connection reset",
                r"|502 Bad Gateway|503 Service).*)$",
            ),
        )
        .reading(unreached),
    ],
};

/// Below its import, a module that could not be reached is known by the address that was asked for.
fn unreached(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let is_asked = |message: &str| message.contains(": Get \"http");
    if !at.text().starts_with('\t') || is_asked(&draft.failure.message) {
        imported(at, draft, found);
    }
}

/// What imports a module stands above what is wrong with it.
fn imported(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let imports = |line: &str| line.ends_with(" imports") || line.ends_with(" tested by");
    while_above(at, &mut draft, imports);
    found.push(draft);
}

fn golangci(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    // A test's own log has no column: `    cart_test.go:12: no rates (ignored)`.
    if at.text().starts_with([' ', '\t']) && draft.failure.column.is_none() {
        return;
    }
    match draft.failure.code.as_deref() {
        Some("gofmt" | "gofumpt" | "goimports" | "gci" | "golines") => {
            draft.failure.kind = K::Format;
        }
        Some("typecheck") => draft.failure.kind = K::CompileError,
        // What the compiler itself puts in brackets.
        Some("value" | "type" | "untyped" | "missing" | "constant" | "variable") => return,
        Some(_) | None => {}
    }
    // The line of code and a caret may stand below.
    if at.below(2).is_some_and(|line| line.trim() == "^") {
        draft.last += 2;
    }
    found.push(draft);
}

fn compiler(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let vet = draft.failure.code.take().is_some();
    if draft.failure.message.starts_with("warning") || draft.failure.message.starts_with("level=") {
        return;
    }
    // A test's own log has the same form, indented; a compiler's line stands at the margin.
    if draft.failure.message == "too many errors" {
        draft.weight = Weight::Consequence;
    }
    if draft.failure.message.contains("no required module provides package")
        || draft.failure.message.contains(" is not in std ")
    {
        draft.failure.kind = K::Dependency;
    }
    let header = at.lines_above(60).find(|(_, line)| line.starts_with("# "));
    if vet && header.is_none() {
        draft.failure.kind = K::CompileError;
    }
    if let Some((_, package)) = header {
        let package = package.trim_start_matches("# ").split(' ').next().unwrap_or("");
        draft.failure.task = Some(package.trim_matches(['[', ']']).to_owned());
    }
    if draft.failure.message.contains("could not import")
        && draft.failure.message.contains("no required module")
    {
        draft.failure.kind = K::Dependency;
    }
    deeper(at, &mut draft);
    found.push(draft);
}

pub(super) static GOFMT: Tool = Tool {
    name: "gofmt",
    about: "`gofmt -l` and `gofmt -d`, where a check prints them.",
    example: "diff cart.go.orig cart.go\n--- cart.go.orig\n+++ cart.go",
    rules: &[
        Rule::new(
            K::Format,
            &[".go.orig"],
            r"^(?P<message>diff (?:-u )?\S+\.go\.orig (?P<file>\S+\.go))$",
        ),
        Rule::new(K::Format, &[".go\n"], r"^(?P<file>[A-Za-z0-9_./-]+\.go)$")
            .weighing(Weight::Guess)
            .reading(listed),
    ],
};

fn listed(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    "not formatted as gofmt wants it".clone_into(&mut draft.failure.message);
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn the_compiler_and_the_linters_are_told_apart() {
        check(
            "# example.com/a/b\nb/x.go:3:4: undefined: y\nFAIL\texample.com/a/b [build failed]",
            "compile_error b/x.go:3:4 undefined: y",
        );
        check(
            "a.go:3:4: Error return value is not checked (errcheck)\n\
             b.go:1:1: File is not properly formatted (gofmt)",
            "lint a.go:3:4 [errcheck] Error return value is not checked\n\
             format b.go:1:1 [gofmt] File is not properly formatted",
        );
        check(
            "go: updates to go.mod needed; to update it:\n\tgo mod tidy",
            "dependency updates to go.mod needed; to update it:",
        );
    }

    #[test]
    fn a_module_that_cannot_be_resolved_is_told_with_what_imports_it() {
        let log = "go: finding module for package example.com/shop/core\n\
             go: example.com/shop/tests tested by\n\texample.com/shop/tests.test imports\n\
             \texample.com/shop/core: no matching versions for query \"latest\"\n";
        check(log, "dependency example.com/shop/core: no matching versions for query \"latest\"");
        check_lines(log, &[(2, 4)]);
        check(
            "go: a.org/x imports\n\ta.org/y/z: module a.org/y@latest found (v1.0.0), \
             but does not contain package a.org/y/z",
            "dependency a.org/y/z: module a.org/y@latest found (v1.0.0), \
             but does not contain package a.org/y/z",
        );
    }
}
