//! A Lambda, and containers of it: one is created for an event, and asks for the event then.

use super::Cloud;
use super::engine::{Engine, Kind};
use super::language::{Handler, Interpreter, Language};
use super::spec::{Addresses, Spec};
use crate::bench::compare::peer::{Peer, spell};
use crate::bench::compare::work::Work;
use crate::bench::host::{Memory, memory_kib};
use crate::error::Error;
use bytes::Bytes;
use std::fs::File;
use std::future::Future;
use std::sync::Arc;
use tokio::process::Child;

/// What a container is created from, again and again.
pub(in crate::bench::compare) struct Lambda {
    pub(in crate::bench::compare) language: Language,
    pub(in crate::bench::compare) work: Work,
    version: String,
    command: String,
    engine: Arc<Engine>,
    spec: Spec,
    folder: tempfile::TempDir,
}

/// A container that runs. Removed when it is dropped.
pub(in crate::bench::compare) struct Container<'a> {
    lambda: &'a Lambda,
    name: String,
    child: Child,
    is_removed: bool,
}

/// What the engine and the runtime say, in the folder of the Lambda.
const SAID: &str = "said";

impl Lambda {
    /// Writes what containers of it are created from.
    ///
    /// # Errors
    /// If it can't be written.
    pub(super) fn prepare(
        engine: &Arc<Engine>,
        language: Language,
        interpreter: &Interpreter,
        handler: &Handler,
        addresses: Addresses,
    ) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        let task = folder.path().join("task");
        let spec = Spec::new(interpreter, handler, &task, addresses);
        let write = || {
            std::fs::create_dir(&task)?;
            handler.file.map_or(Ok(()), |(name, text)| std::fs::write(task.join(name), text))?;
            engine.write(&spec, folder.path())
        };
        write().map_err(Error::io("write a Lambda"))?;
        Ok(Self {
            language,
            work: handler.work,
            version: format!("{}, {}", interpreter.version, engine.version),
            command: spell(&engine.command(), &spec.arguments, addresses.runtime_api),
            engine: Arc::clone(engine),
            spec,
            folder,
        })
    }

    /// What was run.
    pub(in crate::bench::compare) fn peer(&self) -> Peer {
        Peer {
            system: self.engine.kind.system(),
            variant: self.language.label().to_owned(),
            version: self.version.clone(),
            command: self.command.clone(),
            settings: self.engine.settings().to_owned(),
        }
    }

    /// Creates a container, and starts it.
    ///
    /// # Errors
    /// If the engine can't be run.
    fn run(&self) -> Result<Container<'_>, Error> {
        let name = format!("flint-bench-{:016x}", rand::random::<u64>());
        let said = File::create(self.folder.path().join(SAID)).map_err(Error::io("make a file"))?;
        let mut command = self.engine.run(&self.spec, self.folder.path(), &name);
        command.stderr(said);
        let child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::io("create a container"))?;
        Ok(Container { lambda: self, name, child, is_removed: false })
    }

    /// Creates a container for an event that waits, and has its answer.
    ///
    /// # Errors
    /// If the engine can't be run, or there is no answer.
    pub(in crate::bench::compare) async fn run_for(
        &self,
        cloud: &Cloud,
        event: Bytes,
    ) -> Result<(Container<'_>, Bytes), Error> {
        let answer = cloud.invoke(event);
        let mut container = self.run()?;
        let answer = container.answers(answer).await?;
        Ok((container, answer))
    }

    /// Whether it does a work with the least that a container takes.
    pub(in crate::bench::compare) fn is_plain(&self, work: Work) -> bool {
        self.work == work && self.engine.kind == Kind::Runc
    }
}

impl Container<'_> {
    /// Waits for an answer of it.
    ///
    /// # Errors
    /// If it gives none; with what was said, if it ends.
    pub(in crate::bench::compare) async fn answers(
        &mut self,
        answer: impl Future<Output = Result<Bytes, Error>>,
    ) -> Result<Bytes, Error> {
        tokio::select! {
            answer = answer => answer,
            _ended = self.child.wait() => {
                let said = std::fs::read(self.lambda.folder.path().join(SAID)).unwrap_or_default();
                let said = String::from_utf8_lossy(&said).trim().to_owned();
                let Lambda { language, engine, .. } = self.lambda;
                Err(Error::Bug(format!(
                    "the container of {} ended: {said}; `--{} none` leaves containers out",
                    language.label(),
                    engine.kind.program(),
                )))
            }
        }
    }

    /// What its first process has of memory.
    ///
    /// # Errors
    /// If the engine or the kernel does not tell.
    pub(in crate::bench::compare) fn memory_mib(&self, which: Memory) -> Result<f64, Error> {
        let process = self.lambda.engine.process(&self.name).map_err(Error::io("ask for a container's process"))?;
        Ok(memory_kib(process, which)? / 1024.0)
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it does not end.
    pub(in crate::bench::compare) async fn remove(mut self) -> Result<(), Error> {
        self.lambda.engine.end(&self.name).map_err(Error::io("end a container"))?;
        self.is_removed = true;
        self.child.wait().await.map(drop).map_err(Error::io("remove a container"))
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if !self.is_removed {
            // First who might still create it; then what there is. What could be done was.
            _ = self.child.start_kill();
            _ = self.lambda.engine.end(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::Presence;
    use super::super::fake::Fake;
    use super::*;
    use std::future::{pending, ready};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    fn lambda(fake: &Fake) -> Lambda {
        let Presence::Here(engine) = Engine::find(Kind::Podman, &fake.program) else { panic!("an engine") };
        let interpreter = Interpreter::fake(Language::Python, fake.folder.path());
        let handler = Language::Python.handlers().first().expect("a handler");
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let addresses = Addresses { runtime_api: nowhere, table: nowhere };
        let prepared = Lambda::prepare(&Arc::new(engine), Language::Python, &interpreter, handler, addresses);
        prepared.expect("a Lambda")
    }

    #[tokio::test]
    async fn a_container_answers_tells_its_memory_and_is_removed() {
        let run = "run*true) ;; run*) echo $$ > new; mv new pid; exec sleep 60;;";
        let fake = Fake::new(&format!("{run} inspect*) cat pid;; kill*) kill $(cat pid);;"));
        let lambda = lambda(&fake);
        let mut container = lambda.run().expect("a container");
        let answer = container.answers(ready(Ok(Bytes::from_static(b"hello")))).await;
        assert_eq!(answer.expect("an answer"), "hello");
        while !fake.folder.path().join("pid").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(container.memory_mib(Memory::Now).expect("memory") > 0.0);
        container.remove().await.expect("its end");
        let file = lambda.folder.path().join("task/hello.py");
        assert_eq!(std::fs::read_to_string(file).expect("the handler"), include_str!("hello.py"));
    }

    #[tokio::test]
    async fn who_waits_for_a_container_that_ends_is_told_what_it_said_and_how_to_go_without() {
        let fake = Fake::new("run*true) ;; run*) echo no module named awslambdaric >&2; exit 1;;");
        let lambda = lambda(&fake);
        let mut container = lambda.run().expect("a container");
        let failed = container.answers(pending()).await.expect_err("no answer").to_string();
        assert!(failed.contains("no module named awslambdaric") && failed.contains("--podman none"), "{failed}");
    }
}
