//! The stable codes of mistakes.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// Names a kind of mistake; scripts and `flint explain` rely on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it stands for.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

codes! {
    /// The file is not TOML. Until it is, only what stands on other lines is looked at.
    Syntax = "config/syntax";
    /// A key is not one of those that the section knows.
    UnknownKey = "config/unknown-key";
    /// A value has another type than its key wants, such as a number where a text has to be.
    WrongType = "config/wrong-type";
    /// A key is missing that has no default.
    MissingKey = "config/missing-key";
    /// The same name is given twice.
    DuplicateName = "config/duplicate-name";
    /// A function, store, secret or variable has a name that breaks the rule for names.
    BadName = "config/bad-name";
    /// A size is not a number with a unit, such as `64MiB`.
    BadSize = "config/bad-size";
    /// A duration is not a number with a unit, such as `30s`.
    BadDuration = "config/bad-duration";
    /// An address is not an IP address with a port, such as `127.0.0.1:8080`.
    BadAddress = "config/bad-address";
    /// A value is not one of those that are possible.
    BadValue = "config/bad-value";
    /// The path of a route breaks a rule: it starts with `/`, and a segment is a literal, a `{parameter}`, or, at the end, a
    /// `{*rest}`.
    BadPath = "config/bad-path";
    /// A host is neither a name, nor `*.` and a name, nor an IP address; or it has a port where none may be.
    BadHost = "config/bad-host";
    /// A network is not an address and a number of bits, such as `10.0.0.0/8`.
    BadNetwork = "config/bad-network";
    /// A number, size or duration is smaller or larger than it may be.
    OutOfRange = "config/out-of-range";
    /// `${…}` can't be read: there is no `}`, or what it holds is no name of a variable.
    BadReference = "config/bad-reference";
    /// An environment variable is referred to and not set.
    NoSuchVariable = "config/no-such-variable";
    /// A file or folder is named that does not exist or can't be read.
    NoSuchFile = "config/no-such-file";
    /// A secret has neither `env` nor `file`, or both, or is larger than 64 KiB.
    BadSecret = "config/bad-secret";
    /// The keys `source`, `build` and `artifact` do not go together.
    BadBuild = "config/bad-build";
    /// A route names a function that does not exist.
    NoSuchFunction = "config/no-such-function";
    /// A grant or a trigger names a store that does not exist.
    NoSuchStore = "config/no-such-store";
    /// A trigger, a subscription, a grant or a `dead-letter` names a queue that does not exist.
    NoSuchQueue = "config/no-such-queue";
    /// A grant names a bucket that does not exist.
    NoSuchBucket = "config/no-such-bucket";
    /// A queue's `dead-letter` leads back to the queue itself, or to a queue of another `order`.
    BadDeadLetter = "config/bad-dead-letter";
    /// A trigger, a subscription or a grant names a topic that does not exist.
    NoSuchTopic = "config/no-such-topic";
    /// A grant names a workflow that does not exist.
    NoSuchWorkflow = "config/no-such-workflow";
    /// A trigger listens to nothing, or to several things, or has a key that says nothing about what it listens to.
    BadSource = "config/bad-source";
    /// Two triggers handle the messages of one queue, or lead one source to the same function; or a queue listens twice to a topic.
    SecondTrigger = "config/second-trigger";
    /// A filter of attributes can't be read.
    BadFilter = "config/bad-filter";
    /// Who is told what became of an invocation is neither `function:NAME` nor `queue:NAME`.
    BadDestination = "config/bad-destination";
    /// When a schedule is due can't be read, or there is no such time zone.
    BadSchedule = "config/bad-schedule";
    /// `transactional` is set for a function whose instances serve several events at once: their effects can't be told apart.
    NotTransactional = "config/not-transactional";
    /// Two routes take the same requests, and neither is more specific.
    OverlappingRoutes = "config/overlapping-routes";
    /// A function is bound to a trigger and its component does not export the handler; or it exports no handler at all.
    NoHandler = "config/no-handler";
    /// The component imports something that the function is not granted. An empty table, or an empty list, says that this is
    /// meant.
    MissingGrant = "config/missing-grant";
    /// The component imports an interface that this host does not serve.
    UnservedImport = "config/unserved-import";
    /// `isolation = "shared"` is set for a component without an asynchronous handler.
    NotShareable = "config/not-shareable";
    /// `uses` is set for a function whose instances serve one event each.
    UselessUses = "config/useless-uses";
    /// The admin listener could be reached from other machines, and asks for no token.
    AdminNotLoopback = "config/admin-not-loopback";
    /// Two listeners have the same address.
    SameAddress = "config/same-address";
    /// Of `https`, `certificate` and `key`, one is there without the others.
    BadHttps = "config/bad-https";
    /// A route to files leads to a function too, or its path does not say which file, or it takes other methods than `GET`.
    BadFiles = "config/bad-files";
    /// What is to be an origin is none, or pages of all origins may ask in the name of their visitors.
    BadOrigin = "config/bad-origin";
    /// The source could not be built, or what came out is no component.
    NoComponent = "config/no-component";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
