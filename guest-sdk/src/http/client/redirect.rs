//! Where a redirect leads (<https://www.rfc-editor.org/rfc/rfc9110#section-15.4>). Pure.

use ::http::Uri;
use ::http::uri::{Authority, Scheme};

use super::super::{Method, Response, StatusCode, header};

/// What to do with an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the answer.
    Stay,
    /// Ask there.
    Go { uri: Uri, method: Method },
    /// It leads where nobody should go.
    Refuse(String),
}

/// Says what an answer to a request means.
pub(super) fn follow<B>(asked: &Uri, method: &Method, answer: &Response<B>) -> Step {
    let method = match answer.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => method.clone(),
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if method != Method::POST => method.clone(),
        StatusCode::SEE_OTHER if method == Method::HEAD => Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => Method::GET,
        _ => return Step::Stay,
    };
    let Some(location) = answer.headers().get(header::LOCATION) else { return Step::Stay };
    let uri = location.to_str().ok().and_then(|location| resolve(asked, location));
    match uri {
        Some(uri) if asked.scheme() == Some(&Scheme::HTTPS) && uri.scheme() != Some(&Scheme::HTTPS) => {
            Step::Refuse(format!("a redirect from https leads to {uri}"))
        }
        Some(uri) => Step::Go { uri, method },
        None => Step::Refuse("a redirect leads to no URL".to_owned()),
    }
}

/// Reads a reference relative to a URL (<https://www.rfc-editor.org/rfc/rfc3986#section-5.2>), without its fragment.
fn resolve(base: &Uri, reference: &str) -> Option<Uri> {
    let (scheme, authority) = (base.scheme()?, base.authority()?);
    let reference = reference.split('#').next().unwrap_or_default();
    let make = |scheme: &Scheme, authority: &Authority, target: &str| {
        Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query(target).build().ok()
    };
    if let Some(at) = reference.find(['/', '?', ':'])
        && reference[at..].starts_with(':')
    {
        let known = |uri: &Uri| [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
        return reference.parse().ok().filter(|uri| known(uri) && uri.authority().is_some());
    }
    if reference.starts_with("//") {
        return format!("{scheme}:{reference}").parse().ok();
    }
    if reference.starts_with('/') {
        return make(scheme, authority, reference);
    }
    if reference.is_empty() {
        return Some(base.clone());
    }
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (reference, String::new()),
    };
    if path.is_empty() {
        return make(scheme, authority, &format!("{}{query}", base.path()));
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    make(scheme, authority, &format!("{}{query}", without_dots(&format!("{folder}/{path}"))))
}

/// Takes `.` and `..` out of a path that starts with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_relative_to_what_was_asked() {
        let base: Uri = "https://a.com/b/c/d?q".parse().unwrap();
        for (reference, expected) in [
            ("https://e.com/f", "https://e.com/f"),
            ("//e.com/f", "https://e.com/f"),
            ("/f?g#h", "https://a.com/f?g"),
            ("f", "https://a.com/b/c/f"),
            ("./f/", "https://a.com/b/c/f/"),
            ("../f", "https://a.com/b/f"),
            ("../../../f", "https://a.com/f"),
            ("..", "https://a.com/b/"),
            ("?r=://", "https://a.com/b/c/d?r=://"),
            ("f?r=http://g", "https://a.com/b/c/f?r=http://g"),
            ("#h", "https://a.com/b/c/d?q"),
        ] {
            assert_eq!(resolve(&base, reference), Some(expected.parse().unwrap()), "{reference}");
        }
        for bad in ["http://", "//", "f g", "://f", "mailto:a@b", "ftp://a/"] {
            assert_eq!(resolve(&base, bad), None, "{bad}");
        }
    }

    #[test]
    fn the_status_says_which_method_follows() {
        let answer = |status: u16, location: &str| {
            Response::builder().status(status).header("location", location).body(()).unwrap()
        };
        let asked: Uri = "https://a.com/".parse().unwrap();
        for (status, method, next) in [
            (301, Method::POST, Some(Method::GET)),
            (302, Method::PUT, Some(Method::PUT)),
            (303, Method::PUT, Some(Method::GET)),
            (303, Method::HEAD, Some(Method::HEAD)),
            (307, Method::POST, Some(Method::POST)),
            (308, Method::POST, Some(Method::POST)),
            (304, Method::GET, None),
            (200, Method::GET, None),
        ] {
            let step = follow(&asked, &method, &answer(status, "/b"));
            let uri: Uri = "https://a.com/b".parse().unwrap();
            assert_eq!(step, next.map_or(Step::Stay, |method| Step::Go { uri, method }), "{status}");
        }
        assert!(matches!(follow(&asked, &Method::GET, &answer(302, "http://a.com/")), Step::Refuse(_)));
        assert!(matches!(follow(&asked, &Method::GET, &answer(302, "f g")), Step::Refuse(_)));
    }
}
