//! What a handler of events answers.

use crate::Failure;

/// What a handler of events answers.
#[diagnostic::on_unimplemented(
    message = "a handler of events returns `Result<(), E>`, not `{Self}`",
    label = "has to be `Result<(), E>`",
    note = "`E` turns into a `flint_sdk::Failure`; what failed comes again, unless the failure says `never`"
)]
pub trait EventAnswer {
    /// The two cases.
    ///
    /// # Errors
    /// The handler's.
    fn into_result(self) -> Result<(), Failure>;
}

impl<E: Into<Failure>> EventAnswer for Result<(), E> {
    fn into_result(self) -> Result<(), Failure> {
        self.map_err(Into::into)
    }
}
