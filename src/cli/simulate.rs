//! `selfheal simulate`: what would be decided for a pull request now, without doing anything.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use crate::app::diagnosis::repository_named;
use crate::app::{App, Parts};
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::cause::Standing;
use crate::domain::gate::{Answer, Verdict};
use crate::domain::ids::{PrNumber, RepoSlug};
use crate::domain::mending::branch_of;
use crate::domain::policy::HealBase;
use crate::domain::pull::Ci;
use crate::report::markdown::visible;
use crate::service::remedies::Promise;
use crate::service::simulate::{Simulation, pull_request};
use crate::telemetry;

/// Say what would be decided for a pull request now
///
/// Reads the pull request, its CI, its logs and the policy on its base branch, and asks the same
/// gate that the server asks. Nothing is written. Exit codes: 0 an attempt would begin, 1 it would
/// not, 2 usage, 3 it could not be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository, as OWNER/NAME
    #[arg(long)]
    repo: String,
    /// The pull request's number
    #[arg(long)]
    pull: u64,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    server: ServerArgs,
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: what would happen, why, and what failed
    Human,
    /// One JSON document
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or GitHub could not be asked.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut settings = ServerSettings::load(&args.server)?;
    telemetry::init(&settings.log).context("logs cannot be set up")?;
    let credentials = settings.app.take().context("the App is not set up; see selfheal setup")?;
    std::fs::create_dir_all(&settings.data_dir)?;
    let app = App::assemble(Parts::by_settings(&settings, credentials)?).await?;
    let slug = RepoSlug::parse(&args.repo)?;
    let repo = repository_named(&app, &slug).await?;
    let simulation = pull_request(app.services(), &repo, PrNumber::new(args.pull)).await?;
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Human => human(&mut out, &simulation)?,
        Format::Json => writeln!(out, "{}", machine(&simulation))?,
    }
    let is_aside = aside(&simulation).is_some();
    let is_allowed = |verdict: Verdict| verdict.answer() == Answer::Allow;
    let begins = !is_aside && simulation.verdict.is_some_and(is_allowed);
    Ok(if begins { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn ci_word(ci: &Ci) -> &'static str {
    match ci {
        Ci::Nothing => "nothing ran",
        Ci::Pending { .. } => "something still runs",
        Ci::Green => "green",
        Ci::Red(_) => "red",
        Ci::NeedsApproval(_) => "runs wait for approval",
        Ci::Cancelled(_) => "cancelled",
    }
}

/// What would be done instead of an attempt; `None` where one is worth it.
fn aside(simulation: &Simulation) -> Option<String> {
    let evidence = simulation.evidence.as_ref()?;
    let broken = evidence.judgement.base.as_ref();
    let base = broken.map_or(&simulation.pull.base, |broken| &broken.branch);
    let words = match simulation.standing? {
        Standing::Ours => return None,
        Standing::BaseBroken => {
            let mending = broken.and_then(|broken| broken.mending);
            let then = match (mending, simulation.base.heal) {
                (Some(number), _) => format!("#{number} is mending it"),
                (None, HealBase::PullRequest) => {
                    format!("a pull request from {} would mend it", branch_of(base))
                }
                (None, HealBase::Off) => "people mend it".to_owned(),
            };
            format!("set aside, because {base} is broken; {then}")
        }
        Standing::BaseMended => format!("set aside, because {base} was broken and is mended"),
        Standing::Flaky | Standing::Transient => "the failed jobs would run again".to_owned(),
        Standing::CiConfig => "set aside, because a person has to mend CI".to_owned(),
    };
    Some(words)
}

fn human(out: &mut impl Write, simulation: &Simulation) -> anyhow::Result<()> {
    writeln!(out, "head: {}", simulation.pull.head.sha)?;
    writeln!(out, "CI: {}", ci_word(&simulation.ci))?;
    if let Some(problem) = &simulation.policy_problem {
        writeln!(out, "policy file: {problem}")?;
    }
    if let Some(evidence) = &simulation.evidence {
        for (index, failure) in evidence.failures.iter().enumerate().take(10) {
            let place = failure.file.as_ref().map(ToString::to_string).unwrap_or_default();
            let kind = failure.kind.as_str();
            writeln!(out, "failure: {kind} {place} {}", visible(&failure.message))?;
            if let Some(judged) = evidence.judgement.causes.get(index) {
                writeln!(out, "  cause: {}: {}", judged.cause.words(), visible(&judged.why))?;
            }
        }
    }
    if let Some(aside) = aside(simulation) {
        writeln!(out, "no attempt: {}", visible(&aside))?;
    }
    match &simulation.verdict {
        None => writeln!(out, "gate: not asked, because CI is not red")?,
        Some(verdict) => {
            writeln!(out, "gate: {}", verdict.answer().as_str())?;
            for finding in verdict.findings() {
                let weight = finding.weight.as_str();
                writeln!(out, "  {weight} {}: {}", finding.rule, finding.message)?;
            }
        }
    }
    for line in remedies(simulation) {
        writeln!(out, "{}", visible(&line))?;
    }
    Ok(())
}

/// What would be tried before any fixer, or why nothing is.
fn remedies(simulation: &Simulation) -> Vec<String> {
    if simulation.evidence.is_none() {
        return Vec::new();
    }
    if !simulation.allows_remedies {
        return vec!["remedies: none, because the policy says `remedies: none`".to_owned()];
    }
    if simulation.remedies.is_empty() {
        return vec!["remedies: none is known for these failures".to_owned()];
    }
    let told = simulation.remedies.iter().map(|Promise { offer, applies }| {
        let then = match applies {
            Some(true) => "would be tried first",
            Some(false) => "would not apply: a place of it is not there, or there twice",
            None => "would be tried where it applies; GitHub does not show what it changes",
        };
        format!("remedy: the fix of {} {then}", offer.from)
    });
    told.collect()
}

fn machine(simulation: &Simulation) -> serde_json::Value {
    let findings = simulation.verdict.as_ref().map(|verdict| {
        verdict
            .findings()
            .iter()
            .map(|finding| {
                json!({
                    "rule": finding.rule,
                    "severity": finding.weight.as_str(),
                    "file": finding.file.as_ref().map(ToString::to_string),
                    "line": finding.line,
                    "message": finding.message,
                })
            })
            .collect::<Vec<_>>()
    });
    json!({
        "head": simulation.pull.head.sha.as_str(),
        "ci": ci_word(&simulation.ci),
        "policy_problem": simulation.policy_problem,
        "failures": simulation.evidence.as_ref().map(|evidence| &evidence.failures),
        "causes": simulation.evidence.as_ref().map(|evidence| &evidence.judgement.causes),
        "aside": aside(simulation),
        "verdict": simulation.verdict.as_ref().map(|verdict| verdict.answer().as_str()),
        "findings": findings,
        "remedies": simulation.remedies.iter().map(|Promise { offer, applies }| json!({
            "remedy": offer.remedy.to_string(), "from": offer.from, "applies": applies,
        })).collect::<Vec<_>>(),
    })
}
