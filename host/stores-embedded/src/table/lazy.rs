//! A table that few transactions touch.

use redb::{Key, TableDefinition, TableError, Value, WriteTransaction};

use super::logged::{Logged, Redo};

/// A table of a write transaction, opened when it is first used: opening and closing one costs as much as a small write.
pub(crate) struct Lazy<'tx, K: Key + 'static, V: Value + 'static> {
    transaction: &'tx WriteTransaction,
    definition: TableDefinition<'static, K, V>,
    redo: &'tx Redo,
    table: Option<Logged<'tx, K, V>>,
}

impl<'tx, K: Key + 'static, V: Value + 'static> Lazy<'tx, K, V> {
    pub(crate) fn new(
        transaction: &'tx WriteTransaction,
        definition: TableDefinition<'static, K, V>,
        redo: &'tx Redo,
    ) -> Self {
        Self { transaction, definition, redo, table: None }
    }

    /// The table; made if it is not there.
    pub(crate) fn open(&mut self) -> Result<&mut Logged<'tx, K, V>, TableError> {
        let table = match self.table.take() {
            Some(table) => table,
            None => Logged::open(self.transaction, self.definition, self.redo)?,
        };
        Ok(self.table.insert(table))
    }
}
