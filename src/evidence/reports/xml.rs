//! XML reports: elements one after the other, by events, never a whole document in memory.
//!
//! Entities of a document's own are not read: a `DOCTYPE` is passed over, and what it defined stays
//! as it is written. Broken XML ends the reading with a note. The invariant: depth, attributes and
//! the text of an element are bounded, and every byte is looked at once.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};

use super::{Found, ReportFormat, checkstyle, junit, nunit, trx};
use crate::evidence::text::floor;

/// Elements that lie deeper are passed over.
const DEPTH_MAX: usize = 64;

/// How many attributes of one element are read; the formats have at most twenty.
const ATTRIBUTES_MAX: usize = 64;

/// How much of one attribute is kept.
const ATTRIBUTE_BYTES_MAX: usize = 64 * 1024;

/// How much text of one element is kept: a failure's stack trace, but not a test's whole output.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// How many elements of one test or finding are kept.
const NODES_MAX: usize = 10_000;

/// An element's beginning.
#[derive(Debug, Default)]
pub(super) struct Tag {
    /// The name without its namespace.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    /// The line at which it ends, counted from 1.
    pub(super) line: usize,
}

impl Tag {
    /// An attribute that says something.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// A number that is not 0.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.get(name)?.trim().parse().ok().filter(|number| *number > 0)
    }
}

/// An element with everything in it.
#[derive(Debug, Default)]
pub(in crate::evidence) struct Node {
    pub(super) tag: Tag,
    /// Its own text, without that of its children.
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.tag.name == name)
    }

    /// The text of the element that a chain of names leads to.
    pub(super) fn text_at(&self, names: &[&str]) -> Option<&str> {
        let found = names.iter().try_fold(self, |node, name| node.child(name))?;
        Some(found.text.trim()).filter(|text| !text.is_empty())
    }
}

/// Where an element begins or ends.
#[derive(Debug)]
pub(super) enum Edge {
    Open(Tag),
    Close,
}

/// The elements of a text, in order.
pub(super) struct Xml<'t> {
    reader: Reader<&'t [u8]>,
    text: &'t [u8],
    counted: usize,
    line: usize,
    depth: usize,
    /// Text since the last edge.
    said: String,
    was_cut: bool,
}

impl<'t> Xml<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        Self {
            reader,
            text: text.as_bytes(),
            counted: 0,
            line: 1,
            depth: 0,
            said: String::new(),
            was_cut: false,
        }
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The next edge; `None` at the end, or where the XML is broken.
    pub(super) fn next(&mut self) -> Option<Edge> {
        self.said.clear();
        loop {
            match self.reader.read_event() {
                Ok(Event::Start(start)) => {
                    let tag = self.tag(&start);
                    self.depth += 1;
                    return Some(Edge::Open(tag));
                }
                Ok(Event::End(_)) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Some(Edge::Close);
                }
                Ok(Event::Text(text)) => self.say(&text),
                Ok(Event::CData(data)) => self.say(&data),
                Ok(Event::GeneralRef(name)) => {
                    let known = name.resolve_char_ref().ok().flatten().map(String::from);
                    let name = name.to_string();
                    let known =
                        known.or_else(|| resolve_predefined_entity(&name).map(str::to_owned));
                    self.say(&known.unwrap_or_else(|| format!("&{name};")));
                }
                Ok(Event::Eof) => {
                    self.was_cut |= self.depth > 0;
                    return None;
                }
                Ok(_) => {}
                Err(_) => {
                    self.was_cut = true;
                    return None;
                }
            }
        }
    }

    /// The element whose beginning was just read, up to its end or the end of what can be read.
    pub(super) fn node(&mut self, tag: Tag) -> Node {
        let mut open = vec![Node { tag, ..Node::default() }];
        let mut nodes = 1;
        // How many open elements are passed over.
        let mut passed = 0usize;
        loop {
            let edge = self.next();
            if passed == 0
                && let Some(node) = open.last_mut()
            {
                let room = TEXT_BYTES_MAX.saturating_sub(node.text.len());
                node.text.push_str(floor(&self.said, room));
            }
            match edge {
                Some(Edge::Open(tag)) => {
                    if passed > 0 || open.len() >= DEPTH_MAX || nodes >= NODES_MAX {
                        passed += 1;
                    } else {
                        nodes += 1;
                        open.push(Node { tag, ..Node::default() });
                    }
                }
                Some(Edge::Close) if passed > 0 => passed -= 1,
                Some(Edge::Close) => {
                    if let Some(node) = closed(&mut open) {
                        return node;
                    }
                }
                None => loop {
                    if let Some(node) = closed(&mut open) {
                        return node;
                    }
                },
            }
        }
    }

    /// Passes over the element whose beginning was just read.
    pub(super) fn skip(&mut self) {
        let depth = self.depth;
        while self.depth >= depth && self.next().is_some() {}
    }

    fn say(&mut self, text: &str) {
        let room = TEXT_BYTES_MAX.saturating_sub(self.said.len());
        self.said.push_str(floor(text, room));
    }

    fn tag(&mut self, start: &BytesStart<'_>) -> Tag {
        let attributes = start
            .attributes()
            .with_checks(false)
            .take(ATTRIBUTES_MAX)
            .flatten()
            .map(|attribute| {
                let name = attribute.key.local_name().as_ref().to_owned();
                let raw = floor(&attribute.value, ATTRIBUTE_BYTES_MAX);
                (name, unescape(raw).map_or_else(|_| raw.to_owned(), Cow::into_owned))
            })
            .collect();
        let at = usize::try_from(self.reader.buffer_position()).unwrap_or(0).min(self.text.len());
        let passed = self.text.get(self.counted..at).unwrap_or(&[]);
        self.line += memchr::memchr_iter(b'\n', passed).count();
        self.counted = at.max(self.counted);
        let name = start.local_name().as_ref().to_owned();
        Tag { name, attributes, line: self.line }
    }
}

/// Closes the innermost element; the outermost is the result.
fn closed(open: &mut Vec<Node>) -> Option<Node> {
    let node = open.pop().unwrap_or_default();
    match open.last_mut() {
        Some(parent) => {
            parent.children.push(node);
            None
        }
        None => Some(node),
    }
}

/// Reads every document of a text; `None` when the first is none that is known.
pub(super) fn read(text: &str, found: &mut Found<'_>) -> Option<ReportFormat> {
    let mut xml = Xml::of(text);
    let mut format = None;
    while let Some(edge) = xml.next() {
        let Edge::Open(tag) = edge else { continue };
        let known = match tag.name.as_str() {
            "testsuites" | "testsuite" | "testcase" => {
                junit::read(&mut xml, tag, found);
                ReportFormat::Junit
            }
            "checkstyle" => {
                checkstyle::read(&mut xml, found);
                ReportFormat::Checkstyle
            }
            "TestRun" => {
                trx::read(&mut xml, found);
                ReportFormat::Trx
            }
            "test-run" | "test-results" => {
                nunit::read(&mut xml, found);
                ReportFormat::Nunit
            }
            _ if format.is_none() => return None,
            _ => {
                xml.skip();
                continue;
            }
        };
        format.get_or_insert(known);
    }
    if xml.was_cut {
        found.note("the XML ends early or is broken; what stands before that was read");
    }
    format
}
