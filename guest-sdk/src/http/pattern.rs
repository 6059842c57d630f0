//! The pattern of a route: literals, `{param}`, and `{*rest}` at its end. Pure.

use super::percent;

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Segment>);

/// What stands between two slashes. The order is that of precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Param(String),
    Rest(String),
}

impl Pattern {
    /// # Errors
    /// What is wrong, for the author of the pattern.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let path = text.strip_prefix('/').ok_or("has to start with a slash")?;
        let segments: Vec<Segment> = path.split('/').map(Segment::parse).collect::<Result<_, _>>()?;
        let rest = segments.iter().position(|segment| matches!(segment, Segment::Rest(_)));
        if rest.is_some_and(|rest| rest + 1 < segments.len()) {
            return Err("has {*…} before its end");
        }
        Ok(Self(segments))
    }

    /// The parameters, decoded, if the path matches.
    ///
    /// A parameter matches one segment, the rest all that follow, neither of them nothing. A slash at the end counts.
    pub(super) fn matches(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut rest = path.strip_prefix('/')?;
        let mut params = Vec::new();
        let last = self.0.len() - 1;
        for (index, segment) in self.0.iter().enumerate() {
            let (here, behind) = match rest.split_once('/') {
                Some((here, behind)) => (here, Some(behind)),
                None => (rest, None),
            };
            match segment {
                Segment::Literal(literal) if percent::decode(here) == *literal => {}
                Segment::Param(name) if !here.is_empty() => {
                    params.push((name.clone(), percent::decode(here).into_owned()))
                }
                Segment::Rest(name) if !rest.is_empty() => {
                    params.push((name.clone(), percent::decode(rest).into_owned()));
                    return Some(params);
                }
                Segment::Literal(_) | Segment::Param(_) | Segment::Rest(_) => return None,
            }
            match behind {
                Some(behind) if index < last => rest = behind,
                None if index == last => return Some(params),
                Some(_) | None => return None,
            }
        }
        None
    }

    /// Whether this pattern goes before the other, for a path that both match: at the first segment in which they differ,
    /// a literal goes before a parameter, and that before a rest.
    pub(super) fn goes_before(&self, other: &Self) -> bool {
        let kinds = |pattern: &Self| pattern.0.iter().map(Segment::kind).collect::<Vec<_>>();
        kinds(self) < kinds(other)
    }

    /// Whether the two match the same paths.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|pair| match pair {
                (Segment::Literal(one), Segment::Literal(two)) => one == two,
                (one, two) => one.kind() == two.kind(),
            })
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
            return match text.contains(['{', '}']) {
                true => Err("has a brace inside a segment: a parameter takes a whole segment"),
                false => Ok(Self::Literal(text.to_owned())),
            };
        };
        let (name, segment): (&str, fn(String) -> Self) = match inner.strip_prefix('*') {
            Some(name) => (name, Self::Rest),
            None => (inner, Self::Param),
        };
        match name.is_empty() || name.contains(['{', '}']) {
            true => Err("has a parameter without a proper name"),
            false => Ok(segment(name.to_owned())),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Param(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn matched(pattern: &str, path: &str) -> Option<String> {
        let params = Pattern::parse(pattern).unwrap().matches(path)?;
        let params: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(params.join(" "))
    }

    #[test]
    fn paths_match_segment_by_segment() {
        for (pattern, path, params) in [
            ("/", "/", Some("")),
            ("/a/b", "/a/b", Some("")),
            ("/a/b", "/a", None),
            ("/a", "/a/b", None),
            ("/a", "/a/", None),
            ("/a/", "/a/", Some("")),
            ("/a b", "/a%20b", Some("")),
            ("/{x}", "/1", Some("x=1")),
            ("/{x}", "/", None),
            ("/{x}", "/1/2", None),
            ("/a/{x}/c", "/a/gr%C3%BCn/c", Some("x=grün")),
            ("/a/{x}", "/a/b%2Fc", Some("x=b/c")),
            ("/a/{*rest}", "/a/b/c", Some("rest=b/c")),
            ("/a/{*rest}", "/a/", None),
            ("/a/{*rest}", "/a", None),
            ("/{x}/{*rest}", "/a/b/c/", Some("x=a rest=b/c/")),
        ] {
            assert_eq!(matched(pattern, path).as_deref(), params, "{pattern} {path}");
        }
    }

    #[test]
    fn the_first_different_segment_decides_who_goes_before() {
        let order = ["/a/b", "/a/{x}", "/a/{*x}", "/{x}/b", "/{x}/{y}", "/{*x}"];
        for (index, one) in order.iter().enumerate() {
            for (other_index, other) in order.iter().enumerate() {
                let before = Pattern::parse(one).unwrap().goes_before(&Pattern::parse(other).unwrap());
                assert_eq!(before, index < other_index, "{one} {other}");
            }
        }
    }

    #[test]
    fn mistakes_in_patterns_are_told() {
        for pattern in ["", "a", "/{}", "/{*}", "/{*x}/a", "/a{x}", "/{x", "/{{x}}"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
