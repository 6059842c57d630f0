//! Prices, read from TOML: what a load is reckoned with, and where that comes from.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use toml::value::Datetime;

/// The prices that come with flint.
const LIST: &str = include_str!("prices.toml");

/// Prices of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::bench::compare) struct Prices {
    pub(super) date: Date,
    pub(super) lambda: Lambda,
    /// What leads requests to Lambdas.
    pub(super) gateway: Option<Gateway>,
    pub(super) machine: Machine,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all(deserialize = "kebab-case"))]
pub(super) struct Lambda {
    pub(super) source: String,
    pub(super) per_million_requests: Usd,
    pub(super) per_gb_second: Usd,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all(deserialize = "kebab-case"))]
pub(super) struct Gateway {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) per_million_requests: Usd,
}

/// What flint runs on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all(deserialize = "kebab-case"))]
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) per_hour: Usd,
}

/// A price in US dollars: a number that is not negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Usd(f64);

/// A day, as `2025-08-01`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Datetime")]
pub(super) struct Date(String);

/// Why there are no prices.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PricesError {
    /// The file can't be read.
    #[error("can't read the prices in {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It says something else than prices.
    #[error("the prices in {} are wrong", path.display())]
    Invalid {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl PricesError {
    /// What to do about it.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Invalid { .. } => Some(format!("these are the prices without `--prices`, to begin with:\n\n{LIST}")),
        }
    }
}

impl Prices {
    /// Reads them; those that come with flint, if no file is named.
    ///
    /// # Errors
    /// If the file can't be read, or says something else: with line, column and the offending text.
    pub(in crate::bench::compare) fn read(file: Option<&Path>) -> Result<Self, PricesError> {
        let (path, text) = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let unreadable = |source| PricesError::Unreadable { path: path.to_owned(), source };
                (path, text.map_err(unreadable)?)
            }
            None => (Path::new("prices.toml"), LIST.to_owned()),
        };
        let invalid = |error| PricesError::Invalid { path: path.to_owned(), source: Box::new(error) };
        toml::from_str(&text).map_err(invalid)
    }
}

impl Usd {
    pub(super) fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Usd {
    type Error = String;

    fn try_from(usd: f64) -> Result<Self, String> {
        if usd.is_finite() && usd >= 0.0 {
            Ok(Self(usd))
        } else {
            Err(format!("{usd} is no price: 0 or more US dollars"))
        }
    }
}

impl Date {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Datetime> for Date {
    type Error = String;

    fn try_from(date: Datetime) -> Result<Self, String> {
        match date {
            Datetime { date: Some(date), time: None, .. } => Ok(Self(date.to_string())),
            other => Err(format!("{other} is no day, such as 2025-08-01")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mistake of prices in which something was written otherwise, as it is told.
    fn mistake(right: &str, wrong: &str) -> String {
        assert!(LIST.contains(right), "{right}");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), LIST.replace(right, wrong)).expect("it is written");
        let PricesError::Invalid { source, .. } = Prices::read(Some(file.path())).expect_err(wrong) else {
            panic!("it can be read");
        };
        source.to_string()
    }

    #[test]
    fn the_prices_that_come_with_flint_are_prices() {
        let prices = Prices::read(None).expect("prices");
        assert_eq!(prices.date.as_str(), "2025-08-01");
        assert_eq!(
            (prices.lambda.per_million_requests.get(), prices.lambda.per_gb_second.get()),
            (0.2, 0.000_016_666_7)
        );
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_would_be_right() {
        for (right, wrong, place, says) in [
            ("per-hour = 0.085", "per-hour = -1.0", "line 21, column", "-1 is no price: 0 or more US dollars"),
            ("per-hour = 0.085", "per-hour = nan", "line 21, column", "is no price"),
            ("per-hour = 0.085", "per-hour = \"0.1\"", "line 21, column", "expected f64"),
            ("per-hour", "per-day", "line 21, column", "expected one of `name`, `source`, `per-hour`"),
            ("per-hour = 0.085", "", "line 18, column", "missing field `per-hour`"),
            ("date = 2025-08-01", "date = 2025-08-01T00:00:00Z", "line 5, column", "is no day, such as 2025-08-01"),
        ] {
            let said = mistake(right, wrong);
            assert!(said.contains(place) && said.contains(says), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_gateway_may_be_left_out_and_a_file_that_is_not_there_is_named() {
        let (before, rest) = LIST.split_once("\n[gateway]").expect("a gateway");
        let (_, after) = rest.split_once("\n# What flint runs on").expect("what follows it");
        let prices: Prices = toml::from_str(&format!("{before}\n#{after}")).expect("prices");
        assert_eq!(prices.gateway, None);
        let error = Prices::read(Some(Path::new("no-such-file.toml"))).expect_err("nothing there").to_string();
        assert!(error.contains("no-such-file.toml"), "{error}");
    }
}
