//! Security checks of code, infrastructure and dependencies: gosec, Checkov, Semgrep, npm audit,
//! pip-audit.

use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, place_in};

/// How far below its head a finding may say its place or its line.
const DETAIL_LINES_MAX: usize = 12;

pub(super) static TOOL: Tool = Tool {
    name: "gosec",
    about: "gosec, Checkov, Semgrep, npm audit and pip-audit: one failure a finding.",
    example: "\
         [/home/runner/work/shop/shop/main.go:12] - G204 (CWE-78): Subprocess launched with variable \
         (Confidence: HIGH, Severity: MEDIUM)",
    rules: &[
        Rule::new(
            K::Lint,
            &["] - G"],
            concat!(
                r"^\[(?P<file>[^\]]+?):(?P<line>[0-9]+)(?:-[0-9]+)?(?::(?P<column>[0-9]+))?\] - ",
                r"(?P<code>G[0-9]{3}) (?:\(CWE-[0-9]+\))?: (?P<message>.+?)",
                r"(?: \(Confidence: [^()]*\))?$",
            ),
        ),
        Rule::new(
            K::Lint,
            &["Check: CKV"],
            r#"^Check: (?P<code>CKV[0-9A-Z]*_[0-9A-Z_]+): "(?P<message>.+)"$"#,
        )
        .reading(checkov),
        Rule::new(K::Lint, &["❯❱ "], r"^\s*❯+❱ (?P<code>[A-Za-z0-9_.-]+)$").reading(semgrep),
        Rule::new(
            K::Dependency,
            &["https://github.com/advisories/GHSA-"],
            r"^(?P<message>\S.*) - https://github\.com/advisories/(?P<code>GHSA-[a-z0-9-]+)$",
        )
        .weighing(Weight::Sign)
        .reading(npm_audit),
        Rule::new(
            K::Dependency,
            &[" PYSEC-", " GHSA-", " CVE-"],
            r"^(?P<message>\S+ +\S+ +(?P<code>(?:PYSEC|GHSA|CVE)-[A-Za-z0-9-]+))(?: +(?P<task>[0-9].*))?$",
        )
        .reading(pip_audit),
    ],
};

/// Whether the check failed, and where, stands below; checks that passed may be listed too.
fn checkov(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("checkov".to_owned());
    let is_failed = at.below(1).is_some_and(|line| line.trim().starts_with("FAILED for "));
    let place = at.lines_below(DETAIL_LINES_MAX).find_map(|(distance, line)| {
        Some((distance, place_in(line.trim().strip_prefix("File: ")?)?))
    });
    if let Some((distance, (path, row, _))) = place.filter(|_| is_failed) {
        // Paths begin at the folder that was looked through.
        draft.place(path.trim_start_matches('/'), row, None);
        draft.last = draft.first + distance;
        found.push(draft);
    }
}

/// The file heads its findings; a finding's words and then its lines stand below its rule.
fn semgrep(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("semgrep".to_owned());
    let indent = |line: &str| line.len() - line.trim_start().len();
    let margin = at.lines_above(LOOK_LINES_MAX).map(|(_, line)| line);
    let path = margin.map(str::trim_end).find(|line| {
        !line.trim().is_empty() && indent(line) <= 4 && !line.contains(['❯', '❱', '┆', '⋮'])
    });
    let mut line = None;
    draft.failure.message.clear();
    for (distance, told) in at.lines_below(DETAIL_LINES_MAX) {
        let told = told.trim();
        if let Some((row, _)) = told.split_once('┆') {
            line = row.trim().parse().ok();
            draft.last = draft.first + distance;
            break;
        }
        if !told.is_empty() && !told.starts_with("Details:") {
            draft.say(told);
        }
    }
    if let Some(path) = path.filter(|_| line.is_some()) {
        draft.place(path.trim(), line, None);
        found.push(draft);
    }
}

/// The package heads the paragraph in which its advisories stand.
fn npm_audit(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let above = at.lines_above(LOOK_LINES_MAX).map(|(_, line)| line);
    let Some(package) = above.take_while(|line| !line.trim().is_empty()).last() else { return };
    draft.failure.tool = Some("npm audit".to_owned());
    let message = std::mem::take(&mut draft.failure.message);
    draft.failure.message = format!("{}: {message}", package.trim());
    found.push(draft);
}

/// A row of the table: name, version, advisory and in which versions it is mended.
fn pip_audit(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_head = |line: &str| line.starts_with("Name ") && line.contains(" ID ");
    let mut above = at.lines_above(LOOK_LINES_MAX).map(|(_, line)| line);
    if !above.any(is_head) {
        return;
    }
    draft.failure.tool = Some("pip-audit".to_owned());
    let words: Vec<&str> = draft.failure.message.split_whitespace().collect();
    draft.failure.message = words.join(" ");
    draft.failure.suggestion =
        draft.failure.task.take().map(|fixed| format!("update to {}", fixed.trim()));
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed};

    #[test]
    fn findings_in_code_have_their_place() {
        check(
            "Results:\n\n[/home/runner/work/shop/shop/main.go:12-14] - G204 (CWE-78): Subprocess \
             launched with variable (Confidence: HIGH, Severity: MEDIUM)\n    11: func run() {\n\n\
             Summary:\n  Issues : 1\n",
            "lint main.go:12 [G204] Subprocess launched with variable",
        );
        check(
            "    shop/run.py\n    ❯❯❱ python.lang.security.audit.eval-detected\n\
             \x20         Detected the use of eval(). It can be dangerous.\n\
             \x20         Details: https://sg.run/ZvrD\n\n            3┆ eval(x)\n\
             \x20   ❯❱ python.lang.best-practice.open-never-closed\n          File is not closed.\n\n\
             \x20           9┆ open(p)\n",
            "lint shop/run.py:3 [python.lang.security.audit.eval-detected] Detected the use of \
             eval(). It can be dangerous.\n\
             lint shop/run.py:9 [python.lang.best-practice.open-never-closed] File is not closed.",
        );
    }

    #[test]
    fn checks_of_infrastructure_that_passed_are_none() {
        check(
            "Passed checks: 1, Failed checks: 1, Skipped checks: 0\n\n\
             Check: CKV_AWS_20: \"S3 Bucket allows public READ access.\"\n\
             \tFAILED for resource: aws_s3_bucket.shop\n\tFile: /infra/main.tf:12-20\n\
             Check: CKV_AWS_21: \"Versioning\"\n\tPASSED for resource: aws_s3_bucket.shop\n\
             \tFile: /infra/main.tf:12-20\n",
            "lint infra/main.tf:12 [CKV_AWS_20] S3 Bucket allows public READ access.",
        );
    }

    #[test]
    fn advisories_name_the_package() {
        check_failed(
            "# npm audit report\n\nlodash  <=4.17.20\nSeverity: high\n\
             Command Injection in lodash - https://github.com/advisories/GHSA-35jh-r3h4-6jhm\n\
             fix available via `npm audit fix`\nnode_modules/lodash\n\n1 high severity vulnerability\n",
            "dependency [GHSA-35jh-r3h4-6jhm] lodash  <=4.17.20: Command Injection in lodash",
        );
        check(
            "Found 1 known vulnerability in 1 package\nName  Version ID             Fix Versions\n\
             ----- ------- -------------- ------------\nflask 0.5     PYSEC-2019-179 1.0\n",
            "dependency [PYSEC-2019-179] flask 0.5 PYSEC-2019-179",
        );
    }
}
