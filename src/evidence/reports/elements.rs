//! The elements of an XML report, for readers that look for something else than failures.

use super::xml::{Edge, Node, Xml};

/// An element with everything in it.
#[derive(Debug)]
pub(in crate::evidence) struct Element(Node);

impl Element {
    /// Shows every element of these names in a text, one after the other, however deep it lies; one
    /// that lies in another of them is shown with that one only.
    pub(in crate::evidence) fn each(text: &str, names: &[&str], mut seen: impl FnMut(&Self)) {
        let mut xml = Xml::of(text);
        while let Some(edge) = xml.next() {
            let Edge::Open(tag) = edge else { continue };
            if names.contains(&tag.name.as_str()) {
                let element = Self(xml.node(tag));
                seen(&element);
            }
        }
    }

    /// Its name.
    pub(in crate::evidence) fn name(&self) -> &str {
        &self.0.tag.name
    }

    /// An attribute that says something.
    pub(in crate::evidence) fn get(&self, name: &str) -> Option<&str> {
        self.0.tag.get(name)
    }

    /// Whether an element of that name is in it.
    pub(in crate::evidence) fn has(&self, name: &str) -> bool {
        self.0.child(name).is_some()
    }

    /// Shows every element of a name in it, however deep.
    pub(in crate::evidence) fn within(&self, name: &str, seen: &mut dyn FnMut(&Node)) {
        self.0.each_below(name, seen);
    }
}

impl Node {
    /// An attribute that says something.
    pub(in crate::evidence) fn attribute(&self, name: &str) -> Option<&str> {
        self.tag.get(name)
    }

    /// Shows every element of a name in it, however deep.
    pub(in crate::evidence) fn each_below(&self, name: &str, seen: &mut dyn FnMut(&Self)) {
        let mut open = vec![self];
        while let Some(node) = open.pop() {
            for child in &node.children {
                if child.tag.name == name {
                    seen(child);
                }
                open.push(child);
            }
        }
    }

    /// Its last child of a name with that value in an attribute.
    pub(in crate::evidence) fn last_child(
        &self,
        name: &str,
        (attribute, value): (&str, &str),
    ) -> Option<&Self> {
        let fits =
            |child: &&Self| child.tag.name == name && child.attribute(attribute) == Some(value);
        self.children.iter().rev().find(fits)
    }
}
