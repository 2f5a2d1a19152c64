//! From the tree as written to a policy in which every value is legal.
//!
//! Reading goes on after a mistake, so that people see all of them at once; a draft with mistakes
//! never leaves this file. What one key cannot know (two labels that contradict each other, a
//! pattern that does not compile) is checked at the end.

use super::forms;
use super::keys::{self, ITEMS_MAX, TEXT_CHARS_MAX};
use super::raw::{self, Node, Place, Value};
use super::shape::{Accept, Draft, Key, Shape};
use super::{ConfigError, PROBLEMS_MAX, trust};
use crate::config::{VALUE_CHARS_MAX, nearest, shown};
use crate::domain::gate::{Weight, content, patch};
use crate::domain::ids::Label;
use crate::domain::policy::{Labels, POLICY_FILE, Policy};
use crate::domain::protected::{Additions, ProtectedPaths};

/// The label that nobody can take away from people.
const ALWAYS_STOP: &str = "selfheal:stop";

/// What a rule of the gate may weigh.
pub(super) const WEIGHTS: [&str; 3] =
    [Weight::Note.as_str(), Weight::Hold.as_str(), Weight::Refuse.as_str()];

/// The policy that a tree describes, or everything that is wrong with it.
pub(super) fn policy_of(source: &str, tree: &Node) -> Result<Policy, Vec<ConfigError>> {
    let mut reader = Reader { source, draft: Draft::default(), problems: Vec::new() };
    match &tree.value {
        Value::Nothing => {}
        Value::Map(_) => reader.group("", tree),
        Value::Flag(_) | Value::Integer(_) | Value::Fraction | Value::Text(_) | Value::List(_) => {
            let allowed = names_of("");
            reader.problem(
                Some(&tree.place),
                None,
                format!("keys are expected: {allowed}"),
                allowed,
            );
        }
    }
    reader.protect(tree);
    reader.agree_on_labels(tree);
    reader.agree_on_autonomy(tree);
    let Reader { draft, mut problems, .. } = reader;
    if problems.is_empty() {
        return Ok(draft.policy);
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems.truncate(PROBLEMS_MAX);
    Err(problems)
}

/// What has been read so far.
pub(super) struct Reader<'a> {
    /// The file's text.
    pub source: &'a str,
    /// The policy in the making.
    pub draft: Draft,
    /// What is wrong so far.
    pub problems: Vec<ConfigError>,
}

/// What a problem is about: a key's path and, if it has a short form, its value.
type About = (String, Option<String>);

impl Reader<'_> {
    fn problem(
        &mut self,
        place: Option<&Place>,
        about: Option<About>,
        message: String,
        allowed: String,
    ) {
        let place = place.filter(|place| place.line > 0);
        let (key, value) = about.unzip();
        self.problems.push(ConfigError {
            file: POLICY_FILE,
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            key: key.map(|key| shown(&key, VALUE_CHARS_MAX)),
            value: value.flatten().map(|value| shown(&value, VALUE_CHARS_MAX)),
            allowed,
            message,
        });
    }

    /// A value that will not do; `allowed` is the end of a sentence that begins with "allowed".
    pub(super) fn refused(&mut self, path: &str, node: &Node, allowed: &str) {
        let found = match &node.value {
            Value::Nothing => "a value is missing; ",
            Value::List(_) => "a list was found; ",
            Value::Map(_) => "keys were found; ",
            Value::Flag(_) | Value::Integer(_) | Value::Fraction | Value::Text(_) => "",
        };
        let about = (path.to_owned(), node.as_written(self.source));
        let message = format!("{found}allowed {allowed}");
        let allowed = allowed.split_once(' ').map_or(allowed, |(_, rest)| rest).to_owned();
        self.problem(Some(&node.place), Some(about), message, allowed);
    }

    /// A key that does not exist in a mapping where `known` do.
    pub(super) fn unknown(&mut self, path: &str, key: &raw::Key, known: &[&'static str]) {
        let allowed = known.join(", ");
        let message = match nearest(&key.name, known.iter().copied()) {
            Some(meant) => format!("no such key; did you mean `{meant}`?"),
            None => format!("no such key; allowed are {allowed}"),
        };
        self.problem(Some(&key.place), Some((path.to_owned(), None)), message, allowed);
    }

    fn group(&mut self, path: &str, node: &Node) {
        let Value::Map(entries) = &node.value else {
            let or_list = if list_key(path).is_some() { ", or a list" } else { "" };
            return self.refused(path, node, &format!("are the keys {}{or_list}", names_of(path)));
        };
        for (key, value) in entries {
            let full = join(path, &key.name);
            if let Some(known) = keys::keys_of(path).find(|known| known.name() == key.name) {
                self.value(known, value);
            } else {
                let known: Vec<_> = keys::keys_of(path).map(Key::name).collect();
                self.unknown(&full, key, &known);
            }
        }
    }

    fn value(&mut self, key: &Key, node: &Node) {
        match (key.shape, &node.value) {
            (Shape::Group { list: Some(list) }, Value::List(_)) => {
                if let Some(list) = keys::KEYS.iter().find(|key| key.path == list) {
                    self.value(&Key { path: key.path, ..*list }, node);
                }
            }
            (Shape::Group { .. }, _) => self.group(key.path, node),
            (Shape::Flag(set), Value::Flag(flag)) => set(&mut self.draft, *flag),
            (Shape::Flag(_), _) => self.refused(key.path, node, "are true, false"),
            (Shape::Integer { min, max, set }, value) => {
                let legal = |n: &i128| u64::try_from(*n).ok().filter(|n| (min..=max).contains(n));
                match if let Value::Integer(number) = value { legal(number) } else { None } {
                    Some(number) => set(&mut self.draft, number),
                    None => self.refused(key.path, node, &limits(min, max)),
                }
            }
            (Shape::Choice(choices), value) => {
                let found = choices
                    .iter()
                    .find(|(word, _)| matches!(value, Value::Text(text) if text == word));
                if let Some((_, set)) = found {
                    set(&mut self.draft);
                } else {
                    let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                    self.refused(key.path, node, &format!("are {}", words.join(", ")));
                }
            }
            (Shape::Text { form, accept }, _) => self.text(key.path, node, (form, accept)),
            (Shape::Texts { form, least, clear, accept }, _) => {
                if let Some(items) = self.items(key.path, node, &format!("each {form}")) {
                    if items.len() < least {
                        self.refused(key.path, node, &format!("are lists of at least {least}"));
                    }
                    clear(&mut self.draft);
                    for (path, item) in items {
                        self.text(&path, item, (form, accept));
                    }
                }
            }
            (Shape::Words { words, clear, accept }, _) => {
                let form = words.join(", ");
                if let Some(items) = self.items(key.path, node, &format!("of {form}")) {
                    if items.is_empty() {
                        self.refused(key.path, node, "are lists of at least 1");
                    }
                    clear(&mut self.draft);
                    for (path, item) in items {
                        self.word(&path, item, (words, accept));
                    }
                }
            }
            (Shape::Fixers, _) => self.fixers(key.path, node),
            (Shape::Weights, _) => self.weights(key.path, node),
        }
    }

    /// Rules of the gate, each with what it weighs.
    fn weights(&mut self, path: &str, node: &Node) {
        let Value::Map(entries) = &node.value else {
            return self.refused(path, node, "are rules of the gate, each with what it weighs");
        };
        for (key, value) in entries {
            let full = join(path, &key.name);
            let text = value.as_text(self.source).unwrap_or_default();
            let Some(weight) = Weight::parse(&text) else {
                self.refused(&full, value, &format!("are {}", WEIGHTS.join(", ")));
                continue;
            };
            if self.draft.policy.gate.set(&key.name, weight) {
                continue;
            }
            if patch::RULES.iter().any(|rule| rule.id == key.name) {
                let about = (full, value.as_written(self.source));
                let message = "this rule cannot be weighed; see docs/gate.md for those that can";
                self.problem(Some(&key.place), Some(about), message.to_owned(), String::new());
            } else {
                self.unknown(&full, key, &content::adjustable().collect::<Vec<_>>());
            }
        }
    }

    fn text(&mut self, path: &str, node: &Node, (form, accept): (&str, Accept)) {
        let text = node.as_text(self.source).filter(|text| {
            !text.trim().is_empty()
                && !text.contains('\0')
                && text.chars().count() <= TEXT_CHARS_MAX
        });
        let Some(text) = text else {
            return self.refused(path, node, &format!("is {form}"));
        };
        if let Err(reason) = accept(&mut self.draft, &text) {
            let about = (path.to_owned(), node.as_written(self.source));
            self.problem(Some(&node.place), Some(about), reason, form.to_owned());
        }
    }

    fn word(&mut self, path: &str, node: &Node, (words, accept): (&[&'static str], Accept)) {
        let text = node.as_text(self.source).unwrap_or_default();
        if accept(&mut self.draft, &text).is_ok() {
            return;
        }
        let allowed = words.join(", ");
        let message = match nearest(&text, words.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`? Allowed are {allowed}"),
            None => format!("allowed are {allowed}"),
        };
        let about = (path.to_owned(), node.as_written(self.source));
        self.problem(Some(&node.place), Some(about), message, allowed);
    }

    /// The items of a list with their paths, counted from 1 as people do.
    pub(super) fn items<'n>(
        &mut self,
        path: &str,
        node: &'n Node,
        of: &str,
    ) -> Option<Vec<(String, &'n Node)>> {
        let Value::List(items) = &node.value else {
            let hint = match node.as_written(self.source) {
                Some(text) => format!(", for example `[{}]`", shown(&text, VALUE_CHARS_MAX)),
                None => String::new(),
            };
            self.refused(path, node, &format!("is a list, {of}{hint}"));
            return None;
        };
        if items.len() > ITEMS_MAX {
            let about = (path.to_owned(), None);
            let message = format!("{} items; allowed are {ITEMS_MAX}", items.len());
            self.problem(Some(&node.place), Some(about), message, format!("{ITEMS_MAX} items"));
            return None;
        }
        Some(items.iter().zip(1..).map(|(item, n)| (format!("{path}[{n}]"), item)).collect())
    }

    /// Compiles the protected paths; a pattern that cannot protect is a problem where it stands.
    fn protect(&mut self, tree: &Node) {
        if self.draft.additions == Additions::default() {
            return;
        }
        while self.problems.len() < PROBLEMS_MAX {
            let bad = match ProtectedPaths::new(&self.draft.additions) {
                Ok(paths) => {
                    self.draft.policy.protected = paths;
                    return;
                }
                Err(bad) => bad,
            };
            let additions = &mut self.draft.additions;
            let lists = [
                ("unprotect", &mut additions.unprotect),
                ("refuse", &mut additions.refuse),
                ("hold", &mut additions.hold),
            ];
            let found = lists.into_iter().find_map(|(name, list)| {
                let at = list.iter().position(|pattern| *pattern == bad.pattern)?;
                list.remove(at);
                Some(format!("protected_paths.{name}"))
            });
            let Some(path) = found else { return };
            let place = item_of(tree, &path, &bad.pattern, self.source);
            let about = (path, Some(bad.pattern));
            self.problem(place, Some(about), bad.reason, forms::PATTERN.to_owned());
        }
    }

    /// Levels of which the lowest is above the highest.
    fn agree_on_autonomy(&mut self, tree: &Node) {
        // What the file does not say follows what it says.
        let is_said = |path: &str| find(tree, path).is_some();
        let bounds = &mut self.draft.policy.autonomy;
        if !is_said("autonomy.least") {
            bounds.least = bounds.least.min(bounds.most);
        }
        if !is_said("autonomy.start") && bounds.least <= bounds.most {
            bounds.start = bounds.start.clamp(bounds.least, bounds.most);
        }
        let Some((path, level, allowed)) = trust::disorder(*bounds) else { return };
        let node = find(tree, path);
        let about = (path.to_owned(), Some(level.as_str().to_owned()));
        let message = format!("allowed is {allowed}");
        self.problem(node.map(|node| &node.place), Some(about), message, allowed);
    }

    /// Labels that would make selfheal stop itself, or start and stop in turns.
    fn agree_on_labels(&mut self, tree: &Node) {
        let Labels { involved, stop, require, hold_updates, .. } = &self.draft.policy.labels;
        let stops = |label: &Label| stop.iter().any(|stop| stop.is(label.as_str()));
        let mut clashes = Vec::new();
        if stops(involved) {
            clashes.push(("labels.involved", involved, "it is also a stop label"));
        }
        if let Some(require) = require {
            if stops(require) {
                clashes.push(("labels.require", require, "it is also a stop label"));
            }
            if require.is(involved.as_str()) || require.is(hold_updates.as_str()) {
                let why = "selfheal itself sets and removes this label";
                clashes.push(("labels.require", require, why));
            }
        }
        let clashes: Vec<_> = clashes
            .into_iter()
            .map(|(path, label, why)| (path, label.as_str().to_owned(), why))
            .collect();
        for (path, label, why) in clashes {
            let place = find(tree, path).map(|node| &node.place);
            let message = format!("{why}; allowed is a label of its own");
            let allowed = "a label of its own".to_owned();
            self.problem(place, Some((path.to_owned(), Some(label))), message, allowed);
        }
        let labels = &mut self.draft.policy.labels;
        if !labels.stop.iter().any(|label| label.is(ALWAYS_STOP)) {
            let always = Label::parse(ALWAYS_STOP);
            labels.stop.push(always.expect("invariant: a built-in label is well formed"));
        }
    }
}

fn limits(min: u64, max: u64) -> String {
    if min == max { format!("is {min}") } else { format!("are {min} to {max}") }
}

/// A key's path from its group's and its own name.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn names_of(group: &str) -> String {
    keys::keys_of(group).map(Key::name).collect::<Vec<_>>().join(", ")
}

fn list_key(path: &str) -> Option<&'static str> {
    let key = keys::KEYS.iter().find(|key| key.path == path)?;
    if let Shape::Group { list } = key.shape { list } else { None }
}

/// The node at a path of keys.
fn find<'n>(tree: &'n Node, path: &str) -> Option<&'n Node> {
    path.split('.').try_fold(tree, |node, name| {
        let Value::Map(entries) = &node.value else { return None };
        entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    })
}

/// Where an item with that text stands in the list at a path.
fn item_of<'n>(tree: &'n Node, path: &str, text: &str, source: &str) -> Option<&'n Place> {
    let list = find(tree, path)?;
    let Value::List(items) = &list.value else { return None };
    let item = items.iter().find(|item| item.as_text(source).as_deref() == Some(text));
    item.map(|item| &item.place)
}
