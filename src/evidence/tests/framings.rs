//! One output, every CI system around it: what is read of it must not differ.

use super::super::*;
use super::line_of;
use crate::domain::failure::Failure;

/// What a CI system makes of a step's output, given line by line, and of how it ended.
type Framing = fn(&[&str], bool) -> String;

/// Every framing, by the CI system's name.
const FRAMINGS: [(&str, Framing); 12] = [
    ("GitHub", github),
    ("gh run view", gh_run_view),
    ("Travis", travis),
    ("GitLab", gitlab),
    ("GitLab with times", gitlab_timed),
    ("Azure", azure),
    ("CircleCI", circleci),
    ("Buildkite", buildkite),
    ("Jenkins", jenkins_classic),
    ("Jenkins Pipeline", jenkins_pipeline),
    ("Jenkins Pipeline with times", jenkins_timed),
    ("TeamCity", teamcity),
];

/// Lines with something before each.
fn prefixed(prefix: &str, lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [prefix, line, "\n"]).collect()
}

/// The lines between others.
fn around<'l>(before: &[&'l str], lines: &[&'l str], after: &[&'l str]) -> Vec<&'l str> {
    [before, lines, after].concat()
}

fn github(lines: &[&str], passed: bool) -> String {
    let before = ["##[group]Run make", "make", "shell: /usr/bin/bash -e {0}", "##[endgroup]"];
    let after: &[&str] = if passed {
        &["Post job cleanup.", "Cleaning up orphan processes"]
    } else {
        &["##[error]Process completed with exit code 2.", "Post job cleanup."]
    };
    prefixed(super::STAMP, &around(&before, lines, after))
}

fn gh_run_view(lines: &[&str], passed: bool) -> String {
    let log = github(lines, passed);
    log.lines().flat_map(|line| ["build\tmake\t", line, "\n"]).collect()
}

fn travis(lines: &[&str], passed: bool) -> String {
    let before = ["travis_fold:start:git\r\u{1b}[0K$ git clone", "travis_fold:end:git", "$ make"];
    let after: &[&str] = if passed {
        &["The command \"make\" exited with 0.", "", "Done. Your build exited with 0."]
    } else {
        &["The command \"make\" exited with 2.", "", "Done. Your build exited with 1."]
    };
    prefixed("", &around(&before, lines, after))
}

const GITLAB_BEFORE: [&str; 5] = [
    "Running with gitlab-runner 17.5.0 (a1b2c3d4)",
    "section_start:1763700000:get_sources\r\u{1b}[0K\u{1b}[0K\u{1b}[36;1mGetting source from Git \
     repository\u{1b}[0;m",
    "Initialized empty Git repository in /builds/acme/shop/.git/",
    "section_end:1763700001:get_sources\r\u{1b}[0Ksection_start:1763700001:step_script\r\u{1b}[0K\
     \u{1b}[0K\u{1b}[36;1mExecuting \"step_script\" stage of the job script\u{1b}[0;m",
    "\u{1b}[32;1m$ make\u{1b}[0;m",
];

const GITLAB_PASSED: [&str; 4] = [
    "section_end:1763700009:step_script\r\u{1b}[0Ksection_start:1763700009:\
     cleanup_file_variables\r\u{1b}[0K\u{1b}[0K\u{1b}[36;1mCleaning up project directory and file \
     based variables\u{1b}[0;m",
    "",
    "section_end:1763700010:cleanup_file_variables\r\u{1b}[0K\u{1b}[32;1mJob succeeded\u{1b}[0;m",
    "",
];

const GITLAB_FAILED: [&str; 6] = [
    "section_end:1763700009:step_script\r\u{1b}[0Ksection_start:1763700009:\
     after_script\r\u{1b}[0K\u{1b}[0K\u{1b}[36;1mRunning after_script\u{1b}[0;m",
    "src/after.ts(1,2): error TS1: tolerated, for it runs afterwards",
    "section_end:1763700009:after_script\r\u{1b}[0Ksection_start:1763700009:\
     cleanup_file_variables\r\u{1b}[0K\u{1b}[0K\u{1b}[36;1mCleaning up project directory and file \
     based variables\u{1b}[0;m",
    "",
    "section_end:1763700010:cleanup_file_variables\r\u{1b}[0K\u{1b}[31;1mERROR: Job failed: exit \
     code 1",
    "\u{1b}[0;m",
];

fn gitlab(lines: &[&str], passed: bool) -> String {
    let after: &[&str] = if passed { &GITLAB_PASSED } else { &GITLAB_FAILED };
    prefixed("", &around(&GITLAB_BEFORE, lines, after))
}

fn gitlab_timed(lines: &[&str], passed: bool) -> String {
    let log = gitlab(lines, passed);
    let stamp = |(n, line)| {
        [
            ["2026-11-21T07:00:00.123456Z 01O ", "2026-11-21T07:00:00.123456Z 00E "][n % 2],
            line,
            "\n",
        ]
    };
    log.lines().enumerate().flat_map(stamp).collect()
}

fn azure(lines: &[&str], passed: bool) -> String {
    let before = [
        "##[section]Starting: Job",
        "##[section]Starting: CmdLine",
        "==============================================================================",
        "Task         : Command line",
        "Description  : Run a command line script using Bash on Linux and macOS",
        "==============================================================================",
        "Generating script.",
        "Script contents:",
        "make",
        "========================== Starting Command Output ===========================",
        "##[command]/usr/bin/bash --noprofile --norc /home/vsts/work/_temp/a.sh",
    ];
    let failed = ["##[error]Bash exited with code '2'.", "##[section]Finishing: CmdLine"];
    let after: &[&str] = if passed { &failed[1..] } else { &failed };
    let end = [
        "##[section]Starting: Checkout",
        "##[section]Finishing: Checkout",
        "##[section]Finishing: Job",
    ];
    prefixed(super::STAMP, &around(&before, lines, &[after, &end].concat()))
}

fn circleci(lines: &[&str], passed: bool) -> String {
    let before = ["#!/bin/bash -eo pipefail", "make", ""];
    let after: &[&str] = if passed {
        &["CircleCI received exit code 0"]
    } else {
        &["", "Exited with code exit status 2", "CircleCI received exit code 2"]
    };
    prefixed("", &around(&before, lines, after))
}

/// Buildkite says nothing of a job that passed.
fn buildkite(lines: &[&str], passed: bool) -> String {
    let before = [
        "~~~ Preparing working directory",
        "\u{1b}[90m$\u{1b}[0m cd /var/lib/buildkite-agent/builds/agent-1/acme/shop",
        "~~~ Running commands",
        "\u{1b}[90m$\u{1b}[0m make",
        "--- :hammer: Build",
    ];
    let failed = [
        "^^^ +++",
        "\u{1b}[31m🚨 Error: The command exited with status 2\u{1b}[0m",
        "\u{1b}[90muser command error: exit status 2\u{1b}[0m",
        "~~~ Running agent pre-exit hook",
    ];
    let lines = if passed { &["fine"] } else { lines };
    let after: &[&str] = if passed { &failed[3..] } else { &failed };
    let lines = around(&before, lines, after);
    lines.iter().flat_map(|line| ["\u{1b}_bk;t=1763700000123\u{7}", line, "\r\n"]).collect()
}

fn jenkins_classic(lines: &[&str], passed: bool) -> String {
    let before = [
        "Started by user \u{1b}[8mha:////4JAAAA==\u{1b}[0madmin",
        "Building in workspace /srv/ci/workspace/shop",
        "[shop] $ /bin/sh -xe /tmp/jenkins8273910.sh",
        "+ make",
    ];
    let after: &[&str] = if passed {
        &["Finished: SUCCESS"]
    } else {
        &["Build step 'Execute shell' marked build as failure", "Finished: FAILURE"]
    };
    prefixed("", &around(&before, lines, after))
}

const PIPELINE_BEFORE: [&str; 14] = [
    "Started by user admin",
    "[Pipeline] Start of Pipeline",
    "[Pipeline] node",
    "Running on agent-1 in /home/jenkins/agent/workspace/shop",
    "[Pipeline] {",
    "[Pipeline] stage",
    "[Pipeline] { (Tolerant)",
    "[Pipeline] sh",
    "all is well",
    "[Pipeline] }",
    "[Pipeline] // stage",
    "[Pipeline] stage",
    "[Pipeline] { (Build)",
    "[Pipeline] sh",
];

fn pipeline<'l>(lines: &[&'l str], passed: bool) -> Vec<&'l str> {
    let skipped = [
        "[Pipeline] }",
        "[Pipeline] // stage",
        "[Pipeline] stage",
        "[Pipeline] { (Deploy)",
        "Stage \"Deploy\" skipped due to earlier failure(s)",
    ];
    let end = [
        "[Pipeline] }",
        "[Pipeline] // stage",
        "[Pipeline] stage",
        "[Pipeline] { (Declarative: Post Actions)",
        "[Pipeline] junit",
        "Recording test results",
        "[Pipeline] }",
        "[Pipeline] // stage",
        "[Pipeline] }",
        "[Pipeline] // node",
        "[Pipeline] End of Pipeline",
    ];
    let after: &[&str] = if passed {
        &["Finished: SUCCESS"]
    } else {
        &["ERROR: script returned exit code 2", "Finished: FAILURE"]
    };
    let skipped: &[&str] = if passed { &[] } else { &skipped };
    around(&PIPELINE_BEFORE, lines, &[skipped, &end, after].concat())
}

fn jenkins_pipeline(lines: &[&str], passed: bool) -> String {
    prefixed("", &pipeline(lines, passed))
}

fn jenkins_timed(lines: &[&str], passed: bool) -> String {
    let lines = pipeline(lines, passed);
    let (sh, rest) = lines.split_at(PIPELINE_BEFORE.len());
    [prefixed("[2026-11-21T07:00:00.123Z] ", sh), prefixed("12:00:00  ", rest)].concat()
}

fn teamcity(lines: &[&str], passed: bool) -> String {
    let begin = "[12:00:00] : Agent time zone: UTC\n\
         [12:00:00] : Checkout directory: /srv/agent/work/0a1b2c3d4e5f6071\n\
         [12:00:00] : Step 1/2: Lint (Command Line)\n\
         [12:00:01] :\t [Step 1/2] src/before.ts(1,2): error TS1: tolerated by its step\n\
         [12:00:01] :\t [Step 1/2] Process exited with code 0\n\
         [12:00:01] : Step 2/2: Tests (Command Line)\n\
         [12:00:01] :\t [Step 2/2] Starting: /srv/agent/temp/agentTmp/custom_script1\n\
         [12:00:01] :\t [Step 2/2] in directory: /srv/agent/work/0a1b2c3d4e5f6071\n";
    let end = if passed {
        "[12:00:02] :\t [Step 2/2] Process exited with code 0\n[12:00:02] : Build finished\n"
    } else {
        "[12:00:02]W:\t [Step 2/2] Process exited with code 2\n\
         [12:00:02]E:\t [Step 2/2] Process exited with code 2 (Step: Tests (Command Line))\n\
         [12:00:02]E:\t [Step 2/2] Step Tests (Command Line) failed\n\
         [12:00:02] : Build finished\n"
    };
    [begin, &prefixed("[12:00:02]W:\t [Step 2/2] ", lines), end].concat()
}

/// What makes a failure the same wherever it was read.
fn told(failure: &Failure) -> String {
    format!("{} {}", failure.fingerprint().as_str(), line_of(failure))
}

/// An example as its tool prints it: what GitHub's runner makes of lines is another framing.
fn output(tool: &rule::Tool) -> Option<Vec<&'static str>> {
    let lines: Vec<&str> = tool.example.lines().collect();
    (!tool.example.contains("##[")).then_some(lines)
}

#[test]
fn one_output_says_the_same_in_every_ci_system() {
    let mut wrong = Vec::new();
    for tool in tools::TOOLS {
        let Some(lines) = output(tool) else { continue };
        let hints = Hints { exit_code: Some(2), ..Hints::default() };
        let plain = read(prefixed("", &lines).as_bytes(), &hints).failures;
        let plain: Vec<String> = plain.iter().map(told).collect();
        for (system, frame) in FRAMINGS {
            let framed = read(frame(&lines, false).as_bytes(), &Hints::default()).failures;
            let framed: Vec<String> = framed.iter().map(told).collect();
            if framed != plain {
                wrong.push(format!("{} in {system}:\n  {framed:?}\nnot\n  {plain:?}", tool.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_job_that_passed_has_no_failures_in_any_ci_system() {
    for tool in tools::TOOLS {
        let Some(lines) = output(tool) else { continue };
        for (system, frame) in FRAMINGS {
            let failures = read(frame(&lines, true).as_bytes(), &Hints::default()).failures;
            assert!(failures.is_empty(), "{} in {system}: {failures:?}", tool.name);
        }
    }
}

#[test]
fn a_ci_system_s_last_words_are_never_the_cause() {
    for (system, frame) in FRAMINGS {
        let lines = ["comparing", "The two lists differ: could not match 3 names", "done"];
        let failures = read(frame(&lines, false).as_bytes(), &Hints::default()).failures;
        let got: Vec<String> = failures.iter().map(line_of).collect();
        let expected = ["unknown The two lists differ: could not match 3 names"];
        assert_eq!(got, expected, "{system}");
    }
}

#[test]
fn the_step_that_failed_is_named_as_its_system_names_it() {
    let names = [
        ("GitHub", "Run make"),
        ("gh run view", "make"),
        ("Travis", "make"),
        ("GitLab", "Executing \"step_script\" stage of the job script"),
        ("GitLab with times", "Executing \"step_script\" stage of the job script"),
        ("Azure", "CmdLine"),
        ("CircleCI", "make"),
        ("Buildkite", "Running commands"),
        ("Jenkins", "/bin/sh -xe /tmp/jenkins8273910.sh"),
        ("Jenkins Pipeline", "Build"),
        ("Jenkins Pipeline with times", "Build"),
        ("TeamCity", "Tests (Command Line)"),
    ];
    for ((system, frame), (_, name)) in FRAMINGS.into_iter().zip(names) {
        let log = frame(&["src/a.ts(1,2): error TS1: x"], false);
        let failures = read(log.as_bytes(), &Hints::default()).failures;
        let steps: Vec<Option<&str>> = failures.iter().map(|f| f.source.step.as_deref()).collect();
        assert_eq!(steps, [Some(name)], "{system}");
    }
}
