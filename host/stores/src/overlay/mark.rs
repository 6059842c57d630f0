//! Marks: where the changes of an overlay can go back to.
//!
//! A mark remembers, of each key that is changed after it, what was held before. What was read stays noted when changes are
//! taken back: they were decided by it, and so was their end.

use std::collections::BTreeMap;

use flint_model::StoreName;

use super::Overlay;
use super::key::Held;

/// So many marks are set at most, one behind the other.
pub const MARKS_MAX: usize = 16;

/// What was held before the changes behind a mark.
#[derive(Debug, Clone, Default)]
pub(super) struct Mark {
    others: usize,
    before: BTreeMap<(StoreName, String), Option<Held>>,
}

/// Says that a mark can't be set, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoMark {
    /// There are as many as may be.
    #[error("transactions are nested deeper than {MARKS_MAX}")]
    Full,
    /// None is set.
    #[error("no transaction was begun")]
    None,
}

impl Mark {
    /// Remembers what was held of a key, unless that of an earlier moment is remembered: then it is given back.
    pub(super) fn remember(&mut self, store: &StoreName, name: &str, held: Option<Held>) -> Option<Held> {
        match self.before.entry((store.clone(), name.to_owned())) {
            std::collections::btree_map::Entry::Occupied(_) => held,
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(held);
                None
            }
        }
    }
}

impl Overlay {
    /// Sets a mark.
    ///
    /// # Errors
    /// [`NoMark::Full`].
    pub fn mark(&mut self) -> Result<(), NoMark> {
        if self.marks.len() == MARKS_MAX {
            return Err(NoMark::Full);
        }
        self.marks.push(Mark { others: self.others.len(), before: BTreeMap::new() });
        Ok(())
    }

    /// Gives up the last mark, and keeps what was changed behind it.
    ///
    /// # Errors
    /// [`NoMark::None`].
    pub fn release(&mut self) -> Result<(), NoMark> {
        let mark = self.marks.pop().ok_or(NoMark::None)?;
        for ((store, name), held) in mark.before {
            let freed = match self.marks.last_mut() {
                Some(outer) => outer.remember(&store, &name, held),
                None => held,
            };
            self.bytes -= freed.as_ref().map_or(0, Held::size);
        }
        Ok(())
    }

    /// Takes back what was changed behind the last mark, and gives the mark up.
    ///
    /// # Errors
    /// [`NoMark::None`].
    pub fn roll_back(&mut self) -> Result<(), NoMark> {
        let mark = self.marks.pop().ok_or(NoMark::None)?;
        for ((store, name), held) in mark.before {
            let given_up = std::mem::replace(&mut self.slot(&store, &name).held, held);
            self.bytes -= given_up.as_ref().map_or(0, Held::size);
        }
        let others = self.others.drain(mark.others..);
        self.bytes -= others.map(|effect| effect.size() + super::KEY_BYTES).sum::<u64>();
        Ok(())
    }
}
