//! A check of the whole of something implies the checks of its parts.
//!
//! `assert_eq!(found, vec![7, 9])` says how many there are, that 7 is among them and that it is the
//! first. Only what the whole has written out in it is implied, and only of the very same subject.

use super::facts::{Fact, Relation, own, projected};
use super::literals::{Made, Part, made, plain, tokens};

/// A fact about the whole of a subject, taken apart once.
#[derive(Debug)]
pub struct Whole {
    /// The subject, in one form.
    pub subject: String,
    relation: Relation,
    value: String,
    made: Made,
}

impl Whole {
    /// The whole that a fact is about; nothing where it is about no whole, or the whole is not
    /// written out.
    pub fn of(fact: &Fact) -> Option<Self> {
        let subject = own(&fact.subject);
        let value = plain(fact.values.first()?);
        let made = match fact.relation {
            Relation::Equal => made(&fact.values[0])?,
            Relation::Entries | Relation::Contains => match fact.values.as_slice() {
                [one] if fact.relation == Relation::Entries && made(one).is_some() => made(one)?,
                values => Made {
                    by: String::new(),
                    bracket: '[',
                    parts: values
                        .iter()
                        .map(|value| Part { key: None, value: plain(value) })
                        .collect(),
                },
            },
            Relation::Fields => {
                let keyed = format!("{{ {} }}", fact.values.join(" , "));
                match fact.values.as_slice() {
                    [one] if one.starts_with('{') => made(one)?,
                    _ => made(&keyed)?,
                }
            }
            Relation::Size | Relation::Present | Relation::Other => return None,
        };
        Some(Self { subject, relation: fact.relation, value, made })
    }

    /// Whether a fact follows from it.
    pub fn implies(&self, fact: &Fact) -> bool {
        if own(&fact.subject) == self.subject {
            return self.implies_of_itself(fact);
        }
        let Some(value) = fact.values.first() else { return false };
        if fact.relation == Relation::Size {
            // How many there are of something in it.
            return steps(&fact.subject, &self.subject)
                .and_then(|steps| self.at(&steps))
                .and_then(|found| made(&found))
                .is_some_and(|made| {
                    made.is_list() && made.parts.len().to_string() == plain(value)
                });
        }
        if fact.relation != Relation::Equal {
            return false;
        }
        let wanted = plain(value);
        if let Some((base, inside)) = projected(&fact.subject, UNWRAPS)
            && own(&base) == self.subject
            && inside.is_empty()
        {
            return self.made.parts.len() == 1
                && self.made.parts[0].value == wanted
                && matches!(self.relation, Relation::Contains | Relation::Equal);
        }
        let Some(steps) = steps(&fact.subject, &self.subject) else { return false };
        self.at(&steps).is_some_and(|found| found == wanted)
            || self.is_built() && steps.len() == 1 && self.has(&wanted)
    }

    /// Whether it is made by a function that is given its values in an order of its own.
    fn is_built(&self) -> bool {
        let is_type = |by: &str| {
            let name = by.trim_start_matches("new ").rsplit(['.', ':']).next().unwrap_or(by);
            name.starts_with(char::is_uppercase)
        };
        let is_plain = self.made.parts.iter().all(|part| part.key.is_none());
        self.relation == Relation::Equal
            && self.made.bracket == '('
            && is_plain
            && !self.made.is_list()
            && is_type(&self.made.by)
    }

    fn has(&self, wanted: &str) -> bool {
        // Among the entries of a record are its keys.
        let is_key = |key: &str| !key.is_empty() && key == wanted.trim_matches('"');
        let is_it = |part: &Part| part.value == wanted || part.key.as_deref().is_some_and(is_key);
        self.made.parts.iter().any(is_it)
    }

    fn implies_of_itself(&self, fact: &Fact) -> bool {
        let has = |value: &String| self.has(&plain(value));
        let is_all = matches!(self.relation, Relation::Equal | Relation::Entries);
        let is_list = self.relation == Relation::Entries || self.made.is_list();
        match fact.relation {
            Relation::Present => !["null", "Err("].iter().any(|it| self.value.starts_with(it)),
            Relation::Contains => is_all && !fact.values.is_empty() && fact.values.iter().all(has),
            Relation::Size => {
                let count = self.made.parts.len().to_string();
                is_all && is_list && fact.values.first().is_some_and(|size| plain(size) == count)
            }
            Relation::Equal | Relation::Entries | Relation::Fields | Relation::Other => false,
        }
    }

    /// The value at a place in it.
    fn at(&self, steps: &[Step]) -> Option<String> {
        let (first, rest) = steps.split_first()?;
        let mut found = pick(&self.made, first, self.relation)?;
        for step in rest {
            found = pick(&made(&spread(&found))?, step, self.relation)?;
        }
        Some(found)
    }
}

/// Words of a value in one form, apart again.
fn spread(plain: &str) -> String {
    let mut out = String::new();
    let mut quote: Option<char> = None;
    let mut is_escaped = false;
    for c in plain.chars() {
        let is_mark =
            quote.is_none() && !(c.is_alphanumeric() || matches!(c, '_' | '"' | '\'' | '`'));
        if is_mark {
            out.push(' ');
        }
        out.push(c);
        if is_mark {
            out.push(' ');
        }
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            _ => {}
        }
    }
    out
}

/// Calls that take out the one thing that is in something.
const UNWRAPS: &[&str] = &["get", "unwrap", "Value", "value", "orElseThrow", "getAsInt"];

/// One step into a value.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    At(usize),
    Named(String),
}

/// The steps from a whole to a part of it: `[ 0 ]`, `. name ( )`, `[ "name" ]`, `. get ( 0 )`.
fn steps(part: &str, whole: &str) -> Option<Vec<Step>> {
    let all = tokens(part);
    let start = (1..all.len()).find(|at| own(&all[..*at].join(" ")) == whole)?;
    let mut rest = &all[start..];
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = match rest {
            ["[", key, "]", after @ ..] => (of_key(key), after),
            [".", "get" | "Get" | "ElementAt" | "at" | "fetch", "(", key, ")", after @ ..] => {
                (of_key(key), after)
            }
            [".", "first" | "First" | "getFirst", "(", ")", after @ ..] => (Step::At(0), after),
            [".", name, "(", ")", after @ ..] | ["." | "?.", name, after @ ..] => {
                (Step::Named(named(name)), after)
            }
            _ => return None,
        };
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

fn of_key(key: &str) -> Step {
    key.parse().map_or_else(|_| Step::Named(named(key)), Step::At)
}

/// A name without layout, and without `get`.
fn named(name: &str) -> String {
    let plain: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let is_getter = name.starts_with("get") && name.chars().nth(3).is_some_and(char::is_uppercase);
    if is_getter { plain[3..].to_owned() } else { plain }
}

/// What is at one step into a value; where only the entries are known, none has a place.
fn pick(made: &Made, step: &Step, relation: Relation) -> Option<String> {
    let in_order = relation == Relation::Equal;
    let found = match step {
        Step::At(at) => made.parts.get(*at).filter(|part| in_order && part.key.is_none()),
        Step::Named(name) => made
            .parts
            .iter()
            .find(|part| part.key.as_deref().is_some_and(|key| named(key) == *name)),
    };
    found.map(|part| part.value.clone())
}
