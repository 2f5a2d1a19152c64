//! JavaScript's package managers and the Node runtime: npm, pnpm, yarn, uncaught errors.

use super::extent::while_below;
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, frame_in, is_own};

pub(super) static TOOL: Tool = Tool {
    name: "npm",
    about: "npm, pnpm and yarn: lock files out of step, resolution, registry faults.",
    example: "\
         npm error code ERESOLVE\nnpm error ERESOLVE unable to resolve dependency tree\n\
         npm error\nnpm error Found: react@19.0.0",
    rules: &[
        Rule::new(
            K::Dependency,
            &["npm ERR! code ", "npm error code "],
            r"^npm (?:ERR!|error) code (?P<code>\S+)$",
        )
        .reading(npm),
        Rule::new(
            K::Dependency,
            &["ERR_PNPM_"],
            // Thin spaces stand around the code.
            r"^(?:\s|\xE2\x80\x89)*(?:ERROR\s+|\[?)?(?P<code>ERR_PNPM_[A-Z_0-9]+)\]?(?:\s|\xE2\x80\x89)+(?P<message>.+)$",
        )
        .reading(pnpm),
        Rule::new(
            K::Dependency,
            &["YN00"],
            concat!(
                r"^(?:➤ )?(?P<code>YN00(?:0[1-9]|[1-9][0-9])): .*?(?:│|\|) (?P<message>.*(?:would have been|forbidden|couldn't",
                r"|could not|not found|No candidates|isn't|doesn't|failed|error",
                r"|[Rr]eturned).*)$",
            ),
        )
        .reading(yarn_error),
        Rule::new(
            K::Dependency,
            &[
                "error Your lockfile",
                "error Couldn't find",
                "error Integrity check",
                "error An unexpected error",
                "error The engine",
                "error Found incompatible",
            ],
            concat!(
                r"^error (?P<message>(?:Your lockfile|Couldn't find|Integrity check",
                r"|An unexpected error|The engine|Found incompatible).*)$",
            ),
        ),
        Rule::new(
            K::Dependency,
            &[
                "lockfile had changes, but lockfile is frozen",
                "Required package ",
                "lockfile is frozen",
            ],
            concat!(
                r"^\s*(?:error: |- )?(?P<message>lockfile had changes, but lockfile is ",
                r"frozen.*|Required package .* is not (?:present|in) .*)$",
            ),
        ),
        Rule::new(
            K::Unknown,
            &["Lifecycle script", "ELIFECYCLE", "error Command failed", "Missing script"],
            concat!(
                r"^\s*(?:npm (?:ERR!|error) )?(?P<message>(?:Lifecycle script|ELIFECYCLE",
                r"|error Command failed|Missing script).*)$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

/// Codes with which npm only repeats that a script failed.
const CONSEQUENCES: [&str; 5] = ["ELIFECYCLE", "1", "2", "127", "ERR_SCRIPT_FAILED"];

fn npm(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.clone().unwrap_or_default();
    if CONSEQUENCES.contains(&code.as_str()) || code.bytes().all(|b| b.is_ascii_digit()) {
        draft.weight = Weight::Consequence;
    }
    if is_network_code(&code) {
        draft.failure.kind = K::Infrastructure;
    }
    if code == "ENOENT" || code == "EJSONPARSE" {
        draft.failure.kind = K::Config;
    }
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(12) {
        let Some(told) = line.strip_prefix("npm ERR!").or_else(|| line.strip_prefix("npm error"))
        else {
            break;
        };
        let told = told.trim();
        let told = told.strip_prefix(code.as_str()).map_or(told, str::trim);
        if told.is_empty()
            || ["errno", "syscall", "path", "command", "network"]
                .iter()
                .any(|word| told.starts_with(word))
        {
            continue;
        }
        draft.say(told);
        draft.last = draft.first + distance;
        if distance > 6 {
            break;
        }
    }
    if draft.failure.message.is_empty() {
        draft.failure.message = code;
    }
    found.push(draft);
}

fn is_network_code(code: &str) -> bool {
    [
        "ETIMEDOUT",
        "ECONNRESET",
        "ECONNREFUSED",
        "EAI_AGAIN",
        "ENOTFOUND",
        "E429",
        "E500",
        "E502",
        "E503",
        "E504",
        "ERR_SOCKET_TIMEOUT",
    ]
    .contains(&code)
}

fn pnpm(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.clone().unwrap_or_default();
    if code.starts_with("ERR_PNPM_RECURSIVE")
        || code.contains("LIFECYCLE")
        || code.starts_with("ERR_PNPM_FETCH_FIRST")
    {
        draft.weight = Weight::Consequence;
        draft.failure.kind = K::Unknown;
    }
    if ["ERR_PNPM_META_FETCH_FAIL", "ERR_PNPM_TARBALL_FETCH"]
        .iter()
        .any(|start| code.starts_with(start))
        || code.starts_with("ERR_PNPM_FETCH_5")
    {
        draft.failure.kind = K::Infrastructure;
    }
    if code == "ERR_PNPM_NO_SCRIPT"
        || code == "ERR_PNPM_UNSUPPORTED_ENGINE"
        || code == "ERR_PNPM_NO_PKG_MANIFEST"
    {
        draft.failure.kind = K::Config;
    }
    found.push(draft);
}

fn yarn_error(_: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    // YN0000 carries everything; YN0013 is a fetch count.
    if draft.failure.code.as_deref() != Some("YN0013") {
        found.push(draft);
    }
}

pub(super) static NODE: Tool = Tool {
    name: "node",
    about: "Errors that nobody caught, with their first own stack frame.",
    example: "\
         Error: ENOENT: no such file or directory, scandir '.changeset'\n\
         \x20   at Object.readdirSync (node:fs:1501:26)\n\
         \x20   at main (/home/runner/work/shop/shop/scripts/check.js:12:3)",
    rules: &[Rule::new(
        K::Unknown,
        &["Error: ", "Error [", "Exception: ", "Exception ["],
        concat!(
            r"^\s*(?:Uncaught |node:internal\S* )?(?P<message>(?:[A-Z][A-Za-z]*)?",
            r"(?:Error|Exception)(?: \[(?P<code>[A-Z_0-9]+)\])?: .+)$",
        ),
    )
    .weighing(Weight::Sign)
    .reading(uncaught)],
};

fn uncaught(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut framed = false;
    for (distance, line) in at.lines_below(14) {
        let told = line.trim();
        if let Some((path, line, column)) = frame_in(told) {
            framed = true;
            if is_own(path) {
                draft.place(path, line, column);
                draft.last = draft.first + distance;
                break;
            }
        } else if framed || distance > 6 {
            break;
        }
    }
    if !framed {
        return;
    }
    let message = &draft.failure.message;
    let errno = message.split_once(": ").and_then(|(_, rest)| {
        let word = rest.split([':', ' ']).next()?;
        let is_errno =
            word.len() > 3 && word.starts_with('E') && word.bytes().all(|b| b.is_ascii_uppercase());
        is_errno.then(|| word.to_owned())
    });
    if message.contains("Cannot find module") || message.contains("Cannot find package") {
        draft.failure.kind = K::Dependency;
    } else if message.starts_with("SyntaxError") {
        draft.failure.kind = K::CompileError;
    } else if errno.as_deref().is_some_and(is_network_code) {
        draft.failure.kind = K::Infrastructure;
    } else if errno.is_some() {
        draft.failure.kind = K::Config;
    }
    draft.failure.code = draft.failure.code.take().or(errno);
    while_below(at, &mut draft, |line| frame_in(line).is_some() || line.starts_with("    "));
    // Node shows where it threw above the error: a place, the code, a caret and a blank line.
    if at.above(1).is_some_and(|line| line.trim().is_empty())
        && at.above(2).is_some_and(|line| line.trim_start().starts_with('^'))
        && at.above(4).is_some()
    {
        draft.first -= 4;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed};

    #[test]
    fn pnpm_sets_its_codes_off_with_thin_spaces() {
        check_failed(
            "\u{2009}ERR_PNPM_LOCKFILE_CONFIG_MISMATCH\u{2009} Cannot proceed with the frozen \
             installation.",
            "dependency [ERR_PNPM_LOCKFILE_CONFIG_MISMATCH] Cannot proceed with the frozen \
             installation.",
        );
    }

    #[test]
    fn package_managers_say_what_does_not_fit() {
        check(
            "npm ERR! code EUSAGE\nnpm ERR! \n\
             npm ERR! `npm ci` can only install packages when your package.json and \
             package-lock.json are in sync.",
            "dependency [EUSAGE] `npm ci` can only install packages when your package.json \
             and package-lock.json are in sync.",
        );
        check(
            " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\"",
            "dependency [ERR_PNPM_OUTDATED_LOCKFILE] Cannot install with \"frozen-lockfile\"",
        );
        check(
            "➤ YN0028: │ The lockfile would have been modified by this install, which is \
             explicitly forbidden.",
            "dependency [YN0028] The lockfile would have been modified by this install, which \
             is explicitly forbidden.",
        );
        check(
            "npm error code E503\nnpm error 503 Service Unavailable",
            "infrastructure [E503] 503 Service Unavailable",
        );
        check(
            "error: lockfile had changes, but lockfile is frozen",
            "dependency lockfile had changes, but lockfile is frozen",
        );
    }

    #[test]
    fn a_failed_script_is_only_a_consequence() {
        check(
            "src/a.ts(1,2): error TS1: x\nnpm ERR! code ELIFECYCLE\nnpm ERR! errno 2",
            "type_error src/a.ts:1:2 [TS1] x",
        );
    }

    #[test]
    fn an_uncaught_error_has_its_first_own_frame() {
        check(
            "Error: ENOENT: no such file, open 'x'\n    at open (node:fs:1:2)\n\
             \x20   at main (/home/runner/work/a/a/s.js:3:4)",
            "config s.js:3:4 [ENOENT] Error: ENOENT: no such file, open 'x'",
        );
        check("Error: printed by a passing test", "");
    }
}
