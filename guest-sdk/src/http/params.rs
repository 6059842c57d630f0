//! The parameters of a path, and a handler's argument that is nothing but them.

use std::fmt::Display;
use std::str::FromStr;

/// What the names of the headers start with in which the host sends the parameters of a route.
const PREFIX: &str = "flint-param-";

/// The parameters of the path, for a handler that asks a request for nothing else.
///
/// The rest of the request is then neither read nor carried: a hello that takes it has 107 kB, and 147 with a
/// [`Request`](super::Request).
///
/// ```
/// use flint_sdk::http::Params;
///
/// #[flint_sdk::http]
/// async fn hello(params: Params) -> String {
///     format!("Hello, {}!", params.get("name").unwrap_or("world"))
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(pub(super) Vec<(String, String)>);

/// Why a path parameter is not there.
///
/// ```
/// use flint_sdk::http::{ParamError, Problem, StatusCode};
///
/// let error = ParamError::Invalid { name: "n".into(), reason: "no number".into() };
/// assert_eq!(Problem::from(error).status(), StatusCode::BAD_REQUEST);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// The route has no parameter of this name: a mistake in the function or in platform.toml.
    #[error("the route has no parameter `{0}`")]
    Missing(String),
    /// The client sent what is no such value.
    #[error("`{name}` is invalid: {reason}")]
    Invalid {
        /// The parameter.
        name: String,
        /// Why its text is no such value.
        reason: String,
    },
}

impl Params {
    /// The parameters among the header fields that the host sends. One that is no text is left out.
    pub(crate) fn from_fields(fields: Vec<(String, Vec<u8>)>) -> Self {
        let mut params = Vec::new();
        for (field, value) in fields {
            if let Some(name) = param_name(&field)
                && let Ok(value) = String::from_utf8(value)
            {
                params.push((name.to_owned(), value));
            }
        }
        Self(params)
    }

    /// A parameter of the path, percent-decoded: `id` of the route `/orders/{id}`.
    ///
    /// ```
    /// # use flint_sdk::http::Params;
    /// fn greet(params: &Params) -> String {
    ///     format!("Hello, {}!", params.get("name").unwrap_or("you"))
    /// }
    /// # assert_eq!(greet(&Params::default()), "Hello, you!");
    /// ```
    pub fn get(&self, name: &str) -> Option<&str> {
        // Names of headers come in lower case, whatever the route says.
        let (_, value) = self.0.iter().find(|(param, _)| param.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// A parameter of the path as a value.
    ///
    /// ```
    /// # use flint_sdk::http::{ParamError, Params};
    /// fn number(params: &Params) -> Result<u64, ParamError> {
    ///     params.get_as("n")
    /// }
    /// # assert_eq!(number(&Params::default()), Err(ParamError::Missing("n".into())));
    /// ```
    ///
    /// # Errors
    /// [`ParamError`]; as a [`Problem`](super::Problem) 400 if the client is to blame, else 500.
    pub fn get_as<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, ParamError> {
        parse(name, self.get(name))
    }
}

/// The name of the parameter that a header holds, if it does.
pub(super) fn param_name(field: &str) -> Option<&str> {
    let (prefix, name) = field.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(name)
}

/// Turns the text of a parameter into a value.
pub(super) fn parse<T: FromStr<Err: Display>>(name: &str, text: Option<&str>) -> Result<T, ParamError> {
    let text = text.ok_or_else(|| ParamError::Missing(name.to_owned()))?;
    text.parse().map_err(|reason: T::Err| ParamError::Invalid { name: name.to_owned(), reason: reason.to_string() })
}

#[cfg(test)]
mod tests {
    use super::{ParamError, Params};

    fn params() -> Params {
        let fields = [("host", "x"), ("flint-param-id", "7"), ("Flint-Param-Name", "grün"), ("flint-param", "no")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let no_text = ("flint-param-raw".to_owned(), vec![0xFF]);
        Params::from_fields(fields.into_iter().chain([no_text]).collect())
    }

    #[test]
    fn the_params_are_the_header_fields_of_the_host_that_hold_texts() {
        assert_eq!(params().get("id"), Some("7"));
        assert_eq!(params().get("NAME"), Some("grün"));
        for name in ["", "raw", "host"] {
            assert_eq!(params().get(name), None, "{name}");
        }
    }

    #[test]
    fn a_param_that_does_not_parse_is_the_fault_of_the_client() {
        assert_eq!(params().get_as::<u8>("id"), Ok(7));
        let error = params().get_as::<u8>("name").unwrap_err();
        assert!(matches!(&error, ParamError::Invalid { name, .. } if name == "name"), "{error}");
        assert_eq!(params().get_as::<u8>("x"), Err(ParamError::Missing("x".into())));
    }
}
