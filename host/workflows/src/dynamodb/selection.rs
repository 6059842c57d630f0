//! Several paths of one expression, of which none contains another, as a tree.

use super::attribute::{Attribute, Map};
use super::path::{Element, Path};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Some parts of an item.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    root: Node,
}

/// Where paths meet, or where one ends.
#[derive(Clone, Debug, Default)]
struct Node {
    names: BTreeMap<Arc<str>, Node>,
    elements: BTreeMap<usize, Node>,
    /// The first of the paths that come through here.
    first: Option<Path>,
    is_end: bool,
}

impl Selection {
    /// The parts that these paths lead to. Takes as long as the paths are long together.
    ///
    /// # Errors
    /// One of them contains another, or the two can't be in one item: `a.b` and `a[1]`.
    pub(super) fn of<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<Self, String> {
        let mut selection = Self::default();
        paths.into_iter().try_for_each(|path| selection.add(path))?;
        Ok(selection)
    }

    fn add(&mut self, path: &Path) -> Result<(), String> {
        let mut node = &mut self.root;
        for element in path.elements() {
            if node.is_end {
                return Err(clash("overlap", node.first.as_ref(), path));
            }
            node.first.get_or_insert_with(|| path.clone());
            let other = match &element {
                Element::Name(_) => node.elements.values().next(),
                Element::Index(_) => node.names.values().next(),
            };
            if let Some(other) = other {
                return Err(clash("conflict", other.first.as_ref(), path));
            }
            node = match element {
                Element::Name(name) => node.names.entry(name).or_default(),
                Element::Index(index) => node.elements.entry(index).or_default(),
            };
        }
        if node.first.is_some() {
            return Err(clash("overlap", node.first.as_ref(), path));
        }
        node.first = Some(path.clone());
        node.is_end = true;
        Ok(())
    }

    /// These parts of an item, in maps and lists as there. A list has only the elements that were asked for.
    pub(super) fn of_item(&self, item: &Map) -> Map {
        self.root.of_map(item)
    }
}

impl Node {
    fn of_map(&self, map: &Map) -> Map {
        let part = |(name, node): (&Arc<str>, &Self)| Some((name.to_string(), node.of_value(map.get(&**name)?)?));
        self.names.iter().filter_map(part).collect()
    }

    /// What is asked for of a value; none if that is nothing. At most as deep as a path.
    fn of_value(&self, value: &Attribute) -> Option<Attribute> {
        match value {
            value if self.is_end => Some(value.clone()),
            Attribute::M(map) => Some(self.of_map(map)).filter(|map| !map.is_empty()).map(Attribute::M),
            Attribute::L(list) => {
                let part = |(index, node): (&usize, &Self)| node.of_value(list.get(*index)?);
                let parts: Vec<_> = self.elements.iter().filter_map(part).collect();
                (!parts.is_empty()).then_some(Attribute::L(parts))
            }
            _ => None,
        }
    }
}

fn clash(how: &str, one: Option<&Path>, two: &Path) -> String {
    let one = one.map(ToString::to_string).unwrap_or_default();
    format!(
        "Two document paths {how} with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
    )
}
