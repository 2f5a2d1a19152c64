//! What a file says about tests and checks, in words of no language in particular.
//!
//! Not a syntax tree: only what the comparison asks for is kept. Texts are the file's own words
//! with one space between tokens, without comments and with one kind of quotes, so that layout
//! never counts as a change.

use std::ops::Range;

/// What a unit of a file is to its tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitKind {
    /// The file itself: what stands in none of its functions.
    File,
    /// A function that its runner would find as a test.
    Test,
    /// Any other function.
    Helper,
}

/// A function, or the file around them.
#[derive(Debug, Clone)]
pub struct Unit {
    /// What it is.
    pub kind: UnitKind,
    /// Its name, with the groups that it is in.
    pub name: String,
    /// Where it begins, counted from 1.
    pub line: u32,
    /// What keeps it from running, or from being believed: each marker with its line.
    pub skips: Vec<Mark>,
    /// What keeps others from running.
    pub focus: Vec<Mark>,
    /// Its rows and parameters.
    pub cases: Vec<Mark>,
    /// What it asserts.
    pub assertions: Vec<Assertion>,
    /// How long it waits, by what says so.
    pub waits: Vec<Amount>,
    /// How often it is tried, by what says so.
    pub retries: Vec<Amount>,
    /// Doubles that it puts in the place of real code.
    pub mocks: Vec<Mark>,
    /// Functions that it calls.
    pub calls: Vec<String>,
    /// Values that are written out in its body.
    pub values: Vec<String>,
    /// Tokens of its body.
    pub tokens: usize,
    /// A digest of the tokens of its body.
    pub digest: u64,
    /// Where it returns before its end, on no condition.
    pub returns: Option<u32>,
    /// What its loops go over.
    pub loops: Vec<Mark>,
    /// Where it ends before its end on a condition, in the words of that.
    pub exits: Vec<Mark>,
    /// Whether its runner calls it for every test.
    pub is_hook: bool,
    /// How much it sets going beside itself.
    pub set_going: usize,
    /// How often it waits for such things.
    pub joins: usize,
    /// Constants that say how far off a value may be.
    pub tolerances: Vec<Amount>,
    /// Where it leaves a loop or a round of it: the line, and the line where the loop ends.
    pub leaves: Vec<(u32, u32)>,
    /// How often an error is handed to it, to be looked at.
    pub errors: usize,
    /// Tables that stand in it.
    pub tables: Vec<Table>,
    /// What it does for each of something.
    pub rounds: Vec<Round>,
    /// What it is given.
    pub parameters: Vec<String>,
    /// What it is given where others use it, with the class that they are about.
    pub shared: Vec<Mark>,
    /// Names of what says what it is given, where that stands elsewhere.
    pub sources: Vec<String>,
    /// Functions that it calls by their names alone, and with what.
    pub given: Vec<Mark>,
    /// Lines on which it, or a round of it, may end before its end.
    pub ends: Vec<u32>,
    /// Names that it gives to values, once each; nothing for one that it gives to several.
    pub names: Vec<(String, String)>,
}

/// Rows that stand together in a list, a map, or in calls of one function.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What it is called; empty where it stands in place.
    pub name: String,
    /// Where it stands, in bytes.
    pub place: Range<usize>,
    /// Its rows.
    pub rows: Vec<Mark>,
}

/// What is done for each of something.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// The names for what each of them is.
    pub names: Vec<String>,
    /// What it goes over: a name, or nothing where it is written out in place.
    pub over: String,
    /// Where what it goes over stands, in bytes.
    pub place: Range<usize>,
    /// The first and the last line of it.
    pub lines: (u32, u32),
    /// How often its unit speaks of what it goes over, itself included.
    pub mentions: usize,
}

impl Unit {
    /// A unit without content.
    pub fn new(kind: UnitKind, name: String, line: u32) -> Self {
        Self {
            kind,
            name,
            line,
            skips: Vec::new(),
            focus: Vec::new(),
            cases: Vec::new(),
            assertions: Vec::new(),
            waits: Vec::new(),
            retries: Vec::new(),
            mocks: Vec::new(),
            calls: Vec::new(),
            values: Vec::new(),
            tokens: 0,
            digest: 0,
            returns: None,
            exits: Vec::new(),
            is_hook: false,
            set_going: 0,
            joins: 0,
            tolerances: Vec::new(),
            loops: Vec::new(),
            leaves: Vec::new(),
            errors: 0,
            tables: Vec::new(),
            rounds: Vec::new(),
            parameters: Vec::new(),
            shared: Vec::new(),
            sources: Vec::new(),
            given: Vec::new(),
            ends: Vec::new(),
            names: Vec::new(),
        }
    }
}

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its words.
    pub text: String,
    /// Its line, counted from 1.
    pub line: u32,
}

/// A number and what it is the number of.
#[derive(Debug, Clone, PartialEq)]
pub struct Amount {
    /// What it is the number of.
    pub of: String,
    /// The number.
    pub value: f64,
    /// Its line, counted from 1.
    pub line: u32,
}

/// How much an assertion asks for, from nothing to exactly one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// It cannot fail.
    Vacuous,
    /// Something is there.
    Something,
    /// It is not this, it is of that type, it is true.
    Property,
    /// A part of it, a bound of it.
    Part,
    /// It is close to a value.
    Close,
    /// It is exactly this.
    Exact,
}

/// One assertion.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// What is done, in its library's word: `assert_eq`, `expect.tobe`.
    pub verb: String,
    /// What it is about.
    pub subject: String,
    /// What is expected of it.
    pub expected: Vec<String>,
    /// How much that asks for.
    pub strength: Strength,
    /// How many conditions stand between it and the unit.
    pub conditions: u32,
    /// The line, counted from 1.
    pub line: u32,
    /// How it is written; empty where it is not written as one thing.
    pub said: String,
    /// Whether somebody waits for it: it is awaited, or handed back to who does.
    pub is_awaited: bool,
}

/// What kinds of marks are counted over a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// A check is told to be silent.
    Suppression,
    /// A value is out of the type checker's sight.
    TypeEscape,
    /// An error is dropped.
    Swallowed,
    /// A run of tests ends well, whatever failed.
    Exit,
}

/// Something that makes a check or an error silent.
#[derive(Debug, Clone)]
pub struct Silencer {
    /// Which kind.
    pub silence: Silence,
    /// Its family, within which one may stand for another: `noqa`.
    pub family: &'static str,
    /// Its words.
    pub mark: Mark,
}

/// What one file says.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Its units; the first is the file.
    pub units: Vec<Unit>,
    /// What makes checks and errors silent.
    pub silencers: Vec<Silencer>,
    /// Modules that it takes in.
    pub includes: Vec<Include>,
}

/// A module in a file of its own that is taken in.
#[derive(Debug, Clone)]
pub struct Include {
    /// How.
    pub mark: Mark,
    /// Its name, as its file has it.
    pub name: String,
    /// Whether it says itself that it holds tests; in a file of tests every one may.
    pub is_of_tests: bool,
}
