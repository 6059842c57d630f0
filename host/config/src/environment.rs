//! Where `${NAME}` and secrets come from.

/// The environment variables that a configuration may refer to.
///
/// Any `Fn(&str) -> Option<String>` is one.
pub trait Environment {
    /// The value of a variable, if it is set.
    fn get(&self, name: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Environment for F {
    fn get(&self, name: &str) -> Option<String> {
        self(name)
    }
}
