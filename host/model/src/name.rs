//! Names of functions, stores and the like: parsed once at the edge, then cheap to clone and compare.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name, in bytes.
pub const NAME_LENGTH_MAX: usize = 64;

/// Tells why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no text.
    #[error("a name can't be empty")]
    Empty,
    /// The text is longer than [`NAME_LENGTH_MAX`].
    #[error("a name has at most {NAME_LENGTH_MAX} characters, this one has {0}")]
    TooLong(usize),
    /// The text holds something else than lower-case letters, digits and hyphens.
    #[error("a name has lower-case letters, digits and hyphens only, not {0:?}")]
    Character(char),
    /// The text starts or ends with a hyphen, or does not start with a letter.
    #[error("a name starts with a letter and does not end with a hyphen")]
    Edge,
    /// The path of a queue has more than [`PARTS_MAX`] names.
    #[error("the path of a queue has at most {PARTS_MAX} names")]
    TooDeep,
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_LENGTH_MAX {
        return Err(NameError::TooLong(text.chars().count()));
    }
    if let Some(c) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Err(NameError::Character(c));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || text.ends_with('-') {
        return Err(NameError::Edge);
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        names! { check = check,
            $($(#[$doc])*
            ///
            /// 1 to 64 characters: lower-case letters, digits and hyphens, starting with a letter.
            $name;)*
        }
    };
    (check = $check:ident, $($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses a name.
            ///
            /// # Errors
            /// [`NameError`] if the text breaks the rule above.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                $check(text)?;
                Ok(Self(text.into()))
            }

            /// The same name, without what clones share: cores that clone it do not take turns with its count of owners.
            #[must_use]
            pub fn detached(&self) -> Self {
                Self((*self.0).into())
            }

            /// Shows the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// Names a function of the platform.
    FunctionName;
    /// Names a key-value store.
    StoreName;
    /// Names a secret as the function sees it.
    SecretName;
    /// Names a topic.
    TopicName;
    /// Names a bucket of blobs.
    BucketName;
    /// Names a schedule.
    ScheduleName;
    /// Names a workflow.
    WorkflowName;
}

impl StoreName {
    /// The store in which the host keeps answers by `Idempotency-Key`. No text parses as its name, so nobody else reaches it.
    pub fn answers() -> Self {
        Self("http/answers".into())
    }

    /// The store in which the host keeps executions of workflows. No text parses as its name, so nobody else reaches it.
    pub fn executions() -> Self {
        Self("workflow/executions".into())
    }
}

names! { check = check_path,
    /// Names a queue.
    ///
    /// One of the platform's configuration has a plain name: 1 to 64 characters, lower-case letters, digits and hyphens,
    /// starting with a letter. A queue that the host keeps for itself has a path of two to [`PARTS_MAX`] such names with
    /// slashes between them, such as `jobs/dead`.
    QueueName;
}

/// The most names in the path of a queue that the host keeps for itself.
pub const PARTS_MAX: usize = 5;

fn check_path(text: &str) -> Result<(), NameError> {
    if text.split('/').count() > PARTS_MAX {
        return Err(NameError::TooDeep);
    }
    text.split('/').try_for_each(check)
}

impl QueueName {
    /// The queue that the host keeps below this one under a name.
    ///
    /// # Errors
    /// [`NameError::TooDeep`] if this one has [`PARTS_MAX`] parts already.
    pub fn below(&self, name: &str) -> Result<Self, NameError> {
        Self::parse(&format!("{self}/{name}"))
    }

    /// The queue that the host keeps for a function that listens to something: to a topic, to a store. `area` is the
    /// capability, such as `topic`.
    ///
    /// # Errors
    /// [`NameError`] if one of the three is no name.
    pub fn of_listener(area: &str, name: &str, function: &str) -> Result<Self, NameError> {
        Self::parse(&format!("{area}/{name}/{function}"))
    }

    /// Whether the host keeps the queue for itself, and the configuration can't name it.
    pub fn is_internal(&self) -> bool {
        self.as_str().contains('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_letters_digits_and_inner_hyphens() {
        for good in ["a", "hello", "hello-02", "a1--b"] {
            assert_eq!(FunctionName::parse(good).map(|n| n.to_string()), Ok(good.to_owned()));
        }
        let long = "a".repeat(65);
        for (bad, why) in [
            ("", NameError::Empty),
            (long.as_str(), NameError::TooLong(65)),
            ("Hello", NameError::Character('H')),
            ("a_b", NameError::Character('_')),
            ("a/b", NameError::Character('/')),
            ("1a", NameError::Edge),
            ("-a", NameError::Edge),
            ("a-", NameError::Edge),
        ] {
            assert_eq!(FunctionName::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_queue_of_the_host_has_a_path_of_names() {
        let jobs = QueueName::parse("jobs").expect("a name");
        let dead = jobs.below("dead").expect("two names");
        assert_eq!((dead.as_str(), dead.is_internal(), jobs.is_internal()), ("jobs/dead", true, false));
        for (bad, why) in [
            ("jobs/", NameError::Empty),
            ("/jobs", NameError::Empty),
            ("jobs/Dead", NameError::Character('D')),
            ("a/b/c/d/e/f", NameError::TooDeep),
        ] {
            assert_eq!(QueueName::parse(bad), Err(why), "{bad}");
        }
    }
}
