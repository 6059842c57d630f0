//! Names that refer to something: it has to be there.

use super::queue;
use crate::diagnostic::{Code, Diagnostic};
use crate::raw::{At, File, Reader};
use crate::suggest;
use flint_model::QueueName;
use std::collections::BTreeSet;

/// Every route, trigger and schedule leads to a function, every grant to a store, a queue or a bucket, every trigger and dead letter to a queue.
pub(crate) fn check(reader: &mut Reader<'_>, file: &File) {
    let functions = file.routes.iter().filter_map(|route| route.function.as_ref());
    let functions = functions.chain(file.triggers.iter().filter_map(|trigger| trigger.function.as_ref()));
    let functions = functions.chain(file.schedules.values().filter_map(|schedule| schedule.function.as_ref()));
    for target in functions {
        let known = || file.functions.keys().map(|name| name.as_str());
        if !file.functions.contains_key(target.value.as_str()) && !file.misnamed.contains(&target.value) {
            dangling(reader, Code::NoSuchFunction, "function", target, suggest::nearest(&target.value, known()));
        }
    }
    for grant in file.functions.values().flat_map(|function| function.kv.iter().flatten()) {
        let known = || file.kv.keys().map(|name| name.as_str());
        if !file.kv.contains_key(grant.name.value.as_str()) && !file.misnamed.contains(&grant.name.value) {
            dangling(reader, Code::NoSuchStore, "kv", &grant.name, suggest::nearest(&grant.name.value, known()));
        }
    }
    for grant in file.functions.values().flat_map(|function| function.buckets.iter().flatten()) {
        let known = || file.buckets.keys().map(|name| name.as_str());
        if !file.buckets.contains_key(grant.name.value.as_str()) && !file.misnamed.contains(&grant.name.value) {
            dangling(reader, Code::NoSuchBucket, "bucket", &grant.name, suggest::nearest(&grant.name.value, known()));
        }
    }
    check_queues(reader, file);
}

fn check_queues(reader: &mut Reader<'_>, file: &File) {
    let granted = file.functions.values().flat_map(|function| function.queues.iter().flatten());
    let names = granted.map(|grant| &grant.name);
    let names = names.chain(file.triggers.iter().filter_map(|trigger| trigger.queue.as_ref()));
    let names = names.chain(file.queues.values().filter_map(|queue| queue.dead_letter.as_ref()));
    let known: BTreeSet<&str> = queue::names(file).map(QueueName::as_str).collect();
    for name in names {
        if !known.contains(name.value.as_str()) && !file.misnamed.contains(&name.value) {
            let nearest = suggest::nearest(&name.value, known.iter().copied());
            dangling(reader, Code::NoSuchQueue, "queue", name, nearest);
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
