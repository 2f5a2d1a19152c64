//! Assertions that became rows of a table: `roman(4) == "IV"` is a row `(4, "IV")` and one assertion
//! over all of them.
//!
//! A row counts only where the assertion over it is made for every row of the table: the names in
//! it are those that a round or the test itself is given, and the table is gone over as a whole. What
//! stood in one assertion stands in one row, in the same columns as what stood in the others.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::facts::{self, Fact, Relation};
use super::laid::align;
use super::literals::{Part, columns, tokens};
use super::own_name;
use crate::weakening::model::{Assertion, Mark, Reading, Round, Table, Unit, UnitKind};
use crate::weakening::reader::names::NAMES_MAX;

/// The most assertions over tables that are looked at for one that is gone.
const TAKERS_OF_ONE_MAX: usize = 40;

/// The most rows that are looked at for one assertion, and the most ways to find it in one.
const ROWS_OF_ONE_MAX: usize = 40;
const WAYS_MAX: usize = 16;

/// The most assertions over tables of one change, and the most rows.
const TAKERS_MAX: usize = 3_000;
const ROWS_MAX: usize = 20_000;

/// How deep helpers that call helpers are followed.
const HELPERS_MAX: usize = 50;

/// Rows, and where each of their values is.
#[derive(Debug)]
struct Rows {
    rows: Vec<Vec<Part>>,
    by_value: HashMap<String, Vec<usize>>,
}

impl Rows {
    fn of<'m>(marks: impl Iterator<Item = &'m str>) -> Self {
        let rows: Vec<Vec<Part>> = marks.map(columns).collect();
        let mut by_value: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            for part in row {
                let places = by_value.entry(bare(&part.value).to_owned()).or_default();
                if places.last() != Some(&at) && places.len() < ROWS_OF_ONE_MAX {
                    places.push(at);
                }
            }
        }
        Self { rows, by_value }
    }
}

/// A value without what tells a text from other values: a table in a text has no quotes.
fn bare(value: &str) -> &str {
    value.strip_prefix('~').unwrap_or(value).trim_matches(['"', '\''])
}

fn is_that(part: &Part, value: &str) -> bool {
    match part.value.strip_prefix('~') {
        // The name of a constant, without the type that it is of.
        Some(cell) => cell == bare(value) || bare(value).rsplit('.').next() == Some(cell),
        // A constant may be called without its type.
        None => {
            part.value == value
                || part.value.starts_with(char::is_uppercase)
                    && value.rsplit_once("::").is_some_and(|(_, name)| name == part.value)
        }
    }
}

/// An assertion that is made for every row of some table.
#[derive(Debug)]
struct Taker<'a> {
    assertion: &'a Assertion,
    test: &'a Unit,
    facts: Vec<Fact>,
    names: Rc<BTreeSet<String>>,
    rows: Rc<Rows>,
    /// The columns in which its values are, in all ways that fit what was taken up so far.
    columns: RefCell<Option<BTreeSet<Vec<usize>>>>,
}

/// All assertions of a change that are made over tables.
#[derive(Debug, Default)]
pub struct Takers<'a> {
    takers: Vec<Taker<'a>>,
    by_word: HashMap<String, Vec<usize>>,
}

/// What a test is, for what it makes of its rows.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// The test.
    pub test: &'a Unit,
    /// The file that it is in.
    pub file: &'a Reading,
}

impl<'a> Takers<'a> {
    /// What these tests assert over tables.
    pub fn of(hosts: impl Iterator<Item = Host<'a>>) -> Self {
        let mut all = Self::default();
        let mut rows = 0;
        for host in hosts {
            if rows > ROWS_MAX || all.takers.len() > TAKERS_MAX {
                break;
            }
            let is_skipped = host.file.units.first().is_some_and(|file| !file.skips.is_empty());
            if host.test.skips.is_empty() && host.test.returns.is_none() && !is_skipped {
                rows += all.add(host);
            }
        }
        all
    }

    fn add(&mut self, host: Host<'a>) -> usize {
        let Host { test, file } = host;
        let whole = file.units.first();
        let around = [Some(test), whole];
        let tables = || file.units.iter().flat_map(|unit| unit.tables.iter());
        let mut count = 0;
        for unit in around.into_iter().flatten() {
            for round in &unit.rounds {
                let is_of_test = |line: u32| round.lines.0 <= line && line <= round.lines.1;
                // Who leaves it does not go over all of its rows.
                if unit.ends.iter().chain(&test.ends).any(|line| is_of_test(*line)) {
                    continue;
                }
                if test.assertions.iter().any(|it| is_of_test(it.line)) {
                    let of_round: Vec<&Table> = tables().filter(|it| is_of(round, it)).collect();
                    let marks = of_round.iter().flat_map(|it| it.rows.iter());
                    let inside = test.assertions.iter().filter(|it| is_of_test(it.line));
                    count += self.push(test, &round.names, marks, inside);
                }
            }
        }
        let named = |name: &str| test.sources.iter().any(|source| source == name);
        let given = test
            .cases
            .iter()
            .chain(tables().filter(|table| named(&table.name)).flat_map(|table| table.rows.iter()));
        count += self.push(test, &test.parameters, given, test.assertions.iter());
        let mut given = test.parameters.clone();
        given.push("described_class".to_owned());
        count += self.push(test, &given, test.shared.iter(), test.assertions.iter());
        let helpers = file.units.iter().filter(|unit| {
            unit.kind == UnitKind::Helper && test.calls.iter().any(|it| it == own_name(&unit.name))
        });
        let is_one =
            |helper: &&Unit| file.units.iter().filter(|unit| unit.name == helper.name).count() == 1;
        for helper in helpers.take(HELPERS_MAX).filter(is_one) {
            let start = format!("{} ( ", own_name(&helper.name));
            let calls: Vec<Mark> = test
                .given
                .iter()
                .filter_map(|call| {
                    let text = call.text.strip_prefix(&start)?.strip_suffix(')')?;
                    Some(Mark { text: format!("( {text})"), line: call.line })
                })
                .collect();
            count += self.push(helper, &helper.parameters, calls.iter(), helper.assertions.iter());
        }
        count
    }

    fn push<'m>(
        &mut self,
        unit: &'a Unit,
        names: &[String],
        rows: impl Iterator<Item = &'m Mark>,
        assertions: impl Iterator<Item = &'a Assertion>,
    ) -> usize {
        let rows = Rc::new(Rows::of(rows.map(|row| row.text.as_str())));
        // A name that gets another value stands for no column any more.
        let is_set = |name: &str| {
            unit.names.iter().any(|(set, _)| set.split(['.', '[']).next() == Some(name))
        };
        let names: BTreeSet<String> = names.iter().filter(|name| !is_set(name)).cloned().collect();
        if rows.rows.is_empty() || names.is_empty() || unit.names.len() >= NAMES_MAX {
            return 0;
        }
        let names = Rc::new(names);
        let first_end = unit.ends.iter().min().copied().unwrap_or(u32::MAX);
        let is_made = |it: &&Assertion| it.conditions == 0 && it.line < first_end;
        for assertion in assertions.filter(is_made) {
            let Some(fact) = facts::of(assertion) else { continue };
            let mut facts = vec![resolved(unit, &fact, &names)];
            // Which of two names is what is wanted, nothing tells.
            if let (Relation::Equal, [value]) = (fact.relation, fact.values.as_slice()) {
                let subject = value.clone();
                let turned = Fact { values: vec![fact.subject.clone()], subject, ..fact };
                facts.push(resolved(unit, &turned, &names));
            }
            let at = self.takers.len();
            for fact in &facts {
                let first = tokens(&fact.subject).first().map_or("", |word| *word).to_owned();
                let word = if names.contains(&first) { String::new() } else { first };
                self.by_word.entry(word).or_default().push(at);
            }
            let (names, rows) = (Rc::clone(&names), Rc::clone(&rows));
            self.takers.push(Taker {
                assertion,
                test: unit,
                facts,
                names,
                rows,
                columns: RefCell::default(),
            });
        }
        rows.rows.len()
    }

    /// The assertion that is made over a row which says what one said that is gone, and who makes
    /// it.
    pub fn taker(&self, gone: &Assertion, unit: &Unit) -> Option<(&'a Assertion, &'a Unit)> {
        let fact = resolved(unit, &facts::of(gone)?, &BTreeSet::new());
        let subject = tokens(&fact.subject);
        let first = *subject.first()?;
        let known = self.by_word.get(first).into_iter().chain(self.by_word.get(""));
        let found =
            known.flatten().take(TAKERS_OF_ONE_MAX).find(|at| self.takers[**at].takes(&fact));
        found.map(|at| (self.takers[*at].assertion, self.takers[*at].test))
    }
}

/// The table's own name, and the round that goes over it: where no more is said of a table, nothing
/// changes it.
const MENTIONS_MAX: usize = 2;

/// Whether a round goes over a table, all of it.
fn is_of(round: &Round, table: &Table) -> bool {
    let is_in_place = !round.place.is_empty() && round.place == table.place;
    let is_named =
        !round.over.is_empty() && round.over == table.name && round.mentions <= MENTIONS_MAX;
    is_in_place || is_named
}

/// A fact with the value of its subject in the place of a name for it.
pub fn resolved(unit: &Unit, fact: &Fact, holes: &BTreeSet<String>) -> Fact {
    let value_of = |name: &str| -> Option<String> {
        let known = unit.names.iter().find(|(known, _)| known == name && !holes.contains(name));
        known.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    };
    let all = tokens(&fact.subject);
    let Some(value) = all.first().and_then(|name| value_of(name)) else { return fact.clone() };
    let subject = std::iter::once(value.as_str()).chain(all.iter().skip(1).copied());
    Fact { subject: subject.collect::<Vec<_>>().join(" "), ..fact.clone() }
}

impl Taker<'_> {
    fn takes(&self, gone: &Fact) -> bool {
        let ways: BTreeSet<Vec<usize>> =
            self.facts.iter().flat_map(|fact| self.ways(fact, gone)).collect();
        let mut columns = self.columns.borrow_mut();
        let fitting: BTreeSet<Vec<usize>> = match columns.as_ref() {
            Some(known) => known.intersection(&ways).cloned().collect(),
            None => ways,
        };
        let is_taken = !fitting.is_empty();
        if is_taken {
            *columns = Some(fitting);
        }
        is_taken
    }

    /// The columns in which a row has what was said: one list for each way to find it.
    fn ways(&self, fact: &Fact, gone: &Fact) -> Vec<Vec<usize>> {
        let is_alike = fact.relation == gone.relation
            && fact.verb == gone.verb
            && fact.values.len() == gone.values.len();
        let mut bound: Vec<(String, String)> = Vec::new();
        let texts = std::iter::once((&fact.subject, &gone.subject))
            .chain(fact.values.iter().zip(&gone.values));
        let fits = is_alike
            && texts.into_iter().all(|(open, said)| align(open, said, &self.names, &mut bound));
        let Some((_, first)) = bound.first().filter(|_| fits) else { return Vec::new() };
        let first = bare(first);
        let constant = first.rsplit(['.', ':']).next().filter(|name| *name != first);
        let known = [Some(first), constant].into_iter().flatten();
        let rows = known.filter_map(|value| self.rows.by_value.get(value)).flatten();
        rows.flat_map(|row| ways_in(&self.rows.rows[*row], &bound)).collect()
    }
}

/// The places in a row of all that is bound.
fn ways_in(row: &[Part], bound: &[(String, String)]) -> Vec<Vec<usize>> {
    let mut ways: Vec<Vec<usize>> = vec![Vec::new()];
    for (path, value) in bound {
        let name = path.rsplit(". ").next().unwrap_or(path);
        let is_key =
            |part: &Part| part.key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case(name));
        let is_keyed = row.iter().any(is_key);
        let mut next = Vec::new();
        for way in &ways {
            let places = (0..row.len()).filter(|at| {
                is_that(&row[*at], value) && (!is_keyed || is_key(&row[*at])) && !way.contains(at)
            });
            next.extend(places.map(|at| way.iter().copied().chain([at]).collect::<Vec<_>>()));
        }
        next.truncate(WAYS_MAX);
        ways = next;
    }
    ways
}
