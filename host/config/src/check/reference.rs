//! Names that refer to something: it has to be there.

use crate::diagnostic::{Code, Diagnostic};
use crate::raw::{At, File, Reader};
use crate::suggest;

/// Every route leads to a function, every grant to a store.
pub(crate) fn check(reader: &mut Reader<'_>, file: &File) {
    for target in file.routes.iter().filter_map(|route| route.function.as_ref()) {
        let known = || file.functions.keys().map(|name| name.as_str());
        if !file.functions.contains_key(target.value.as_str()) && !file.misnamed.contains(&target.value) {
            dangling(reader, Code::NoSuchFunction, "function", target, suggest::nearest(&target.value, known()));
        }
    }
    for grant in file.functions.values().flat_map(|function| function.kv.iter().flatten()) {
        let known = || file.kv.keys().map(|name| name.as_str());
        if !file.kv.contains_key(grant.store.value.as_str()) && !file.misnamed.contains(&grant.store.value) {
            dangling(reader, Code::NoSuchStore, "kv", &grant.store, suggest::nearest(&grant.store.value, known()));
        }
    }
}

fn dangling(reader: &mut Reader<'_>, code: Code, area: &str, name: &At<String>, nearest: Option<&str>) {
    let what = if area == "kv" { "key-value store" } else { area };
    let written = reader.quote(&name.at);
    let message = format!("there is no {what} {written}");
    let help = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if written.contains("${") => format!("add a section [{area}.NAME] of that name"),
        None => format!("add a section [{area}.{}]", name.value),
    };
    reader.report(Diagnostic::new(code, name.at.clone(), message, "does not exist").help(help));
}
