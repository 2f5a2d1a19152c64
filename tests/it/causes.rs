//! Whose fault a failure is, held against labelled failures: what CI printed and what the server would
//! know are taken through reader and judgement, and every mistake is known and told in `docs/causes.md`.
//!
//! A mistake that is mended fails here too, so that the page never says worse, or better, than is so.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use selfheal::domain::cause::{Base, BaseRed, BaseState, Cause, Judgement, Known, judge};
use selfheal::domain::failure::Failure;
use selfheal::domain::flakes::Past;
use selfheal::domain::ids::{Branch, RepoPath, RunId, Sha, Timestamp};
use selfheal::domain::pull::{Ci, CiRun};
use selfheal::evidence::{Hints, read};
use selfheal::forge::github::ci_of_words;
use serde::Deserialize;

/// The table's place in the page.
const BEGIN: &str = "<!-- The table of the corpus, written by its test with BLESS=1. -->\n";
const END: &str = "<!-- The end of the table. -->\n";

/// A labelled failure, as its file says; `tests/fixtures/causes/README.md` says what it means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    name: String,
    log: Option<String>,
    from: Option<String>,
    #[serde(default)]
    ended: Vec<String>,
    changed: Option<Vec<String>>,
    base: Option<String>,
    began: Option<String>,
    #[serde(default)]
    gone: u32,
    #[serde(default)]
    again: u32,
    judged: Option<String>,
    because: Option<String>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn sha(digit: char) -> Sha {
    Sha::parse(&digit.to_string().repeat(40)).unwrap()
}

/// Failures of a log as the server has them, which knows the job.
fn failures(log: &str) -> Vec<Failure> {
    let mut failures = read(log.as_bytes(), &Hints::default()).failures;
    for failure in &mut failures {
        failure.source.jobs = vec!["ci / test".to_owned()];
    }
    failures
}

/// A base branch as a file says it; `here` is what failed on the pull request.
fn base_of(said: &str, at: char, here: &[Failure]) -> Option<Base> {
    let state = match said {
        "none" => return None,
        "green" => BaseState::Green,
        "running" => BaseState::Running,
        "unknown" => BaseState::Unknown("CI does not run on the base branch"),
        "same" => BaseState::Red(BaseRed::of(here)),
        log => BaseState::Red(BaseRed::of(&failures(log))),
    };
    Some(Base { branch: Branch::parse("main").unwrap(), at: sha(at), state })
}

impl Labelled {
    fn log(&self) -> String {
        match (&self.log, &self.from) {
            (Some(log), None) => log.clone(),
            (None, Some(name)) => {
                let path = folder("logs").join(format!("{name}.log.gz"));
                let mut log = Vec::new();
                GzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut log).unwrap();
                String::from_utf8_lossy(&log).into_owned()
            }
            (None, None) => String::new(),
            (Some(_), Some(_)) => panic!("{}: one log", self.name),
        }
    }

    /// How CI stands, by GitHub's words for how its runs have ended.
    fn ci(&self) -> Ci {
        let usual = vec!["completed/failure".to_owned()];
        let ended = if self.ended.is_empty() { &usual } else { &self.ended };
        ci_of_words(ended.iter().map(|words| {
            let (status, conclusion) = words.split_once('/').unwrap();
            let run = CiRun::Workflow { run: RunId::new(1), attempt: 1, name: "ci".to_owned() };
            (run, status, Some(conclusion).filter(|words| !words.is_empty()))
        }))
    }

    fn past(&self, failure: &Failure) -> Past {
        Past {
            fingerprint: failure.fingerprint(),
            test: failure.test.clone(),
            title: String::new(),
            gone: self.gone,
            again: self.again,
            last: Timestamp::from_millis(0),
        }
    }

    /// What it is judged to be, and why.
    fn judgement(&self) -> (Cause, String) {
        match self.ci() {
            Ci::NeedsApproval(_) => return (Cause::Approval, "runs wait".to_owned()),
            Ci::Cancelled(_) => return (Cause::Cancelled, "runs were cancelled".to_owned()),
            Ci::Red(_) => {}
            other => panic!("{}: nothing failed: {other:?}", self.name),
        }
        let is_jobless = self.log.is_none() && self.from.is_none();
        let failures = if is_jobless {
            vec![Failure::of_run_without_jobs("ci")]
        } else {
            failures(&self.log())
        };
        let usual = vec!["README.md".to_owned()];
        let changed = self.changed.as_ref().unwrap_or(&usual);
        let changed: Vec<RepoPath> =
            changed.iter().map(|path| RepoPath::parse(path).unwrap()).collect();
        let base = base_of(self.base.as_deref().unwrap_or("green"), 'b', &failures);
        let began = self.began.as_deref().and_then(|said| base_of(said, 'd', &failures));
        let has_past = self.gone + self.again > 0;
        let past: Vec<Past> =
            failures.iter().filter(|_| has_past).map(|failure| self.past(failure)).collect();
        let earlier = Judgement::default();
        let judgement = judge(
            &failures,
            &Known {
                changed_files: &changed,
                base: base.as_ref(),
                began: began.as_ref(),
                past: &past,
                earlier: &earlier,
                mends: None,
            },
        );
        let mut why = String::new();
        for (failure, judged) in failures.iter().zip(&judgement.causes) {
            let (kind, tool) = (failure.kind.as_str(), failure.tool.as_deref().unwrap_or("-"));
            why.push_str(&format!(
                "\n    {}: {} [{kind} {tool}: {}]",
                judged.cause.as_str(),
                judged.why,
                failure.message
            ));
        }
        (judgement.leading(), why)
    }
}

fn named(name: &str) -> Cause {
    Cause::ALL.into_iter().find(|cause| cause.as_str() == name).expect("a cause of that name")
}

/// Every labelled failure, with its label.
fn corpus() -> Vec<(Cause, Labelled)> {
    let of = |cause: Cause| {
        let path = folder("causes").join(format!("{}.yml", cause.as_str()));
        let cases: Vec<Labelled> =
            serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        cases.into_iter().map(move |case| (cause, case))
    };
    Cause::ALL.into_iter().flat_map(of).collect()
}

/// Labels, each with how often it was judged to be what.
type Table = BTreeMap<Cause, BTreeMap<Cause, usize>>;

fn page(table: &Table, known: &[(Cause, &Labelled)]) -> String {
    let judged: Vec<Cause> = Cause::ALL.to_vec();
    let mut text = String::from("\n| it is, and is judged |");
    for cause in &judged {
        text.push_str(&format!(" {} |", cause.words()));
    }
    text.push_str("\n| --- |");
    text.push_str(&" ---: |".repeat(judged.len()));
    for (label, row) in table {
        text.push_str(&format!("\n| {} |", label.words()));
        for cause in &judged {
            let count = row.get(cause).copied().unwrap_or_default();
            let shown = if count == 0 { String::new() } else { format!(" {count}") };
            text.push_str(&format!("{shown} |"));
        }
    }
    let all: usize = table.values().flat_map(BTreeMap::values).sum();
    text.push_str(&format!(
        "\n\n{} of {all} are judged what they are. Wrong:\n",
        all - known.len()
    ));
    for (label, case) in known {
        let because = case.because.as_deref().unwrap_or_default();
        let judged = named(case.judged.as_deref().unwrap_or_default());
        text.push_str(&format!(
            "\n- {} ({}), judged {}: {because}.",
            case.name,
            label.words(),
            judged.words()
        ));
    }
    text.push_str("\n\n");
    text
}

#[test]
fn labelled_failures_are_judged_as_the_page_says() {
    let cases = corpus();
    let (mut table, mut known, mut surprises) = (Table::new(), Vec::new(), String::new());
    for (label, case) in &cases {
        let (found, why) = case.judgement();
        let expected = case.judged.as_deref().map_or(*label, named);
        *table.entry(*label).or_default().entry(found).or_default() += 1;
        if expected != *label {
            known.push((*label, case));
        }
        if found != expected {
            let (label, found) = (label.as_str(), found.as_str());
            surprises.push_str(&format!("{label}, judged {found}: {}{why}\n", case.name));
        }
    }
    assert!(surprises.is_empty(), "{surprises}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/causes.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table's place");
    let (shown, after) = rest.split_once(END).expect("the table's end");
    let fresh = page(&table, &known);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{fresh}{END}{after}")).unwrap();
    } else {
        assert_eq!(shown, fresh, "BLESS=1 writes the table of docs/causes.md");
    }
}

#[test]
fn the_labelled_failures_are_enough_to_say_something() {
    let cases = corpus();
    assert!(cases.len() >= 120, "{} cases", cases.len());
    for cause in Cause::ALL {
        let count = cases.iter().filter(|(label, _)| *label == cause).count();
        assert!(count >= 4, "{count} cases of {}", cause.as_str());
    }
    let wrong = |(label, case): &&(Cause, Labelled)| {
        let is_known = case.judged.as_deref().is_some_and(|judged| named(judged) != *label);
        assert_eq!(case.judged.is_some(), case.because.is_some(), "{}: says why", case.name);
        is_known == case.judged.is_some()
    };
    assert_eq!(cases.iter().filter(wrong).count(), cases.len(), "a mistake is another cause");
}
