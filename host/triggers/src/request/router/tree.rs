//! The paths of one host as a tree of segments. Leaves are numbers of routes; what those are, only the router knows.

use super::pattern::Segment;
use super::percent;
use std::collections::BTreeMap;

/// A tree node: what can follow the segments that led here.
#[derive(Debug, Default)]
pub(super) struct Tree {
    literals: BTreeMap<Box<[u8]>, Tree>,
    param: Option<Box<Tree>>,
    /// Routes whose pattern ends here.
    ends: Vec<usize>,
    /// Routes whose pattern ends here with a `{*rest}`.
    rests: Vec<usize>,
}

impl Tree {
    /// Finds the leaf for a pattern, making it if need be.
    pub(super) fn leaf(&mut self, segments: &[Segment]) -> &mut Vec<usize> {
        match segments {
            [] => &mut self.ends,
            [Segment::Rest, ..] => &mut self.rests,
            [Segment::Param, more @ ..] => self.param.get_or_insert_default().leaf(more),
            [Segment::Literal(bytes), more @ ..] => self.literals.entry(bytes.clone()).or_default().leaf(more),
        }
    }

    /// Shows every leaf that matches a path, the most specific first, until `visit` returns something.
    ///
    /// `rest` is the path without its first slash; `values` holds the raw text of the parameters so far, and `visit` may
    /// take it if it returns something. Visits each node at most once, so the cost is bounded by the routes.
    pub(super) fn walk<'p, R>(
        &self,
        rest: Option<&'p str>,
        values: &mut Vec<&'p str>,
        visit: &mut impl FnMut(&[usize], &mut Vec<&'p str>) -> Option<R>,
    ) -> Option<R> {
        let Some(rest) = rest else {
            return if self.ends.is_empty() { None } else { visit(&self.ends, values) };
        };
        let (segment, more) = match rest.split_once('/') {
            Some((segment, more)) => (segment, Some(more)),
            None => (rest, None),
        };
        if !self.literals.is_empty()
            && let Some(next) = percent::decode(segment).and_then(|bytes| self.literals.get(&*bytes))
            && let Some(found) = next.walk(more, values, visit)
        {
            return Some(found);
        }
        if !segment.is_empty()
            && let Some(next) = &self.param
        {
            values.push(segment);
            if let Some(found) = next.walk(more, values, visit) {
                return Some(found);
            }
            values.pop();
        }
        if self.rests.is_empty() {
            return None;
        }
        values.push(rest);
        let found = visit(&self.rests, values);
        values.pop();
        found
    }
}
