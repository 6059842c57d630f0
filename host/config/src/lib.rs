//! `platform.toml`: a validated [`Platform`], or every mistake at once.
//!
//! [`load`] is the only entry. Text is read once, by the table of keys in [`reference`](mod@reference): first each value by
//! itself (`raw`), then what is between values (`check`), then each function against its component, which the binary builds
//! and describes ([`Components`]). No step ends the work at a mistake, so a user sees all of them, each with a stable [`Code`],
//! file, line, column, the offending text and help.
//!
//! Strings may refer to environment variables: `${NAME}`, `${NAME:-default}`; `$${` is `${`. What they came to is never shown.
//! Secrets are read here and put into [`flint_model::Secret`]; no diagnostic shows one, not even if it stands in the file.
//!
//! Depends on the model alone. Reads files: it looks whether sources exist, and reads secrets.
//!
//! Deliberately absent: building, WebAssembly, the process's environment, and where `platform.toml` is looked for.

mod check;
mod component;
mod diagnostic;
mod environment;
mod interpolate;
mod mask;
pub mod platform;
mod raw;
pub mod reference;
mod source;
mod suggest;

#[cfg(test)]
mod tests;

pub use component::{Components, DescribeError, HttpVersion, Import, Shape};
pub use diagnostic::{Code, Colour, Diagnostic, Diagnostics};
pub use environment::Environment;
pub use platform::Platform;
pub use source::{Position, ReadError, Source};

use flint_model::FunctionName;
use raw::Reader;
use std::collections::BTreeMap;
use toml::de::DeTable;

/// Whether the values of secrets are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// They are, and each that can't be had is a mistake: for who runs functions, or wants to know whether they could run.
    Read,
    /// They are not, and the functions have none; only how the file refers to them is checked: for who runs nothing.
    Unread,
}

/// Loads a configuration.
///
/// Builds and describes all functions whose source is valid, also if there are mistakes elsewhere, but none if the text is not
/// TOML. Blocks while it does.
///
/// # Errors
/// All mistakes, in the order of the file.
pub fn load(
    source: &Source,
    environment: &dyn Environment,
    components: &dyn Components,
    secrets: Secrets,
) -> Result<Platform, Diagnostics> {
    let text = source.text.as_str();
    let (tree, errors) = DeTable::parse_recoverable(text);
    let tree = tree.get_ref();
    let parsed = raw::errors(text, tree, &errors);
    let mut reader = Reader::new(text, environment);
    let file = raw::read(&mut reader, tree);
    let (syntax, twice): (Vec<_>, Vec<_>) = parsed.into_iter().partition(|d| d.code() == Code::Syntax);

    let platform =
        if syntax.is_empty() { Some(check_all(&mut reader, source, file, components, secrets)) } else { None };
    let mut found = raw::only_elsewhere(text, reader.into_found(), &syntax);
    if let Some(platform) = platform.filter(|_| found.is_empty() && twice.is_empty()) {
        return Ok(platform);
    }
    // Of what is there twice, the tree has only one.
    let broken: Vec<_> = syntax.iter().chain(&twice).map(|diagnostic| diagnostic.span().clone()).collect();
    found.extend(syntax.into_iter().chain(twice));
    Err(Diagnostics::new(source.path.clone(), mask::mask(text, tree, &broken), found))
}

/// Checks what is between values. The platform is good only if nothing was found.
fn check_all(
    reader: &mut Reader<'_>,
    source: &Source,
    file: raw::File,
    components: &dyn Components,
    secrets: Secrets,
) -> Platform {
    let folder = source.folder();
    check::listener::check(reader, folder, &file.listener);
    check::limits::check(reader, &file.limits, file.functions.values());
    check::reference::check(reader, &file);
    let routes = check::route::check(reader, folder, &file);

    let mut functions = BTreeMap::new();
    for (name, raw) in &file.functions {
        check::component::check_uses(reader, raw);
        let secrets = match secrets {
            Secrets::Read => check::secret::check(reader, folder, raw.secrets.as_deref().unwrap_or_default()),
            Secrets::Unread => BTreeMap::new(),
        };
        if let Some(origin) = check::source::check(reader, folder, raw) {
            functions.insert(name.clone(), platform::Function { secrets, ..raw.finish(origin) });
        }
    }
    let token = file.listener.admin_token.iter().flatten().next().filter(|_| secrets == Secrets::Read);
    let admin_token = token.and_then(|origin| check::secret::check_token(reader, folder, origin));
    let mut queues = check::queue::check(reader, &file);
    let subscriptions = check::topic::check(reader, &file);
    let triggers = check::trigger::check(reader, &file);
    let schedules = check::schedule::check(reader, &file);
    queues.extend(check::schedule::queues(&schedules));
    let workflows = check::workflow::finish(folder, &file);
    queues.extend(check::workflow::queues(&workflows));
    // Of those too that have no invoke handler: a version that is deployed may have one.
    queues.extend(functions.iter().flat_map(|(name, function)| check::asynchronous::queues(name, function)));
    check_components(reader, &file, &functions, components);
    Platform {
        data_dir: folder.join(file.data_dir),
        listener: platform::Listener { admin_token, ..file.listener.finish(folder) },
        limits: file.limits.host,
        outbound: check::outbound::check(reader, folder, file.outbound),
        functions,
        routes,
        kv: file.kv,
        queues,
        buckets: file.buckets,
        topics: file.topics,
        subscriptions,
        triggers,
        schedules,
        workflows,
    }
}

/// Checks each function against its component.
fn check_components(
    reader: &mut Reader<'_>,
    file: &raw::File,
    functions: &BTreeMap<FunctionName, platform::Function>,
    components: &dyn Components,
) {
    components.prepare(&functions.iter().collect(), &file.limits.host);
    for (name, function) in functions {
        let raw = &file.functions[name];
        match components.describe(name, function) {
            Ok(shape) => {
                check::component::check(reader, name, raw, function.isolation, &shape, &file.routes);
                check::trigger::check_handler(reader, name, function.isolation, &shape, &file.triggers);
                check::schedule::check_handler(reader, name, function.isolation, &shape, &file.schedules);
                check::asynchronous::check_handler(reader, name, &shape, &file.functions);
            }
            Err(error) => {
                if let Some(source) = &raw.source {
                    check::component::no_component(reader, source, error);
                }
            }
        }
    }
}
