//! What the benchmarks of queues and stores run on: the stores of a temporary folder, and the function that is measured.

use crate::bench::subject::{self, Kind};
use crate::error::Error;
use crate::output::Progress;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_engine::Preset;
use flint_model::{Access, BucketName, Capability, FunctionName, QueueName, StoreName};
use flint_stores::{BucketRules, Catalog, KvLimits, QueueRules, Stores};
use flint_stores_embedded::{Embedded, Options};
use flint_world::{Function, FunctionSpec, Init, World};
use std::path::Path;
use std::sync::Arc;

/// Instances that are ready for batches, and the most that run.
const SPARES: usize = 64;

/// Where a host has its stores in its data folder.
const STORES: &str = "stores";

pub(super) struct House {
    pub(super) stores: Arc<Embedded>,
    pub(super) function: Function,
    _world: World,
    data: tempfile::TempDir,
}

impl House {
    /// Opens stores and loads the function.
    ///
    /// # Errors
    /// If the function can't be built.
    pub(super) async fn open(functions: &Path, progress: &Progress) -> Result<Self, Error> {
        let data = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        progress.step("building the function");
        let component = subject::component(functions, Kind::Messages, progress)?;
        let folder = data.path().join(STORES);
        std::fs::create_dir(&folder).map_err(Error::io("make a folder in it"))?;
        let folder = Dir::open_ambient_dir(&folder, ambient_authority()).map_err(Error::io("open it"))?;
        let catalog = Catalog {
            stores: [(store()?, KvLimits::default())].into(),
            queues: [(queue()?, QueueRules::default())].into(),
            buckets: [(bucket()?, BucketRules::default())].into(),
            ..Catalog::default()
        };
        let failed = |source| Error::Stores { path: data.path().to_owned(), source };
        let stores = Embedded::open(folder, Options { catalog, ..Options::default() }).map_err(failed)?;
        let stores = Arc::new(stores);
        let as_stores: Arc<dyn Stores> = Arc::<Embedded>::clone(&stores);
        let world = subject::world(Preset::Tuned, &as_stores)?;
        let name = FunctionName::parse(Kind::Messages.function()).map_err(|error| Error::Bug(error.to_string()))?;
        let mut spec = FunctionSpec::new(name.clone());
        (spec.warm, spec.spares_max) = (SPARES, SPARES);
        spec.grants.add(Capability::Kv, store()?.as_str(), Access::Read);
        let failed = |source| Error::Load { function: name.clone(), source };
        let compiled = flint_world::compile(world.engine(), None, &component, Init::Snapshot).await;
        let function = world.load(spec, &compiled.map_err(|error| failed(error.into()))?).map_err(failed)?;
        function.prepare(SPARES).await.map_err(failed)?;
        Ok(Self { stores, function, _world: world, data })
    }

    /// Closes the stores, and leaves them in a data folder that a host may have.
    pub(super) async fn close(self) -> tempfile::TempDir {
        self.stores.close().await;
        self.data
    }
}

/// The queue of the benchmarks.
pub(super) fn queue() -> Result<QueueName, Error> {
    QueueName::parse("yardstick").map_err(|error| Error::Bug(error.to_string()))
}

/// The bucket of the benchmarks.
pub(super) fn bucket() -> Result<BucketName, Error> {
    BucketName::parse("yardstick").map_err(|error| Error::Bug(error.to_string()))
}

/// The store of the benchmarks.
pub(super) fn store() -> Result<StoreName, Error> {
    StoreName::parse("yardstick").map_err(|error| Error::Bug(error.to_string()))
}
