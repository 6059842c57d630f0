//! What all paths need: a runtime of one thread, stores in a temporary folder, and functions of the repository.

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_engine::{ArtifactCache, Engine, Settings};
use flint_model::{FunctionName, StoreName};
use flint_stores::blob::sign::Signer;
use flint_stores::{Catalog, KvLimits, Stores};
use flint_stores_embedded::{Embedded, Options};
use flint_world::{Function, FunctionSpec, Init, World, WorldOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How often a path is taken while it is counted: what differs from one time to the next, such as the growth of a table, weighs
/// little.
pub(crate) const TIMES: u64 = 100;

/// How often it was taken before.
pub(crate) const WARM_UP: u64 = 20;

/// The functions that are asked.
const FUNCTIONS: [&str; 2] = ["event", "hello-buffered"];

/// Builds the functions, as `flint build` does. Outside of valgrind.
pub(crate) fn build() {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "function", "--target", "wasm32-wasip2"])
        .args(FUNCTIONS.iter().flat_map(|function| ["--package", function]))
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .arg("--target-dir")
        .arg(functions())
        .status();
    assert!(built.expect("cargo runs").success(), "the functions do not build");
}

/// A folder of its own: cargo keeps the other one locked.
fn functions() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("functions")
}

/// A runtime whose tasks all run on the thread that waits.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .on_thread_park(flint_triggers::request::thread_parks)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Stores on the disk, which go with their folder.
pub(crate) struct Site {
    stores: Arc<Embedded>,
    _folder: TempDir,
}

impl Site {
    pub(crate) fn open() -> Self {
        let folder = TempDir::new().expect("a folder");
        let catalog = Catalog { stores: [(store(), KvLimits::default())].into(), ..Catalog::default() };
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("the folder opens");
        let stores = Embedded::open(dir, Options { catalog, ..Options::default() }).expect("stores");
        Self { stores: Arc::new(stores), _folder: folder }
    }

    pub(crate) fn stores(&self) -> Arc<dyn Stores> {
        Arc::<Embedded>::clone(&self.stores)
    }
}

/// The store that they have.
pub(crate) fn store() -> StoreName {
    StoreName::parse("counted").expect("a name")
}

/// A world of a few instances, and a function in it that keeps so many spares.
pub(crate) async fn function(stores: Arc<dyn Stores>, name: &str, spares: usize) -> (World, Function) {
    // Of addresses, valgrind has 128 GiB, and each memory takes 4.
    let settings = Settings { instances_max: 4, memories_max: 1, touched_max: 0, ..Settings::default() };
    let cache = ArtifactCache::open(Path::new(env!("CARGO_TARGET_TMPDIR")).join("counted")).expect("a cache");
    let engine = Engine::new(&settings).expect("an engine");
    let signer = Arc::new(Signer::new([7; 32], ""));
    let options = WorldOptions { spares_max: spares, ..WorldOptions::new(engine, stores, signer) };
    let world = World::new(options).expect("a world");
    let component = functions().join(format!("wasm32-wasip2/function/{}.wasm", name.replace('-', "_")));
    let component = std::fs::read(component).expect("a component that was built");
    let compiled = flint_world::compile(world.engine(), Some(&cache), &component, Init::Snapshot).await;
    let mut spec = FunctionSpec::new(FunctionName::parse(name).expect("a name"));
    (spec.warm, spec.spares_max) = (spares, spares);
    let function = world.load(spec, &compiled.expect("it compiles")).expect("it fits");
    function.prepare(spares).await.expect("spares");
    (world, function)
}
