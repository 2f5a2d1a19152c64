//! Checkers of what is no program: shell scripts, workflows, Dockerfiles, YAML, commit messages,
//! web pages.

use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, extent, place_in};

pub(super) static SCRIPTS: Tool = Tool {
    name: "shellcheck",
    about: "\
         ShellCheck, actionlint, hadolint, markdownlint, SQLFluff, cspell and lychee, in \
         their own and in gcc's form.",
    example: "\
         In deploy.sh line 12:\necho $total\n     ^----^ SC2086 (info): Double quote to prevent \
         globbing and word splitting.\n",
    rules: &[
        Rule::new(
            K::Lint,
            // Every release since 2019 says how bad it is.
            &[" (error)", " (warning)", " (info)", " (style)"],
            concat!(
                r"^\s*\^-*\^?-{0,2} (?P<code>SC[123][0-9]{3}) \((?:error|warning|info",
                r"|style)\): (?P<message>.+)$",
            ),
        )
        .reading(shellcheck),
        Rule::new(
            K::Lint,
            &[" [SC"],
            concat!(
                r"^(?P<file>[^\s:]+):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"(?:error|warning|note): (?P<message>.+) \[(?P<code>SC[123][0-9]{3})\]$",
            ),
        ),
        Rule::new(
            K::Config,
            &[".github/workflows", ".github\\workflows"],
            concat!(
                r"^(?P<file>[^\s:]*\.github[/\\]workflows[/\\][^\s:]+):(?P<line>[0-9]+):",
                r"(?P<column>[0-9]+): (?P<message>.+) \[(?P<code>[a-z-]+)\]$",
            ),
        )
        .reading(actionlint),
        Rule::new(
            K::Lint,
            &[" DL3", " DL4", " SC2"],
            concat!(
                r"^(?P<file>[^\s:]+):(?P<line>[0-9]+) (?P<code>(?:DL[34]|SC2)[0-9]{3}) ",
                r"(?:(?:error|warning|info|style): )?(?P<message>.+)$",
            ),
        )
        .reading(hadolint),
        Rule::new(
            K::Lint,
            &["hadolint:"],
            concat!(
                r"^hadolint:(?P<file>[^\s:]+):(?P<line>[0-9]+): (?P<code>(?:DL|SC)[0-9]{4}) ",
                r"(?:error|warning|info|style): (?P<message>.+)$",
            ),
        )
        .reading(hadolint),
        Rule::new(
            K::CompileError,
            &[" expecting '#', ADD, "],
            concat!(
                r"^(?P<file>[^\s:]+):(?P<line>[0-9]+):(?P<column>[0-9]+) ",
                r"(?P<message>unexpected .+ expecting '#', ADD, .+)$",
            ),
        )
        .reading(hadolint),
        Rule::new(K::Lint, &["] FAIL"], r"^== \[(?P<file>[^\]]+\.sql)\] FAIL$").reading(sqlfluff),
        Rule::new(
            K::Lint,
            &[" - Unknown word ("],
            concat!(
                r"^(?P<file>[^\s:]+):(?P<line>[0-9]+):(?P<column>[0-9]+) - ",
                r"(?P<message>Unknown word \(.+)$",
            ),
        )
        .reading(cspell),
        Rule::new(
            K::Lint,
            &[" | Failed", " | Rejected status code", " | Network error"],
            concat!(
                r"^\s*(?:\* )?\[(?P<code>[0-9]{3}|ERROR)\] ",
                r"(?P<message><?\S+://\S+ \| (?:Failed|Rejected status code|Network error).*)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(lychee),
        Rule::new(
            K::Lint,
            MARKDOWN_RULES,
            concat!(
                r"^(?P<file>[^\s:]+):(?P<line>[0-9]+)(?::(?P<column>[0-9]+))? (?:error )?",
                r"(?P<code>MD[0-9]{3})/(?:blanks-around-|code-block-|code-fence-",
                r"|commands-show|emphasis-style|fenced-code-|first-line-|heading-increment",
                r"|heading-start|heading-style|line-length|link-fragments|link-image-",
                r"|list-indent|list-marker-|no-alt-text|no-bare-urls|no-blanks-",
                r"|no-duplicate-|no-emphasis-|no-empty-links|no-hard-tabs|no-inline-html",
                r"|no-missing-|no-multiple-|no-reversed-|no-space-in|no-trailing-|ol-prefix",
                r"|proper-names|reference-links|required-headings|single-h1|single-title",
                r"|single-trailing-|strong-style|table-column|table-pipe|ul-indent|ul-start",
                r"|ul-style)",
                r"[a-z0-9-]*(?:/[a-z0-9-]+)* (?P<message>.+)$",
            ),
        )
        .reading(markdown),
    ],
};

/// What the names of markdownlint's rules begin with.
const MARKDOWN_RULES: &[&str] = &[
    "/blanks-around-",
    "/code-block-",
    "/code-fence-",
    "/commands-show",
    "/emphasis-style",
    "/fenced-code-",
    "/first-line-",
    "/heading-increment",
    "/heading-start",
    "/heading-style",
    "/line-length",
    "/link-fragments",
    "/link-image-",
    "/list-indent",
    "/list-marker-",
    "/no-alt-text",
    "/no-bare-urls",
    "/no-blanks-",
    "/no-duplicate-",
    "/no-emphasis-",
    "/no-empty-links",
    "/no-hard-tabs",
    "/no-inline-html",
    "/no-missing-",
    "/no-multiple-",
    "/no-reversed-",
    "/no-space-in",
    "/no-trailing-",
    "/ol-prefix",
    "/proper-names",
    "/reference-links",
    "/required-headings",
    "/single-h1",
    "/single-title",
    "/single-trailing-",
    "/strong-style",
    "/table-column",
    "/table-pipe",
    "/ul-indent",
    "/ul-start",
    "/ul-style",
];

/// The file and line stand above the code; several findings may point into one line.
fn shellcheck(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const HEAD_LINES_MAX: usize = 12;
    let head = at.lines_above(HEAD_LINES_MAX).find_map(|(distance, line)| {
        let (file, row) = line.strip_prefix("In ")?.rsplit_once(" line ")?;
        Some((distance, file, row.trim_end_matches(':').parse().ok()?))
    });
    let Some((distance, file, row)) = head else { return };
    let pointer = at.text();
    let column = pointer.len() - pointer.trim_start().len() + 1;
    draft.place(file, Some(row), u32::try_from(column).ok());
    draft.first = at.index - distance;
    found.push(draft);
}

fn hadolint(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("hadolint".to_owned());
    found.push(draft);
}

fn markdown(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("markdownlint".to_owned());
    found.push(draft);
}

/// SQLFluff's rows stand below the file: `L:   1 | P:   4 | LT01 | message`.
fn sqlfluff(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("sqlfluff".to_owned());
    for (distance, line) in at.lines_below(LOOK_LINES_MAX) {
        if !line.starts_with("L:") && !line.starts_with("    ") {
            break;
        }
        let mut cells = line.splitn(4, '|').map(str::trim);
        let (row, column) = (cells.next(), cells.next());
        let (Some(code), Some(message)) = (cells.next(), cells.next()) else { continue };
        let number =
            |cell: Option<&str>, head: &str| cell?.strip_prefix(head)?.trim().parse::<u32>().ok();
        let Some(row) = number(row, "L:") else { continue };
        let mut finding = draft.clone();
        (finding.first, finding.last) = (at.index + distance, at.index + distance);
        finding.failure.line = Some(row);
        finding.failure.column = number(column, "P:");
        finding.failure.code = Some(code.to_owned());
        message.clone_into(&mut finding.failure.message);
        found.push(finding);
    }
}

fn cspell(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("cspell".to_owned());
    found.push(draft);
}

fn lychee(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("lychee".to_owned());
    found.push(draft);
}

fn actionlint(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("actionlint".to_owned());
    extent::while_below(at, &mut draft, |line| {
        let row = line.split_once('|').map(|(row, _)| row.trim());
        row.is_some_and(|row| row.bytes().all(|b| b.is_ascii_digit()))
    });
    found.push(draft);
}

pub(super) static COMMITS: Tool = Tool {
    name: "commitlint",
    about: "commitlint, titles of pull requests, changesets and sign-offs.",
    example: "\
         ⧗   input: stuff\n✖   type may not be empty [type-empty]\n\n\
         ✖   found 1 problems, 0 warnings",
    rules: &[
        Rule::new(
            K::Lint,
            &["✖"],
            concat!(
                r"^\s*✖\s+(?P<message>.+) \[(?P<code>(?:subject|type|body|header|footer|scope",
                r"|references|signed|trailer)-[a-z-]+)\]$",
            ),
        ),
        Rule::new(
            K::Config,
            &["in pull request title", "in the pull request title"],
            concat!(
                r"^(?:Error: )?(?P<message>(?:No release type found|Unknown release type .+ found",
                r"|Unknown scopes? .+ found|No scope found",
                r"|Disallowed scopes? .+ (?:was|were) found",
                r"|The subject .+ found) in (?:the )?pull request title.*)$",
            ),
        )
        .reading(extent::with_indented),
        Rule::new(
            K::Lint,
            &["Title exceeds max length", "Body message is missing", "Title does not "],
            concat!(
                r"^[0-9]+: (?P<code>[A-Z]{1,2}[0-9]+) (?P<message>(?:Title exceeds max",
                r" length|Body message is missing|Title does not ).*)$",
            ),
        ),
        Rule::new(
            K::Config,
            &["Danger has failed this build", "commit incorrectly signed off"],
            concat!(
                r"^(?P<message>Danger has failed this build\.?",
                r"|There is one commit incorrectly signed off.*)$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::Config,
            &["no changesets were found", "The sign-off is missing", "missing sign-off"],
            concat!(
                r"^\W*(?:error )?(?P<message>.*(?:no changesets were found|The sign-off is missing",
                r"|missing sign-off).*)$",
            ),
        ),
    ],
};

/// Limits on how much of the code the tests run.
pub(super) static COVERAGE: Tool = Tool {
    name: "coverage",
    about: "Coverage gates of JaCoCo, Kover, SimpleCov, coverlet, ExUnit, gcovr, tarpaulin.",
    example: "Line coverage (69.06%) is below the expected minimum coverage (80.00%).",
    rules: &[Rule::new(
        K::Config,
        &[
            "below the expected minimum coverage",
            "below the failure threshold",
            "coverage is below the specified",
            "Rule violated for ",
            "but expected minimum is",
            "threshold not met",
            "Expected minimum coverage of",
            "failed minimum ",
            "Failure. Coverage is below ",
            " is below the threshold of ",
        ],
        concat!(
            r"^(?:\[[A-Z]+\] )?\W*(?:.*: error : )?(?P<message>(?:",
            r"\w+ coverage \([0-9.]+%\) is below the expected minimum coverage.*",
            r"|Coverage is below the failure threshold .+",
            r"|The (?:minimum|total|average) \w+ coverage is below the specified .+",
            r"|Rule violated for .+ is [0-9.]+, but expected (?:minimum|maximum) is .+",
            r"|Rule .+ violated: .+ is [0-9.]+, but expected minimum is .+",
            r"|Coverage test failed, threshold not met.*",
            r"|FAILED: Expected minimum coverage of .+|failed minimum \w+ coverage .+",
            r"|Failure\. Coverage is below .+|[Cc]overage .+ is below the threshold of .+))$",
        ),
    )
    .reading(extent::with_indented)],
};

/// Web pages as they were built.
pub(super) static PAGES: Tool = Tool {
    name: "html-proofer",
    about: "HTML-Proofer, versions 3 to 5: links, images and scripts of built pages.",
    example: "\
         - ./_site/index.html\n  *  External link https://example.com/a failed: 404 No error\n\
         htmlproofer 3.19.0 | Error:  HTML-Proofer found 1 failure!",
    rules: &[Rule::new(
        K::Lint,
        &["HTML-Proofer found "],
        r"^(?:htmlproofer [0-9.]+ \| Error: +)?(?P<message>HTML-Proofer found [0-9]+ failures?!)$",
    )
    .reading(proofer)],
};

/// What HTML-Proofer found stands above its sum: a page, then a row for each fault; since version 4
/// a row for each place, then the fault.
fn proofer(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let mut fault: Option<Draft> = None;
    let mut rows: Vec<Draft> = Vec::new();
    let mut unplaced = 0;
    for (distance, line) in at.lines_above(LOOK_LINES_MAX) {
        let index = at.index - distance;
        if let Some((path, row)) = line.strip_prefix("* ").and_then(proofed_place) {
            let Some(mut row_draft) = fault.take() else { break };
            row_draft.place(path, row, None);
            row_draft.first = index;
            rows.push(row_draft);
            unplaced = rows.len();
        } else if let Some(said) = line.strip_prefix("  *  ") {
            rows.push(Draft { first: index, last: index, ..said_of(&draft, said) });
        } else if let Some(page) = line.strip_prefix("- ").filter(|_| unplaced < rows.len()) {
            rows[unplaced..].iter_mut().for_each(|row| row.path = Some(page.to_owned()));
            unplaced = rows.len();
        } else if line.starts_with("Ran on ") {
            break;
        } else if let Some(said) = line.strip_prefix("  ").filter(|said| !said.starts_with(' ')) {
            fault = Some(Draft { first: index, last: index, ..said_of(&draft, said) });
        }
    }
    if rows.is_empty() {
        rows.push(draft);
    }
    found.extend(rows.into_iter().rev());
}

/// Reads `At PATH:LINE:` and `In PATH (line LINE):`.
fn proofed_place(text: &str) -> Option<(&str, Option<u32>)> {
    let place = text.strip_suffix(':')?;
    if let Some(place) = place.strip_prefix("In ") {
        let (path, row) = place.split_once(" (line ").unwrap_or((place, ""));
        return Some((path, row.trim_end_matches(')').parse().ok()));
    }
    let place = place.strip_prefix("At ")?;
    Some(place_in(place).map_or((place, None), |(path, row, _)| (path, row)))
}

/// A fault in HTML-Proofer's words, which version 3 ends with the line.
fn said_of(draft: &Draft, said: &str) -> Draft {
    let mut draft = draft.clone();
    let row = said
        .rsplit_once(" (line ")
        .and_then(|(said, row)| Some((said, row.strip_suffix(')')?.parse().ok()?)));
    draft.failure.line = row.map(|(_, row)| row);
    row.map_or(said, |(said, _)| said).clone_into(&mut draft.failure.message);
    draft
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn faults_of_built_pages_are_read() {
        let third = "curl: (22) The requested URL returned error: 404\nRan on 2 files!\n\n\n\
             - ./_site/a.html\n  *  internally linking to b.html, which does not exist (line 1)\n\
             \x20    <a href=\"b.html\">b</a>\n\
             \x20 *  External link https://x.org failed: 404 No error\n\
             - ./_site/c.html\n  *  image d.png does not have an alt attribute (line 3)\n\
             htmlproofer 3.0.6 | Error:  HTML-Proofer found 3 failures!\n";
        check(
            third,
            "lint _site/a.html:1 internally linking to b.html, which does not exist\n\
             lint _site/a.html External link https://x.org failed: 404 No error\n\
             lint _site/c.html:3 image d.png does not have an alt attribute",
        );
        let fourth = "Ran on 2 files!\n\n\n\
             For the Links > External check, the following failures were found:\n\n\
             * At _site/a.html:6:\n\n  External link https://x.org failed (status code 404)\n\n\
             * In _site/b.html (line 7):\n\n  External link https://y.org failed\n\n\
             HTML-Proofer found 2 failures!\n";
        check(
            fourth,
            "lint _site/a.html:6 External link https://x.org failed (status code 404)\n\
             lint _site/b.html:7 External link https://y.org failed",
        );
        check_lines(fourth, &[(6, 8), (10, 12)]);
        check("HTML-Proofer found 1 failure!\n", "lint HTML-Proofer found 1 failure!");
    }

    #[test]
    fn checkers_of_scripts_are_read() {
        let log = "\nIn deploy.sh line 12:\necho $x $y\n     ^-- SC2086 (info): Double quote to \
             prevent globbing.\n        ^-- SC2154 (warning): y is referenced but not assigned.\n\n\
             Did you mean: \necho \"$x\" \"$y\"\n\nFor more information:\n\
             \x20 https://www.shellcheck.net/wiki/SC2154 -- y is referenced but not assigned.\n";
        check(
            log,
            "lint deploy.sh:12:6 [SC2086] Double quote to prevent globbing.\n\
             lint deploy.sh:12:9 [SC2154] y is referenced but not assigned.",
        );
        check_lines(log, &[(2, 4), (2, 5)]);
        check(
            "deploy.sh:12:6: note: Double quote to prevent globbing. [SC2086]\n",
            "lint deploy.sh:12:6 [SC2086] Double quote to prevent globbing.",
        );
        check(
            "Dockerfile:3 DL3008 warning: Pin versions in apt get install.\n\
             Dockerfile:5 DL4006 Set the SHELL option -o pipefail\n",
            "lint Dockerfile:3 [DL3008] Pin versions in apt get install.\n\
             lint Dockerfile:5 [DL4006] Set the SHELL option -o pipefail",
        );
        let action = ".github/workflows/ci.yml:12:9: unexpected key \"step\" for \"job\" section \
             [syntax-check]\n   |\n12 |     step:\n   |     ^~~~~\n";
        check(
            action,
            "config .github/workflows/ci.yml:12:9 [syntax-check] unexpected key \"step\" for \
             \"job\" section",
        );
        check_lines(action, &[(1, 4)]);
    }

    #[test]
    fn dockerfiles_and_documents_are_read() {
        check(
            "hadolint:Dockerfile:3: DL3004 error: Do not use sudo\n\
             Dockerfile:1:1 unexpected 'F' expecting '#', ADD, ARG, CMD, COPY\n",
            "lint Dockerfile:3 [DL3004] Do not use sudo\n\
             compile_error Dockerfile:1:1 unexpected 'F' expecting '#', ADD, ARG, CMD, COPY",
        );
        check(
            "a.md:1 error MD022/blanks-around-headings Headings should be surrounded\n\
             a.md:4:81 MD013/line-length Line length [Expected: 80; Actual: 120]\n\
             a.md:5:1 error MD004/ul-style Unordered list style\n",
            "lint a.md:1 [MD022] Headings should be surrounded\n\
             lint a.md:4:81 [MD013] Line length [Expected: 80; Actual: 120]\n\
             lint a.md:5:1 [MD004] Unordered list style",
        );
        check("Linting: 1 file(s)\nSummary: 0 error(s)\n", "");
        check(
            "docs/a.md:3:5 - Unknown word (teh) fix: (the)\nCSpell: Files checked: 1, Issues found: \
             1 in 1 file.\n",
            "lint docs/a.md:3:5 Unknown word (teh) fix: (the)",
        );
        check(
            "== [models/a.sql] FAIL\n\
             L:   1 | P:   4 | LT01 | Expected only single space. Found\n\
             \x20                      | more. [layout.spacing]\n\
             L:   3 | P:   1 | RF01 | No such reference.\nAll Finished!\n",
            "lint models/a.sql:1:4 [LT01] Expected only single space. Found\n\
             lint models/a.sql:3:1 [RF01] No such reference.",
        );
        check("== [models/a.sql] PASS\nAll Finished!\n", "");
        check(
            "* [404] <https://example.com/x> | Failed: Network error: Not Found\n",
            "lint [404] <https://example.com/x> | Failed: Network error: Not Found",
        );
    }

    #[test]
    fn commits_and_titles_are_read() {
        check(
            "⧗   input: stuff\n✖   subject may not be empty [subject-empty]\n\
             ✖   type may not be empty [type-empty]\n\n✖   found 2 problems, 0 warnings\n",
            "lint [subject-empty] subject may not be empty\n\
             lint [type-empty] type may not be empty",
        );
        check(
            "##[error]No release type found in pull request title \"stuff\". Add a prefix.\n",
            "config No release type found in pull request title \"stuff\". Add a prefix.",
        );
        check(
            "🦋  error Some packages have been changed but no changesets were found. Run \
             `changeset add` to resolve this error.\n",
            "config Some packages have been changed but no changesets were found. Run `changeset \
             add` to resolve this error.",
        );
    }

    #[test]
    fn coverage_gates_are_read() {
        for said in [
            "Line coverage (69.06%) is below the expected minimum coverage (80.00%).",
            "Rule violated for bundle shop: lines covered ratio is 0.60, but expected minimum is \
             0.80",
            "Coverage is below the failure threshold 60.00% < 80.00%",
            "failed minimum line coverage (got 60.0%, minimum 80.0%)",
            "The minimum line coverage is below the specified 80%",
            "FAILED: Expected minimum coverage of 80%, got 69%.",
            "Failure. Coverage is below 80%.",
            "Coverage 75.0% is below the threshold of 80%",
        ] {
            check(said, &format!("config {said}"));
        }
        check("Line Coverage: 91.0% (10 / 11)\nTotal coverage: 91%\n", "");
    }
}
