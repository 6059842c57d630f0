//! Changes of the configuration: functions that are new, gone, changed or built anew, routes, limits and stores.
//!
//! All of it is loaded aside and swapped at once, so that no request sees half of a change. What the host is made of cannot be
//! changed while it serves: addresses, the data folder, and the limits that memory was reserved by.

use super::slot::{Serving, Slot};
use super::{Candidate, Generation, Served, Slots};
use crate::error::Error;
use crate::load::Loaded;
use crate::output::Progress;
use crate::wire;
use flint_config::Platform;
use flint_config::platform::HostLimits;
use flint_model::FunctionName;
use flint_model::lane::Spread;
use std::sync::Arc;

/// What a reload came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reloaded {
    pub(crate) added: Vec<FunctionName>,
    pub(crate) removed: Vec<FunctionName>,
    pub(crate) changed: Vec<FunctionName>,
    /// Whether the routes are others.
    pub(crate) routes: bool,
    /// Whether the stores, queues and topics, or their limits, are others, or who listens to them.
    pub(crate) stores: bool,
    /// Whether the triggers or schedules are others.
    pub(crate) triggers: bool,
    /// Keys and sections whose changes wait for the next start.
    pub(crate) waiting: Vec<&'static str>,
}

impl Reloaded {
    /// Whether nothing is served otherwise than before.
    pub(crate) fn is_nothing(&self) -> bool {
        let same = Self { waiting: self.waiting.clone(), ..Self::default() };
        *self == same
    }
}

impl Served {
    /// Serves a configuration from now on.
    ///
    /// # Errors
    /// If a component does not fit, or what is kept can't be written. Then all goes on as before.
    pub(crate) async fn reload(&self, loaded: &Loaded, progress: &Progress) -> Result<Reloaded, Error> {
        let _alone = self.changing.lock().await;
        let current = self.current();
        let mut reloaded = compare(&current.platform, &loaded.platform);
        let platform = in_force(&current.platform, &loaded.platform);
        fits(&platform)?;
        let mut functions = Slots::new();
        let mut candidates = Vec::new();
        for name in platform.functions.keys() {
            progress.step(format!("loading {name}"));
            let candidate = Candidate::read(&platform, loaded, name)?;
            let before = current.functions.get(name);
            let is_same = current.platform.functions.get(name) == Some(candidate.function);
            let slot = match before {
                // What the folder says is not asked: a change that failed on its way may be there.
                Some(slot) if is_same && slot.serving().is(&candidate.record.serving()) => {
                    candidate.check_fit(&self.world, &slot.serving())?;
                    Arc::clone(slot)
                }
                _ => {
                    let as_before: Option<Arc<Serving>> = before.filter(|_| is_same).map(|slot| slot.serving());
                    let serving = candidate.load(&self.world, as_before.as_deref()).await?;
                    if before.is_some() {
                        reloaded.changed.push(name.clone());
                    }
                    Arc::new(Slot::new(name.clone(), serving))
                }
            };
            functions.insert(name.clone(), slot);
            candidates.push(candidate);
        }
        let rates = wire::rates(&platform, Some((&current.platform, &current.rates)));
        let (cut, room) = (current.door.cut.clone(), current.door.room.clone());
        let blobs = wire::blobs(&self.stores, &self.signer);
        let door = wire::door(&platform, &functions, &rates, cut, room, blobs, self.answers.clone())?;
        let workflows = loaded.executions(&self.stores)?;
        // From here on, only what is kept in the data folder can stand in the way.
        tokio::task::block_in_place(|| Candidate::keep_all(&candidates))?;
        candidates.iter().for_each(Candidate::tell);
        drop(candidates);
        self.telemetry.limit_lines(platform.limits.log_line_max);
        functions.values().for_each(|slot| slot.take_over());
        self.engine().admit(wire::admission(&platform.limits, platform.functions.values()));
        self.stores.set_catalog(wire::catalog(&platform));
        let (source, request_memory) = (loaded.source.clone(), Arc::clone(&current.request_memory));
        let generation = Generation { platform, source, functions, workflows, door, rates, request_memory };
        self.current.store(Arc::new(Spread::new(Arc::new(generation))));
        self.retire(&current);
        Ok(reloaded)
    }

    /// Lets go of what another generation has taken the place of.
    fn retire(&self, before: &Generation) {
        let now = self.current();
        for (name, slot) in &before.functions {
            let other = now.functions.get(name);
            if other.is_some_and(|other| Arc::ptr_eq(other, slot)) {
                continue;
            }
            slot.replaced_by(other.map(Arc::as_ref));
            if other.is_none() {
                wire::forget(&self.telemetry, name);
            }
        }
        for (name, slot) in &now.functions {
            if before.functions.get(name).is_none_or(|other| !Arc::ptr_eq(other, slot)) {
                wire::observe(&self.telemetry, slot);
            }
        }
    }
}

/// Says what is different, but for functions that are in both.
fn compare(before: &Platform, after: &Platform) -> Reloaded {
    let only_in = |one: &Platform, other: &Platform| -> Vec<FunctionName> {
        one.functions.keys().filter(|name| !other.functions.contains_key(*name)).cloned().collect()
    };
    let waiting = [
        ("data-dir", before.data_dir != after.data_dir),
        ("[listener]", before.listener != after.listener),
        ("[limits]", in_force(before, after).limits != after.limits),
        ("[outbound]", before.outbound != after.outbound),
    ];
    Reloaded {
        added: only_in(after, before),
        removed: only_in(before, after),
        changed: Vec::new(),
        routes: before.routes != after.routes,
        stores: before.kv != after.kv
            || before.buckets != after.buckets
            || before.queues != after.queues
            || before.topics != after.topics
            || before.subscriptions != after.subscriptions,
        triggers: before.triggers != after.triggers
            || before.schedules != after.schedules
            || before.workflows != after.workflows,
        waiting: waiting.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect(),
    }
}

/// Whether functions that fit the limits of their file fit those in force too.
fn fits(platform: &Platform) -> Result<(), Error> {
    let (limits, functions) = (&platform.limits, || platform.functions.iter());
    let check = |fits: bool, what: &str, wanted: String, key, in_force: String| {
        if fits { Ok(()) } else { Err(Error::NotInForce { what: what.to_owned(), wanted, key, in_force }) }
    };
    let counts =
        |wanted: usize, max: usize, what, key| check(wanted <= max, what, wanted.to_string(), key, max.to_string());
    let reserved = functions().filter_map(|(_, function)| function.reserved()).sum();
    counts(reserved, limits.invocations_max, "the functions reserve invocations:", "limits.invocations-max")?;
    let warm = functions().map(|(_, function)| function.warm).sum();
    counts(warm, limits.spares_max, "the functions keep instances warm:", "limits.spares-max")?;
    functions().try_for_each(|(name, function)| {
        let (memory, max) = (function.memory, limits.memory_max);
        check(
            memory <= max,
            &format!("{name} may have memory:"),
            memory.to_string(),
            "limits.memory-max",
            max.to_string(),
        )
    })
}

/// The new configuration, but for what can't be changed while the host serves.
fn in_force(before: &Platform, after: &Platform) -> Platform {
    let HostLimits { log_line_max, component_size_max, versions_max, .. } = after.limits;
    Platform {
        data_dir: before.data_dir.clone(),
        listener: before.listener.clone(),
        outbound: before.outbound.clone(),
        limits: HostLimits { log_line_max, component_size_max, versions_max, ..before.limits },
        ..after.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_the_host_is_made_of_stays_and_is_named() {
        let before = Platform::single(Path::new("one.wasm"));
        let mut after = Platform::single(Path::new("two.wasm"));
        after.data_dir = "elsewhere".into();
        after.listener.http.set_port(1);
        after.limits.invocations_max = 7;
        after.limits.versions_max = 9;
        let reloaded = compare(&before, &after);
        let names = |names: &[FunctionName]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            (names(&reloaded.added), names(&reloaded.removed)),
            (vec!["two".to_owned()], vec!["one".to_owned()])
        );
        assert_eq!(reloaded.waiting, ["data-dir", "[listener]", "[limits]"]);
        assert!(reloaded.routes && !reloaded.stores && !reloaded.is_nothing());
        let platform = in_force(&before, &after);
        assert_eq!(platform.limits, HostLimits { versions_max: 9, ..before.limits });
        assert_eq!((platform.data_dir, platform.listener), (before.data_dir.clone(), before.listener.clone()));
        assert!(compare(&before, &before).is_nothing());
    }
}
