//! Identifiers: ULIDs, so that they sort by time and need no coordination (<https://github.com/ulid/spec>).

use crate::clock::Timestamp;
use std::fmt;
use std::str::FromStr;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// 26 characters, sortable by time.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(ulid::Ulid);

        impl $name {
            /// Makes an id from the time of acceptance and 80 random bits.
            pub fn new(at: Timestamp, random: u128) -> Self {
                Self(ulid::Ulid::from_parts(at.as_millis(), random))
            }

            /// Makes an id for an event that is accepted now, from the thread's random generator.
            pub fn now() -> Self {
                Self::at(Timestamp::now())
            }

            /// Makes an id for an event that was accepted at a moment, from the thread's random generator.
            pub fn at(at: Timestamp) -> Self {
                Self::new(at, rand::random())
            }

            /// When the event was accepted.
            pub fn accepted(&self) -> Timestamp {
                Timestamp::from_millis(self.0.timestamp_ms())
            }

            /// Reads an id from its 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(ulid::Ulid::from_bytes(bytes))
            }

            /// The 16 bytes of the id, in the order of time.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map(Self).map_err(|_| IdError)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

ids! {
    /// Identifies one invocation of a function.
    InvocationId;
    /// Identifies one message of a queue, however often it is received.
    MessageId;
    /// Identifies the content of blobs, however many keys lead to it.
    ContentId;
}

/// Says that a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has 26 characters of Crockford's base 32")]
pub struct IdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let older = InvocationId::new(Timestamp::from_millis(1), u128::MAX >> 48);
        let newer = InvocationId::new(Timestamp::from_millis(2), 0);
        assert!(older < newer && older.to_string() < newer.to_string());
        assert_eq!(newer.to_string().parse(), Ok(newer));
        assert_eq!(newer.accepted(), Timestamp::from_millis(2));
        assert_eq!("nonsense".parse::<InvocationId>(), Err(IdError));
    }
}
