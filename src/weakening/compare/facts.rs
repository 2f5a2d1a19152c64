//! What an assertion says, whatever library says it: a fact about a subject.
//!
//! `assertEquals(2, tags.size())`, `expect(tags).toHaveLength(2)` and `len(tags) == 2` are one fact.
//! What is not known here stays what it is, under its own verb: two such are the same only when they
//! are written alike. A fact never says more than its assertion does.

use super::literals::{closing, opening, plain, split, tokens};
use crate::weakening::model::{Assertion, Strength};

/// What is said of the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// It is that value.
    Equal,
    /// It has that many entries.
    Size,
    /// Those are among its entries.
    Contains,
    /// Those are its entries, in any order.
    Entries,
    /// It has those fields, with those values.
    Fields,
    /// It is there.
    Present,
    /// Something else: only its own words say it.
    Other,
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// What is said.
    pub relation: Relation,
    /// The verb, where it is not known what it says.
    pub verb: String,
    /// What it is said of, in its words.
    pub subject: String,
    /// The values that it is said with, in their words.
    pub values: Vec<String>,
}

impl Fact {
    fn new(relation: Relation, subject: &str, values: Vec<String>) -> Self {
        Self { relation, verb: String::new(), subject: subject.to_owned(), values }
    }

    /// The fact as a key: equal for facts that are the same.
    pub fn key(&self) -> String {
        let values: Vec<String> = self.values.iter().map(|value| plain(value)).collect();
        let Self { relation, verb, subject, .. } = self;
        format!("{relation:?}\n{verb}\n{}\n{}", own(subject), values.join("\n"))
    }
}

/// A subject in one form, whether it is the test's own or only there.
pub fn own(subject: &str) -> String {
    let plain = plain(subject);
    let rest = ["self.", "this.", "@"].iter().find_map(|start| plain.strip_prefix(start));
    rest.map_or(plain.clone(), str::to_owned)
}

/// Verbs that say that two things are equal, without what only makes them read well.
const EQUALS: &[&str] = &[
    "eq",
    "eql",
    "equal",
    "equals",
    "areequal",
    "tobe",
    "toequal",
    "tostrictequal",
    "be",
    "isequalto",
    "equalto",
    "deepequal",
    "strictequal",
    "deepstrictequal",
    "eqltoequal",
    "containsexactly",
    "iseqto",
    "expecteq",
    "tostringequal",
    "exactly",
];

const NULLS: &[&str] =
    &["null", "nil", "isnull", "isnil", "none", "isnone", "benil", "benull", "tobenull", "benone"];

const FALSES: &[&str] = &["false", "isfalse", "befalse", "tobefalse"];

const TRUES: &[&str] = &["", "true", "istrue", "betrue", "tobetrue", "that"];

const SIZES: &[&str] = &[
    "tohavelength",
    "havelength",
    "havecount",
    "hassize",
    "havesize",
    "length",
    "len",
    "countequal",
    "count",
    "lengthof",
];

const CONTAINS: &[&str] = &[
    "in",
    "contains",
    "tocontain",
    "include",
    "includes",
    "contain",
    "hasitem",
    "hasitems",
    "tocontainequal",
    "member",
];

const ENTRIES: &[&str] = &[
    "containsexactlyinanyorder",
    "containexactly",
    "matcharray",
    "elementsmatch",
    "countequal",
    "containinanyorder",
    "beequivalentto",
    "equivalent",
    "areequivalent",
];

const FIELDS: &[&str] = &["haveattributes", "tomatchobject", "matchobject"];

const EMPTIES: &[&str] = &["empty", "isempty", "beempty", "tobeempty"];

const PRESENTS: &[&str] = &["notnull", "notnil", "isnotnull", "isnotnone", "present", "ispresent"];

/// What an assertion says.
pub fn of(assertion: &Assertion) -> Option<Fact> {
    if assertion.strength == Strength::Vacuous {
        return None;
    }
    let (verb, operator) =
        assertion.verb.split_once(' ').map_or((assertion.verb.as_str(), ""), |parts| parts);
    let subject = assertion.subject.as_str();
    let fact = match verb {
        "if" => of_failing(subject, operator, &assertion.expected),
        _ if !operator.is_empty() => of_operator(verb, operator, assertion),
        _ => of_verb(verb, assertion),
    };
    Some(sized(fact.unwrap_or_else(|| other(assertion))))
}

fn other(assertion: &Assertion) -> Fact {
    Fact {
        relation: Relation::Other,
        verb: assertion.verb.clone(),
        subject: assertion.subject.clone(),
        values: assertion.expected.clone(),
    }
}

/// `if got != want` in Go: what is asserted is the opposite of the condition.
fn of_failing(subject: &str, operator: &str, expected: &[String]) -> Option<Fact> {
    let (before, subject) = subject.rsplit_once(" ; ").unwrap_or(("", subject));
    let given = before.split_once(" := ").filter(|(name, _)| !name.contains(' '));
    let resolved = |text: &str| -> String {
        given.filter(|(name, _)| *name == text).map_or(text, |(_, value)| value).to_owned()
    };
    if !before.is_empty() && given.is_none() {
        return None;
    }
    let value = expected.first();
    match operator {
        "!=" => {
            let value = value?;
            if value == "\"\"" && subject == given.map_or("", |(name, _)| name) {
                let difference = resolved(subject);
                if let Some([left, right]) = compared(&difference, &["cmp.Diff"]).as_deref() {
                    return Some(Fact::new(Relation::Equal, right, vec![left.clone()]));
                }
            }
            Some(Fact::new(Relation::Equal, &resolved(subject), vec![resolved(value)]))
        }
        "" if expected.is_empty() && !subject.contains(" || ") && !subject.contains(" && ") => {
            let Some(same) = subject.strip_prefix("! ") else {
                return Some(Fact::new(Relation::Equal, &resolved(subject), vec!["false".into()]));
            };
            let equality =
                ["reflect.DeepEqual", "slices.Equal", "maps.Equal", "bytes.Equal", "cmp.Equal"];
            match compared(same, &equality).as_deref() {
                Some([left, right]) => {
                    let (left, right) = (resolved(left), resolved(right));
                    // What the condition itself makes is what is wanted.
                    let is_turned = given.is_some_and(|(_, value)| value == left);
                    let (subject, value) = if is_turned { (right, left) } else { (left, right) };
                    Some(Fact::new(Relation::Equal, &subject, vec![value]))
                }
                _ => Some(of_truth(&resolved(same))),
            }
        }
        _ => None,
    }
}

/// The arguments of a call of one of these functions.
fn compared(call: &str, names: &[&str]) -> Option<Vec<String>> {
    let all = tokens(call);
    let open = all.iter().position(|token| *token == "(")?;
    let is_known = names.contains(&plain(&all[..open].join(" ")).as_str());
    let is_whole = closing(&all, open) + 1 == all.len();
    let inside = all.get(open + 1..all.len() - 1).filter(|_| is_known && is_whole)?;
    Some(split(inside).iter().map(|part| part.join(" ")).collect())
}

fn of_operator(verb: &str, operator: &str, assertion: &Assertion) -> Option<Fact> {
    if is_negated(verb) {
        return None;
    }
    let subject = assertion.subject.as_str();
    let value = assertion.expected.first()?.clone();
    match operator {
        "==" | "===" | "is" | "eq" if !value.starts_with("not ") => {
            Some(Fact::new(Relation::Equal, subject, vec![value]))
        }
        "in" => Some(Fact::new(Relation::Contains, subject, vec![value])),
        "!==" | "!=" if value == "- 1" => {
            let (base, inside) = projected(subject, &["indexOf", "index"])?;
            Some(Fact::new(Relation::Contains, &base, vec![inside]))
        }
        "!==" | "!=" | "is" if matches!(value.as_str(), "null" | "nil" | "None" | "not None") => {
            Some(Fact::new(Relation::Present, subject, Vec::new()))
        }
        _ => None,
    }
}

fn is_negated(verb: &str) -> bool {
    ["not", "refute", "wont", "assertnot", "isnot", "never", "doesnot", "tonot"]
        .iter()
        .any(|start| verb.starts_with(start))
}

fn of_verb(verb: &str, assertion: &Assertion) -> Option<Fact> {
    let subject = assertion.subject.as_str();
    let expected = &assertion.expected;
    let core = ["debugassert", "propassert", "assert", "must", "should"]
        .iter()
        .find_map(|start| verb.strip_prefix(start))
        .unwrap_or(verb);
    let is = |words: &[&str]| words.contains(&core);
    let with = |relation| Some(Fact::new(relation, subject, expected.clone()));
    let says = |relation, value: &str| Some(Fact::new(relation, subject, vec![value.to_owned()]));
    if is(PRESENTS) && expected.is_empty() {
        return Some(Fact::new(Relation::Present, subject, Vec::new()));
    }
    if is_negated(core) || verb == "refute" {
        return None;
    }
    match expected.len() {
        0 if is(NULLS) || core == "noerror" => says(Relation::Equal, "null"),
        0 if is(FALSES) => says(Relation::Equal, "false"),
        0 if is(EMPTIES) => says(Relation::Size, "0"),
        0 if core == "single" => says(Relation::Size, "1"),
        0 if is(TRUES) || is(EQUALS) => Some(of_truth(subject)),
        0 => None,
        _ if core == "containsexactly" => {
            let list = format!("[ {} ]", expected.join(" , "));
            says(Relation::Equal, &list)
        }
        _ if is(ENTRIES) => with(Relation::Entries),
        _ if is(FIELDS) => with(Relation::Fields),
        _ if is(CONTAINS) => with(Relation::Contains),
        1 if is(EQUALS) => with(Relation::Equal),
        1 if is(SIZES) => with(Relation::Size),
        1 if verb == "assertsnapshot" => {
            says(Relation::Equal, expected[0].trim_start_matches("@ "))
        }
        _ => None,
    }
}

/// What a condition says that is one call.
fn of_truth(subject: &str) -> Fact {
    if let Some(rest) = subject.strip_prefix("! ").or_else(|| subject.strip_prefix("not ")) {
        return Fact::new(Relation::Equal, rest, vec!["false".to_owned()]);
    }
    let call = |names: &[&str]| projected(subject, names);
    if let Some((base, value)) = call(&["contains", "includes", "include?", "Contains"])
        && !value.is_empty()
    {
        return Fact::new(Relation::Contains, &base, vec![value]);
    }
    if let Some((base, value)) = call(&["equals", "Equals", "eql?"])
        && !value.is_empty()
    {
        return Fact::new(Relation::Equal, &base, vec![value]);
    }
    if let Some((base, _)) = call(&["is_empty", "isEmpty", "empty?"]) {
        return Fact::new(Relation::Size, &base, vec!["0".to_owned()]);
    }
    if let Some((base, _)) = call(&["is_none", "nil?"]) {
        return Fact::new(Relation::Equal, &base, vec!["null".to_owned()]);
    }
    if let Some((base, _)) = call(&["is_some", "is_ok", "isPresent"]) {
        return Fact::new(Relation::Present, &base, Vec::new());
    }
    Fact::new(Relation::Equal, subject, vec!["true".to_owned()])
}

/// What a method at the end of a subject is called on and with: `tags`, `"a"` of
/// `tags . contains ( "a" )`.
pub fn projected(subject: &str, names: &[&str]) -> Option<(String, String)> {
    let all = tokens(subject);
    let (end, inside) = match all.as_slice() {
        [.., ")"] => {
            let open = opening(&all)?;
            (open, all[open + 1..all.len() - 1].join(" "))
        }
        all => (all.len(), String::new()),
    };
    let name = *all.get(end.checked_sub(1)?)?;
    let dot = *all.get(end.checked_sub(2)?)?;
    let base = all.get(..end - 2).filter(|base| !base.is_empty())?;
    (dot == "." && names.contains(&name)).then(|| (base.join(" "), inside))
}

/// A fact about how many entries there are, as that.
fn sized(fact: Fact) -> Fact {
    const SIZED: &[&str] =
        &["len", "length", "size", "count", "Count", "Length", "LongCount", "Len"];
    if fact.relation != Relation::Equal {
        return fact;
    }
    let around = |text: &str| -> Option<String> {
        let all = tokens(text);
        match all.as_slice() {
            ["len", "(", inside @ .., ")"] if closing(&all, 1) + 1 == all.len() => {
                Some(inside.join(" "))
            }
            _ => None,
        }
    };
    let behind = |text: &str| {
        projected(text, SIZED).filter(|(_, inside)| inside.is_empty()).map(|(base, _)| base)
    };
    match around(&fact.subject).or_else(|| behind(&fact.subject)) {
        Some(base) => Fact { relation: Relation::Size, subject: base, ..fact },
        None => fact,
    }
}
