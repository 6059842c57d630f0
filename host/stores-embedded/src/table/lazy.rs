//! A table that few transactions touch.

use redb::{Key, Table, TableDefinition, TableError, Value, WriteTransaction};

/// A table of a write transaction, opened when it is first used: opening and closing one costs as much as a small write.
pub(crate) struct Lazy<'tx, K: Key + 'static, V: Value + 'static> {
    transaction: &'tx WriteTransaction,
    definition: TableDefinition<'static, K, V>,
    table: Option<Table<'tx, K, V>>,
}

impl<'tx, K: Key + 'static, V: Value + 'static> Lazy<'tx, K, V> {
    pub(crate) fn new(transaction: &'tx WriteTransaction, definition: TableDefinition<'static, K, V>) -> Self {
        Self { transaction, definition, table: None }
    }

    /// The table; made if it is not there.
    pub(crate) fn open(&mut self) -> Result<&mut Table<'tx, K, V>, TableError> {
        let table = match self.table.take() {
            Some(table) => table,
            None => self.transaction.open_table(self.definition)?,
        };
        Ok(self.table.insert(table))
    }
}
