//! The table of functions: their names, how many arguments they take, and who does them.

use super::given::{Given, Outcome};
use super::{array, chance, encode, format, json, math, text};
use std::fmt;

/// How alike a name must be to one that exists to be taken for a slip of it, from 0 to 1.
const ALIKE_MIN: f64 = 0.6;

/// A function.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) arguments: Arity,
    pub(super) run: fn(&Given) -> Outcome,
}

/// How many arguments a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arity {
    min: usize,
    /// `None`: any number.
    max: Option<usize>,
}

static FUNCTIONS: [Function; 18] = [
    Function { name: "States.Array", arguments: from(0), run: array::array },
    Function { name: "States.ArrayPartition", arguments: exactly(2), run: array::partition },
    Function { name: "States.ArrayContains", arguments: exactly(2), run: array::contains },
    Function { name: "States.ArrayRange", arguments: exactly(3), run: array::range },
    Function { name: "States.ArrayGetItem", arguments: exactly(2), run: array::get_item },
    Function { name: "States.ArrayLength", arguments: exactly(1), run: array::length },
    Function { name: "States.ArrayUnique", arguments: exactly(1), run: array::unique },
    Function { name: "States.Base64Encode", arguments: exactly(1), run: encode::base64_encode },
    Function { name: "States.Base64Decode", arguments: exactly(1), run: encode::base64_decode },
    Function { name: "States.Hash", arguments: exactly(2), run: encode::hash },
    Function { name: "States.JsonMerge", arguments: exactly(3), run: json::merge },
    Function { name: "States.StringToJson", arguments: exactly(1), run: json::from_text },
    Function { name: "States.JsonToString", arguments: exactly(1), run: json::to_text },
    Function { name: "States.MathRandom", arguments: between(2, 3), run: chance::number },
    Function { name: "States.MathAdd", arguments: exactly(2), run: math::add },
    Function { name: "States.StringSplit", arguments: exactly(2), run: text::split },
    Function { name: "States.UUID", arguments: exactly(0), run: chance::uuid },
    Function { name: "States.Format", arguments: from(1), run: format::format },
];

/// The function of this name; of none, a sentence that names the one that was probably meant.
pub(super) fn find(name: &str) -> Result<&'static Function, String> {
    FUNCTIONS.iter().find(|function| function.name == name).ok_or_else(|| match similar(name) {
        Some(similar) => format!("`{name}` is not an intrinsic function; did you mean `{similar}`?"),
        None => format!("`{name}` is not an intrinsic function"),
    })
}

/// The name that is most like this one, if one is.
fn similar(name: &str) -> Option<&'static str> {
    // What all names have in common says nothing about which of them was meant.
    let own = |name: &str| name.to_lowercase().trim_start_matches("states.").to_owned();
    let alike = |function: &Function| strsim::normalized_damerau_levenshtein(&own(name), &own(function.name));
    let best = FUNCTIONS
        .iter()
        .map(|function| (alike(function), function.name))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(alike, _)| *alike >= ALIKE_MIN).map(|(_, name)| name)
}

impl Function {
    /// Whether it takes so many arguments; if it does not, a sentence that says how many it takes.
    pub(super) fn check(&self, count: usize) -> Result<(), String> {
        let Arity { min, max } = self.arguments;
        if count >= min && max.is_none_or(|max| count <= max) {
            return Ok(());
        }
        let given = if count == 1 { "1 was given".to_owned() } else { format!("{count} were given") };
        Err(format!("`{}` takes {}, and {given}", self.name, self.arguments))
    }
}

impl fmt::Display for Arity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        match (self.min, self.max) {
            (0, Some(0)) => write!(formatter, "no arguments"),
            (min, Some(max)) if min == max => write!(formatter, "{min} argument{}", plural(min)),
            (min, Some(max)) => write!(formatter, "{min} to {max} arguments"),
            (min, None) => write!(formatter, "at least {min} argument{}", plural(min)),
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

const fn exactly(count: usize) -> Arity {
    between(count, count)
}

const fn between(min: usize, max: usize) -> Arity {
    Arity { min, max: Some(max) }
}

const fn from(min: usize) -> Arity {
    Arity { min, max: None }
}
