//! The score of a replay: what had to come of the cases against what came, and whether that will do.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};

use serde_json::json;

use super::case::{Case, Ends};
use super::play::{Got, Played};

/// The share of what can be healed that has to be, in percent.
const HEALED_PERCENT_MIN: usize = 90;

/// The most characters of a reason in a table.
const WHY_CHARS_MAX: usize = 160;

/// Every case with what came of it.
#[derive(Debug, Default)]
pub(super) struct Score {
    cases: Vec<(Case, Played)>,
}

/// Numbers that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    as_expected: usize,
    not_run: usize,
    wrongly_healed: usize,
    falsely_healed: usize,
    by_recipe: (usize, usize),
    by_fixer: (usize, usize),
}

impl Score {
    pub(super) fn add(&mut self, case: Case, played: Played) {
        self.cases.push((case, played));
    }

    /// Whether a release may be made.
    pub(super) fn is_good(&self) -> bool {
        let sums = self.sums();
        let enough = |(healed, all): (usize, usize)| healed * 100 >= all * HEALED_PERCENT_MIN;
        sums.not_run + sums.wrongly_healed + sums.falsely_healed == 0
            && enough(sums.by_recipe)
            && enough(sums.by_fixer)
    }

    fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for (case, played) in &self.cases {
            let expected = case.file.expect;
            let is_healed = matches!(&played.got, Got::End(end) if end.is_healed());
            sums.as_expected += usize::from(played.got == Got::End(expected));
            sums.not_run += usize::from(matches!(played.got, Got::NotRun(_)));
            sums.falsely_healed += usize::from(played.got == Got::FalselyHealed);
            sums.wrongly_healed += usize::from(is_healed && !expected.is_healed());
            let (healed, all) = match expected {
                Ends::HealedByRecipe => (&mut sums.by_recipe.0, &mut sums.by_recipe.1),
                Ends::HealedByFixer => (&mut sums.by_fixer.0, &mut sums.by_fixer.1),
                Ends::Flaky
                | Ends::BaseBroken
                | Ends::Infrastructure
                | Ends::NeedsPerson
                | Ends::Refused
                | Ends::NotHealed
                | Ends::NothingFailed => continue,
            };
            *all += 1;
            *healed += usize::from(is_healed);
        }
        sums
    }

    /// Columns: what came; rows: what had to.
    fn table(&self) -> BTreeMap<Ends, BTreeMap<String, usize>> {
        let mut table: BTreeMap<Ends, BTreeMap<String, usize>> = BTreeMap::new();
        for (case, played) in &self.cases {
            let got = match &played.got {
                Got::NotRun(_) => "not_run".to_owned(),
                got => got.as_str(),
            };
            *table.entry(case.file.expect).or_default().entry(got).or_default() += 1;
        }
        table
    }

    /// Prints for people.
    pub(super) fn human(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for (case, played) in &self.cases {
            let expected = case.file.expect;
            if played.got != Got::End(expected) {
                let (expected, got) = (expected.as_str(), played.got.as_str());
                writeln!(out, "{} ({}): {expected} expected, {got}", case.name, case.file.title)?;
                let why: String =
                    played.why.replace('\n', "; ").chars().take(WHY_CHARS_MAX).collect();
                if !why.is_empty() {
                    writeln!(out, "    {}", why.replace(char::is_control, " "))?;
                }
            }
        }
        writeln!(out, "\n{:18} got", "expected")?;
        for (expected, row) in self.table() {
            let row: Vec<String> =
                row.iter().map(|(got, count)| format!("{got} {count}")).collect();
            writeln!(out, "{:18} {}", expected.as_str(), row.join(", "))?;
        }
        let sums = self.sums();
        let ecosystems: BTreeSet<&str> =
            self.cases.iter().map(|(case, _)| case.file.ecosystem.as_str()).collect();
        writeln!(
            out,
            "\n{} cases of {} ecosystems: {} as expected, {} not run",
            self.cases.len(),
            ecosystems.len(),
            sums.as_expected,
            sums.not_run
        )?;
        writeln!(
            out,
            "healed by recipes {} of {}, by fixers {} of {}; healed though they should not \
             be {}, false fixes {}",
            sums.by_recipe.0,
            sums.by_recipe.1,
            sums.by_fixer.0,
            sums.by_fixer.1,
            sums.wrongly_healed,
            sums.falsely_healed
        )?;
        let verdict = if self.is_good() { "good enough" } else { "not good enough" };
        writeln!(out, "{verdict} for a release")
    }

    /// Prints one JSON object.
    pub(super) fn json(&self) -> io::Result<()> {
        let sums = self.sums();
        let cases: Vec<_> = self
            .cases
            .iter()
            .map(|(case, played)| {
                let file = &case.file;
                json!({
                    "name": case.name,
                    "title": file.title,
                    "ecosystem": file.ecosystem,
                    "source": file.source,
                    "licence": file.licence,
                    "base": file.base,
                    "rerun": file.rerun,
                    "history": file.history,
                    "expected": file.expect.as_str(),
                    "got": played.got.as_str(),
                    "why": played.why,
                })
            })
            .collect();
        let table: BTreeMap<&str, _> =
            self.table().into_iter().map(|(expected, row)| (expected.as_str(), row)).collect();
        let value = json!({
            "good": self.is_good(),
            "cases": cases,
            "confusion": table,
            "ends": Ends::ALL.map(Ends::as_str),
            "as_expected": sums.as_expected,
            "not_run": sums.not_run,
            "wrongly_healed": sums.wrongly_healed,
            "false_fixes": sums.falsely_healed,
            "healed_by_recipe": { "healed": sums.by_recipe.0, "of": sums.by_recipe.1 },
            "healed_by_fixer": { "healed": sums.by_fixer.0, "of": sums.by_fixer.1 },
        });
        writeln!(io::stdout().lock(), "{value}")
    }
}
