//! Compiled components on disk: what is damaged or foreign is built again, and the guest answers all the same.

use crate::GUEST;
use crate::harness::{call, on_demand, pool, slots};
use flint_engine::{ArtifactCache, Engine};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// What is wrong with a file.
type Damage = fn(&Path);

#[tokio::test]
async fn artifacts_that_are_damaged_or_foreign_are_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = ArtifactCache::open(folder.path()).unwrap();
    let engine = Engine::new(&slots(4)).unwrap();
    answers(&engine, &cache).await;
    let (code, sum) = (only(folder.path(), "cwasm"), only(folder.path(), "sum"));
    let whole = fs::read(&code).unwrap();

    let damages: [(&str, Damage); 7] = [
        ("a bit", |code| {
            let mut bytes = fs::read(code).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            replace(code, &bytes);
        }),
        ("the end", |code| {
            let bytes = fs::read(code).unwrap();
            replace(code, &bytes[..bytes.len() - 1]);
        }),
        ("everything", |code| replace(code, b"")),
        ("the sum", |code| replace(&code.with_extension("sum"), b"1 ff\n")),
        ("no sum", |code| fs::remove_file(code.with_extension("sum")).unwrap()),
        ("no code", |code| fs::remove_file(code).unwrap()),
        ("the code of another engine", |code| {
            let foreign = wasmtime::Engine::default().precompile_component(&wat::parse_str(GUEST).unwrap()).unwrap();
            let digest = const_hex::encode(Sha256::digest(&foreign));
            replace(&code.with_extension("sum"), format!("{} {digest}\n", foreign.len()).as_bytes());
            replace(code, &foreign);
        }),
    ];
    for (what, damage) in damages {
        damage(&code);
        answers(&engine, &cache).await;
        assert_eq!((only(folder.path(), "cwasm"), only(folder.path(), "sum")), (code.clone(), sum.clone()), "{what}");
        assert!(fs::read(&code).unwrap() == whole, "{what}: it was not built again");
    }
}

#[tokio::test]
async fn an_artifact_that_is_whole_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let cache = ArtifactCache::open(folder.path()).unwrap();
    answers(&Engine::new(&slots(4)).unwrap(), &cache).await;
    let code = only(folder.path(), "cwasm");
    let written = fs::metadata(&code).unwrap().modified().unwrap();
    // Another host, of the same settings.
    answers(&Engine::new(&slots(4)).unwrap(), &cache).await;
    assert_eq!(fs::metadata(&code).unwrap().modified().unwrap(), written);
}

async fn answers(engine: &Engine, cache: &ArtifactCache) {
    let pool = pool(engine, GUEST, Some(cache), on_demand()).await;
    let mut lease = pool.lease().await.unwrap();
    assert_eq!(call(&mut lease, "answer", ()).await, Ok((42_u32,)));
}

/// Puts other bytes in the place of a file. The file itself may be mapped, and stays as it is.
fn replace(file: &Path, bytes: &[u8]) {
    let aside = file.with_extension("aside");
    fs::write(&aside, bytes).unwrap();
    fs::rename(aside, file).unwrap();
}

/// The one file with this extension.
fn only(folder: &Path, extension: &str) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = files.filter(|file| file.extension().is_some_and(|other| other == extension)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}
