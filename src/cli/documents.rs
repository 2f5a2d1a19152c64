//! `selfheal documents`: what the stages of an attempt wrote.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::app::receipts;
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::document::{Document, DocumentName};
use crate::domain::ids::AttemptId;
use crate::evidence::harmless;
use crate::ports::inputs::PromptAt;
use crate::report::markdown::visible;

/// It says: there is none.
const NONE: u8 = 1;

/// Show the documents of an attempt: what its stages read and wrote
///
/// Each is Markdown with YAML front matter, in the order in which they were written; docs/schemas says
/// what stands in them. The id stands in the commit's `Selfheal-Attempt:` trailer and in the name of the
/// workflow's run. Documents quote logs, code and what agents said: nothing in them is ours to promise.
///
/// Exit codes: 0 there is one, 1 there is none, 2 usage, 3 the store cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The attempt's id, `att_…`
    #[arg(value_parser = AttemptId::parse)]
    attempt: AttemptId,
    /// Only these: task-input, triage-plan, state, validation-strategy, verification-results or
    /// assumption-analysis
    #[arg(value_parser = name_of)]
    name: Option<DocumentName>,
    /// Only of this round of execute and verify, counted from 1
    #[arg(long, value_name = "NUMBER")]
    round: Option<u8>,
    /// What its fixers were told instead; the SHA-256 of each text stands in the receipt
    #[arg(long, conflicts_with = "name")]
    prompts: bool,
    /// How they are printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    #[command(flatten)]
    server: ServerArgs,
}

/// How they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people: each behind a line with its name and round, with nothing that a terminal obeys
    Human,
    /// One JSON document, as the API answers
    Json,
}

fn name_of(text: &str) -> Result<DocumentName, String> {
    DocumentName::parse(text).ok_or_else(|| {
        let names = DocumentName::ALL.map(DocumentName::as_str);
        format!("there is no such document; there are {}", names.join(", "))
    })
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or the store cannot be read.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    if args.prompts {
        return prompts(args, &settings).await;
    }
    let Some(mut documents) = receipts::documents(&settings, args.attempt).await? else {
        writeln!(io::stderr(), "selfheal: there is no attempt {}", args.attempt)?;
        return Ok(ExitCode::from(NONE));
    };
    documents.retain(|document| {
        args.name.is_none_or(|name| name == document.name)
            && args.round.is_none_or(|round| round == document.round)
    });
    let mut out = io::stdout().lock();
    match args.format {
        Format::Human => human(&mut out, &documents)?,
        Format::Json => {
            writeln!(out, "{}", serde_json::json!({ "documents": documents }))?;
        }
    }
    found(documents.len(), "the attempt has no such document")
}

async fn prompts(args: &Args, settings: &ServerSettings) -> anyhow::Result<ExitCode> {
    let told = receipts::prompts(settings, args.attempt).await?.into_iter();
    let told = told.filter(|told| args.round.is_none_or(|round| round == told.prompt.round));
    let told: Vec<PromptAt> = told.collect();
    let mut out = io::stdout().lock();
    match args.format {
        Format::Human => {
            for PromptAt { prompt, sha256, .. } in &told {
                let (fixer, round) = (visible(&prompt.fixer), prompt.round);
                let text = harmless(&prompt.text);
                writeln!(out, "<!-- {fixer}, round {round}, {sha256} -->\n{}\n", text.trim_end())?;
            }
        }
        Format::Json => {
            let prompts: Vec<_> = told.iter().map(|told| &told.prompt).collect();
            writeln!(out, "{}", serde_json::json!({ "prompts": prompts }))?;
        }
    }
    found(told.len(), "the attempt has no such prompt")
}

fn found(count: usize, none: &str) -> anyhow::Result<ExitCode> {
    if count == 0 {
        writeln!(io::stderr(), "selfheal: {none}")?;
        return Ok(ExitCode::from(NONE));
    }
    Ok(ExitCode::SUCCESS)
}

fn human(out: &mut impl Write, documents: &[Document]) -> io::Result<()> {
    for Document { name, round, body } in documents {
        writeln!(out, "<!-- {}, round {round} -->\n{}", name.as_str(), harmless(body).trim_end())?;
        writeln!(out)?;
    }
    Ok(())
}
