//! Components that are machine code, and what they export and import.

use crate::function::Init;
use crate::link;
use crate::shape::{HANDLER_02, INIT_EXPORT, INIT_FUNCTION, Shape};
use flint_engine::compile::CompileError;
use flint_engine::{ArtifactCache, Calls, Engine};
use std::sync::Arc;
use wasmparser::{Parser, Payload};
use wasmtime::component::Component;

/// A component that an engine can run. Cheap to clone.
#[derive(Clone)]
pub struct Compiled {
    component: Component,
    calls: Calls,
    shape: Arc<Shape>,
    init: Init,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut compiled = f.debug_struct("Compiled");
        compiled.field("calls", &self.calls).field("shape", &self.shape).field("init", &self.init);
        compiled.finish_non_exhaustive()
    }
}

impl Compiled {
    /// What it exports and imports.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// How many calls an instance of it can be in at once.
    pub fn calls(&self) -> Calls {
        self.calls
    }

    pub(crate) fn component(&self) -> &Component {
        &self.component
    }

    /// When its init function runs.
    pub(crate) fn init(&self) -> Init {
        self.init
    }
}

/// Compiles a component, or finds it in the cache. Twice over if it has an init function whose memory is to be kept: the shape
/// of the first says so.
///
/// # Errors
/// [`CompileError`] if the bytes are no component, or its init function fails.
pub async fn compile(
    engine: &Engine,
    cache: Option<&ArtifactCache>,
    bytes: &[u8],
    init: Init,
) -> Result<Compiled, CompileError> {
    let mut calls = calls_of(bytes);
    let mut component = match engine.load(calls, bytes, None, cache).await {
        // What it is made of can be `async` where nobody sees it; and what is wrong with it, is wrong for both.
        Err(CompileError::Invalid(_)) if calls == Calls::Sequential => {
            calls = Calls::Concurrent;
            engine.load(calls, bytes, None, cache).await?
        }
        loaded => loaded?,
    };
    let shape = Shape::of(&component, |name, item| link::serves(engine.wasmtime(calls), name, item));
    if shape.init && init == Init::Snapshot {
        component = engine.load(calls, bytes, Some(INIT_FUNCTION), cache).await?;
    }
    Ok(Compiled { component, calls, shape: Arc::new(shape), init })
}

/// How many calls an instance of a component can be in at once, by the names of what it imports and exports. What is no component
/// counts with the others: compiling it says what is wrong.
fn calls_of(bytes: &[u8]) -> Calls {
    let mut depth = 0_u32;
    let mut takes_requests = false;
    for payload in Parser::new(0).parse_all(bytes) {
        let is_sequential = match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => {
                depth += 1;
                true
            }
            Ok(Payload::End(_)) => {
                depth = depth.saturating_sub(1);
                true
            }
            Ok(Payload::ComponentImportSection(imports)) if depth == 0 => {
                imports.into_iter().all(|import| import.is_ok_and(|import| link::is_sequential(import.name.name)))
            }
            Ok(Payload::ComponentExportSection(exports)) if depth == 0 => exports.into_iter().all(|export| {
                export.is_ok_and(|export| {
                    let name = export.name.name;
                    takes_requests |= name.starts_with(HANDLER_02);
                    link::is_sequential(name) || name == INIT_EXPORT.0
                })
            }),
            Ok(_) => true,
            Err(_) => false,
        };
        if !is_sequential {
            return Calls::Concurrent;
        }
    }
    if takes_requests { Calls::Sequential } else { Calls::Concurrent }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outside of a component: interfaces without functions.
    fn outside(imports: &[&str], exports: &[&str]) -> Calls {
        let imports: String = imports.iter().map(|name| format!("(import \"{name}\" (instance))")).collect();
        let exports: String = exports.iter().map(|name| format!("(export \"{name}\" (instance $empty))")).collect();
        let text = format!("(component {imports} (core module) (component) (instance $empty) {exports})");
        calls_of(&wat::parse_str(text).unwrap())
    }

    #[test]
    fn what_uses_wasi_0_2_alone_and_takes_requests_is_sequential() {
        let handler = "wasi:http/incoming-handler@0.2.6";
        for imports in [&[][..], &["wasi:cli/stdout@0.2.0", "wasi:http/types@0.2.6", "wasi:keyvalue/store@0.2.0-draft"]]
        {
            assert_eq!(outside(imports, &[handler]), Calls::Sequential, "{imports:?}");
            assert_eq!(outside(imports, &[handler, "wasi:cli/run@0.2.0"]), Calls::Sequential, "{imports:?}");
            assert_eq!(outside(imports, &[INIT_EXPORT.0, handler]), Calls::Sequential, "{imports:?}");
        }
        for import in ["wasi:clocks/system-clock@0.3.0", "flint:platform/context@0.1.0", "acme:things/thing@0.2.0"] {
            assert_eq!(outside(&["wasi:cli/stdout@0.2.0", import], &[handler]), Calls::Concurrent, "{import}");
        }
        for export in ["flint:platform/queue-handler@0.1.0", "wasi:http/handler@0.3.0"] {
            assert_eq!(outside(&[], &[export, handler]), Calls::Concurrent, "{export}");
        }
        assert_eq!(outside(&[], &["wasi:cli/run@0.2.0"]), Calls::Concurrent);
    }

    #[test]
    fn what_is_no_component_is_left_to_who_says_what_is_wrong() {
        let whole =
            wat::parse_str("(component (instance $i) (export \"wasi:http/incoming-handler@0.2.6\" (instance $i)))")
                .unwrap();
        assert_eq!(calls_of(&whole), Calls::Sequential);
        for bytes in [&b""[..], b"text", &whole[..whole.len() - 1], &wat::parse_str("(module)").unwrap()] {
            assert_eq!(calls_of(bytes), Calls::Concurrent, "{bytes:?}");
        }
    }
}
