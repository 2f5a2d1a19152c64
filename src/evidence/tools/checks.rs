//! What checks that are no compilers say: annotations, pre-commit, scanners, gates.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent, place_in};

pub(super) static ANNOTATIONS: Tool = Tool {
    name: "github",
    about: "\
         GitHub's workflow commands, in the form that programs print and the runner may not \
         have seen.",
    example: "::error file=src/cart.swift,line=12,col=5::missing argument for parameter 'total'",
    rules: &[
        Rule::new(
            K::Unknown,
            &["::error "],
            r"^\s*::error (?P<task>[^:]*(?::[^:]+)*?)::(?P<message>.+)$",
        )
        .reading(command),
        Rule::new(K::Unknown, &["::error::"], r"^\s*::error::(?P<message>.+)$")
            .weighing(Weight::Sign)
            .reading(unescape),
    ],
};

fn command(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let fields = draft.failure.task.take().unwrap_or_default();
    for field in fields.split(',') {
        let Some((name, value)) = field.split_once('=') else { continue };
        let number = value.trim().parse().ok();
        match name.trim() {
            "file" => draft.path = Some(unescaped(value)),
            "line" => draft.failure.line = number,
            "endLine" => draft.failure.end_line = number,
            "col" | "column" => draft.failure.column = number,
            "title" => draft.failure.code = Some(unescaped(value)),
            _ => {}
        }
    }
    draft.failure.kind = kind_of(draft.path.as_deref(), &draft.failure.message);
    by_title(&mut draft);
    if draft.path.is_none() {
        draft.weight = Weight::Sign;
    }
    extent::code_frame(at, &mut draft);
    unescape(at, draft, found);
}

/// Biome and ruff tell themselves in the title.
fn by_title(draft: &mut Draft) {
    let title = draft.failure.code.clone().unwrap_or_default();
    if let Some(code) = title.strip_prefix("ruff (").and_then(|rest| rest.strip_suffix(')')) {
        draft.failure.tool = Some("ruff".to_owned());
        draft.failure.code = Some(code.to_owned());
        if code == "invalid-syntax" {
            draft.failure.kind = K::CompileError;
        }
    } else if title.starts_with("lint/") {
        draft.failure.tool = Some("biome".to_owned());
    } else if title == "format" {
        draft.failure.kind = K::Format;
    } else if title == "parse" {
        draft.failure.kind = K::CompileError;
    }
}

/// Annotations name no tool; what they are about shows in the file.
pub(super) fn kind_of(path: Option<&str>, message: &str) -> K {
    let extension = path.and_then(|path| path.rsplit('.').next()).unwrap_or("");
    match extension {
        "swift" | "kt" | "java" | "rs" | "go" | "c" | "cc" | "cpp" | "h" | "cs" | "m" | "mm" => {
            K::CompileError
        }
        "ts" | "tsx" if message.contains("TS") => K::TypeError,
        "" => K::Unknown,
        _ => K::Lint,
    }
}

fn unescape(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message = unescaped(&draft.failure.message);
    found.push(draft);
}

fn unescaped(text: &str) -> String {
    let pairs = [("%0D", ""), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")];
    pairs.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

pub(super) static PRE_COMMIT: Tool = Tool {
    name: "pre-commit",
    about: "pre-commit's hooks: the files that they changed, or what they said.",
    example: "\
         trim trailing whitespace.................................................Failed\n\
         - hook id: trailing-whitespace\n- exit code: 1\n- files were modified by this hook\n\n\
         Fixing docs/cart.md\n",
    rules: &[
        Rule::new(K::Format, &["- hook id: "], r"^- hook id: (?P<code>\S+)$").reading(hook),
        Rule::new(
            K::Lint,
            &["(conflict)", "CONFLICT ("],
            r"^CONFLICT \((?P<code>[^)]+)\): (?P<message>.+)$",
        )
        .reading(conflict),
    ],
};

/// Git names the file at the end of most of its sentences, and at the beginning of the others.
fn conflict(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("git".to_owned());
    let message = draft.failure.message.clone();
    let path = match message.split_once("onflict in ") {
        Some((_, path)) => Some(path),
        None => message.split_once(" deleted in ").map(|(path, _)| path),
    };
    if let Some(path) = path.filter(|path| !path.contains(' ')) {
        draft.place(path, None, None);
    }
    found.push(draft);
}

fn hook(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    if !at.above(1).is_some_and(|line| line.trim_end().ends_with("Failed")) {
        return;
    }
    let mut said: Option<(usize, &str)> = None;
    let before = found.len();
    let mut modified = false;
    for (distance, line) in at.lines_below(200) {
        let told = line.trim();
        let next_hook = told.contains("....")
            && (told.ends_with("Passed") || told.ends_with("Failed") || told.ends_with("Skipped"));
        if next_hook || told.starts_with("pre-commit hook(s) made changes") {
            break;
        }
        modified |= told == "- files were modified by this hook";
        let file =
            ["Fixing ", "Reformatted ", "reformatted ", "Sorting ", "Rewriting ", "Formatting "]
                .iter()
                .find_map(|word| told.strip_prefix(word))
                .filter(|file| !file.contains(' '));
        if let Some(file) = file {
            let mut fixed = draft.clone();
            fixed.path = Some(file.to_owned());
            told.clone_into(&mut fixed.failure.message);
            fixed.first = draft.first + distance;
            fixed.last = fixed.first;
            found.push(fixed);
        } else if said.is_none() && !told.is_empty() && !told.starts_with("- ") {
            said = Some((distance, told));
        }
    }
    if found.len() > before {
        return;
    }
    let mut draft = draft;
    draft.failure.kind = K::Lint;
    // A hook that runs a tool we know is understood by that tool's rules.
    draft.weight = if modified { Weight::Cause } else { Weight::Sign };
    let (distance, message) = said.unwrap_or((1, "failed"));
    draft.first += distance;
    draft.last = draft.first;
    message.clone_into(&mut draft.failure.message);
    found.push(draft);
}

pub(super) static SCANNERS: Tool = Tool {
    name: "scanner",
    about: "\
         Vulnerability scanners' tables (Trivy, Grype, npm audit, govulncheck), Bandit, gitleaks, \
         and size and coverage gates.",
    example: "\
         │ google.golang.org/grpc │ CVE-2026-33186 │ CRITICAL │ fixed  │ v1.60.1 │ 1.79.3 │ \
         grpc: bypass │",
    rules: &[
        Rule::new(
            K::Dependency,
            &["CVE-", "GHSA-"],
            concat!(
                r"^│.*│\s*(?P<code>CVE-[0-9]+-[0-9]+|GHSA-[a-z0-9-]+)\s*│\s*(?:CRITICAL|HIGH",
                r"|MEDIUM|LOW|UNKNOWN)\s*│",
            ),
        )
        .reading(table),
        Rule::new(
            K::Dependency,
            &["Vulnerability #"],
            r"^Vulnerability #[0-9]+: (?P<code>GO-[0-9]+-[0-9]+)$",
        )
        .reading(below),
        Rule::new(
            K::Lint,
            &[">> Issue: ["],
            r"^>> Issue: \[(?P<code>B[0-9]{3}):[a-z0-9_]+\] (?P<message>.+)$",
        )
        .reading(bandit),
        Rule::new(K::Lint, &["RuleID:   "], r"^RuleID:   +(?P<code>[a-z0-9-]+)$").reading(gitleaks),
        Rule::new(
            K::Config,
            &["size limit has exceeded", "coverage threshold", "Package size limit"],
            concat!(
                r"^\s*(?P<message>Package size limit has exceeded.*",
                r"|.*coverage threshold .* not met.*)$",
            ),
        ),
    ],
};

fn table(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let cells: Vec<&str> = at.text().split('│').map(str::trim).collect();
    let cell = |column: usize| cells.get(column).copied().unwrap_or("");
    // Library, vulnerability, severity, status, installed and fixed version.
    let said = format!("{} {} {} {}", cell(1), cell(5), cell(2), cell(3));
    said.trim().clone_into(&mut draft.failure.message);
    draft.failure.suggestion =
        Some(cell(6)).filter(|fixed| !fixed.is_empty()).map(|fixed| format!("update to {fixed}"));
    found.push(draft);
}

/// Bandit says where a few lines below what.
fn bandit(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const DETAIL_LINES_MAX: usize = 8;
    draft.failure.tool = Some("bandit".to_owned());
    let place = at.lines_below(DETAIL_LINES_MAX).find_map(|(distance, line)| {
        Some((distance, place_in(line.trim().strip_prefix("Location: ")?)?))
    });
    if let Some((distance, (path, row, column))) = place {
        draft.place(path, row, column);
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

/// gitleaks lists a finding's fields; the secret itself is never taken.
fn gitleaks(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const FIELD_LINES_MAX: usize = 6;
    let field = |name: &str| {
        at.lines_below(FIELD_LINES_MAX).find_map(|(_, line)| Some(line.strip_prefix(name)?.trim()))
    };
    let Some(file) = field("File:") else { return };
    draft.failure.tool = Some("gitleaks".to_owned());
    "what looks like a secret is in the repository".clone_into(&mut draft.failure.message);
    draft.place(file, field("Line:").and_then(|row| row.parse().ok()), None);
    found.push(draft);
}

fn below(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(line) = at.below(1) {
        line.trim().clone_into(&mut draft.failure.message);
        draft.last += 1;
    }
    found.push(draft);
}

/// Jobs that only look at the other jobs' results.
pub(super) static GATES: Tool = Tool {
    name: "gate",
    about: "Jobs that fail because another one did; never a failure where the cause is there.",
    example: "One or more required jobs failed",
    rules: &[Rule::new(
        K::Unknown,
        &[
            "job failed",
            "jobs failed",
            "gate failed",
            "gates failed",
            "check failed",
            "checks failed",
            "test failed",
            "tests failed",
            " have failed",
            " has failed",
        ],
        concat!(
            r"^\W*(?:Error: )?(?P<message>(?:One or more|Some|At least one|Not all",
            r"|(?:[A-Z][a-z]+ )?(?:[Uu]nit|[Ii]ntegration|[Ll]int",
            r"|[Bb]uild)) (?:[a-z]+ ){0,3}(?:jobs?|gates?|checks?|tests?)(?: have",
            r"| has)? failed\W*)$",
        ),
    )
    .weighing(Weight::Elsewhere)],
};

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn a_workflow_command_is_read_behind_any_prefix() {
        check(
            "[08:38:44]: ▸ ::error \
             file=/Users/runner/work/c/c/app/A.swift,line=344,col=68::missing argument%0Afor \
             it",
            "compile_error app/A.swift:344:68 missing argument",
        );
        check("::error::it failed", "unknown it failed");
        check(
            "::error title=ruff (F401),file=a.py,line=1,col=8::a.py:1:8: F401 `os` unused\n\
             ::error title=parse,file=src/a.js,line=3,col=1::Illegal use\n\
             ::warning title=lint/x,file=src/a.js,line=3,col=1::no\n",
            "lint a.py:1:8 [F401] a.py:1:8: F401 `os` unused\n\
             compile_error src/a.js:3:1 [parse] Illegal use",
        );
    }

    #[test]
    fn hooks_name_the_files_they_changed() {
        check(
            "trim trailing whitespace....Failed\n- hook id: trailing-whitespace\n\
             - exit code: 1\n\nFixing a.py\nFixing b/c.md\n\nblack....Passed",
            "format a.py [trailing-whitespace] Fixing a.py\n\
             format b/c.md [trailing-whitespace] Fixing b/c.md",
        );
        check(
            "ruff....Failed\n- hook id: ruff\n- files were modified by this hook\n\n\
             Found 7 errors (7 fixed, 0 remaining).",
            "lint [ruff] Found 7 errors (7 fixed, 0 remaining).",
        );
    }

    #[test]
    fn scanners_of_code_say_where() {
        check(
            ">> Issue: [B602:subprocess_popen_with_shell_equals_true] subprocess call with \
             shell=True\n   Severity: High   Confidence: High\n   CWE: CWE-78\n\
             \x20  Location: ./shop/run.py:12:4\n11\tdef f():\n",
            "lint shop/run.py:12:4 [B602] subprocess call with shell=True",
        );
        check(
            "Finding:     KEY=REDACTED\nSecret:      REDACTED\nRuleID:      aws-access-token\n\
             Entropy:     3.5\nFile:        src/a.ts\nLine:        12\n",
            "lint src/a.ts:12 [aws-access-token] what looks like a secret is in the repository",
        );
        check("Test results:\n\tNo issues identified.\n\nINF no leaks found\n", "");
    }

    #[test]
    fn a_scanner_s_table_is_read() {
        check(
            "│ x/grpc │ CVE-2026-1 │ HIGH │ fixed │ v1.0 │ 1.1 │ t │",
            "dependency [CVE-2026-1] x/grpc v1.0 CVE-2026-1 HIGH",
        );
    }
}
