//! `action/report`: its script as GitHub runs it, with the built program and no network.

use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

/// A command that fails as a compiler does.
const FAILS: &str = "printf 'src/cart.ts(2,5): error TS2339: no total\\n'; exit 7";

/// A machine that runs jobs.
struct Job {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

/// How the step ended and what it left.
struct Step {
    code: Option<i32>,
    said: String,
    summary: String,
    outputs: String,
}

impl Job {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["temp", "code/src", "code/out"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let job = Self { dir, variables: Vec::new() };
        job.write("src/cart.ts", "a\nb\n");
        job.with("SELFHEAL_BIN", env!("CARGO_BIN_EXE_selfheal"))
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path("code").join(name), text).unwrap();
    }

    /// Plays the action's first step.
    fn step(&self) -> Step {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("action/report");
        let output = Command::new("bash")
            .arg(folder.join("report.sh"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("RUNNER_TEMP", self.path("temp"))
            .env("GITHUB_WORKSPACE", self.path("code"))
            .env("GITHUB_OUTPUT", self.path("outputs"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .env("REPORT_NAME", "test-0")
            .envs(self.variables.iter().cloned())
            .current_dir(self.path("code"))
            .output()
            .unwrap();
        let text = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        let said =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        let temp = self.path("temp").display().to_string();
        Step {
            code: output.status.code(),
            said: said.replace(&temp, "TEMP"),
            summary: text("summary"),
            outputs: text("outputs").replace(&temp, "TEMP"),
        }
    }

    /// What the next step uploads: names, sorted.
    fn uploads(&self) -> Vec<String> {
        let folder = std::fs::read_dir(self.path("temp/selfheal/report/folder")).unwrap();
        let mut names: Vec<String> =
            folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_wrapped_command_that_fails_is_told_of_three_times_and_its_end_is_kept() {
    let job = Job::new().with("REPORT_RUN", FAILS);
    let step = job.step();
    assert_eq!(
        step.code,
        Some(0),
        "the last step of the action ends as the command: {}",
        step.said
    );
    assert_snapshot!(step.said, @r"
    src/cart.ts(2,5): error TS2339: no total
    ::error file=src/cart.ts,line=2,col=5,title=tsc TS2339::no total
    ");
    assert!(step.summary.starts_with("| where | kind | what |\n"), "{}", step.summary);
    assert!(step.summary.contains("`src/cart.ts:2:5`"), "{}", step.summary);
    assert_snapshot!(step.outputs, @r"
    code=7
    folder=TEMP/selfheal/report/folder
    artifact=selfheal-report-test-0
    ");
    assert_eq!(job.uploads(), ["selfheal-job.json", "selfheal-report.json"]);
    let report = job.path("temp/selfheal/report/folder/selfheal-report.json");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["failures"][0]["code"], "TS2339");
}

#[test]
fn a_command_that_ends_well_costs_nothing_more_than_itself() {
    let job = Job::new().with("REPORT_RUN", "echo fine").with("SELFHEAL_BIN", "/no/such/program");
    let step = job.step();
    assert_eq!((step.code, step.said.as_str()), (Some(0), "fine\n"));
    assert_eq!((step.summary.as_str(), step.outputs.as_str()), ("", "code=0\n"));
}

#[test]
fn a_pipe_that_fails_in_its_middle_fails() {
    let step = Job::new().with("REPORT_RUN", "false | cat\necho never").step();
    assert!(step.outputs.starts_with("code=1\n"), "{}", step.outputs);
    assert!(!step.said.contains("never"), "{}", step.said);
}

#[test]
fn the_log_of_an_earlier_step_is_read() {
    let job = Job::new().with("REPORT_LOG", "out/build.log");
    job.write("out/build.log", "src/cart.ts(2,5): error TS2339: no total\n");
    let step = job.step();
    assert!(step.said.starts_with("::error file=src/cart.ts,line=2"), "{}", step.said);
    assert!(step.outputs.starts_with("code=0\n"), "{}", step.outputs);
    assert_eq!(job.uploads(), ["selfheal-job.json", "selfheal-report.json"]);
}

#[test]
fn reports_of_tools_speak_before_the_log_and_only_those_with_failures_are_kept() {
    let job = Job::new().with("REPORT_RUN", FAILS).with("REPORT_FILES", "out/**/*.txt\nno/*.xml");
    job.write("out/a.txt", "src/cart.ts(1,1): error TS1: in a report\n");
    job.write("out/b.txt", "all is well\n");
    let step = job.step();
    assert!(step.said.contains("::in a report"), "{}", step.said);
    assert!(!step.said.contains("::no total"), "{}", step.said);
    assert_eq!(job.uploads(), ["01.txt", "selfheal-job.json"]);
}

#[test]
fn a_report_names_its_job_and_nothing_breaks_out_of_the_name() {
    let check = |number: &str, name: &str, expected: &str| {
        let job = Job::new().with("REPORT_RUN", FAILS);
        let job = job.with("REPORT_CHECK_RUN", number).with("REPORT_JOB", name);
        job.step();
        let mark = job.path("temp/selfheal/report/folder/selfheal-job.json");
        assert_eq!(std::fs::read_to_string(mark).unwrap(), expected);
    };
    check("42", "test_a-b", "{\"job\": \"test_a-b\", \"check_run_id\": 42}\n");
    check("", "test", "{\"job\": \"test\", \"check_run_id\": null}\n");
    check("4\"2", "a\", \"b", "{\"job\": \"ab\", \"check_run_id\": 42}\n");
}

#[test]
fn what_is_missing_is_a_warning_and_changes_no_end() {
    let step = Job::new().with("REPORT_LOG", "out/none.log").step();
    assert_eq!(step.code, Some(0));
    assert_eq!(step.said, "::warning title=selfheal report::there is no log out/none.log\n");
    let job = Job::new().with("REPORT_RUN", FAILS).with("SELFHEAL_BIN", "/no/such/program");
    let step = job.step();
    assert!(step.said.contains("which is no program"), "{}", step.said);
    assert_eq!((step.code, step.outputs.as_str()), (Some(0), "code=7\n"));
}

#[test]
fn a_name_is_made_fit_for_an_artifact() {
    let job = Job::new().with("REPORT_RUN", FAILS).with("REPORT_NAME", "a b/c: \"d\"");
    assert!(job.step().outputs.contains("artifact=selfheal-report-a-b-c---d-\n"));
}

#[test]
fn the_server_knows_the_report_by_its_name() {
    let script = include_str!("../../action/report/report.sh");
    assert!(script.contains("'selfheal-report-%s'"), "see REPORT_PREFIX in service::reading");
}
