//! The waist: every invocation of every trigger goes through here.
//!
//! admission → lease → export → outcome → record, within the function's time-out.

mod invoke;
mod messages;
mod schedule;

pub use invoke::Answered;
pub(crate) use messages::Handler;
pub use messages::{EffectsMode, Handled, HandlerFailure, Unfinished};
pub use schedule::Tick;

use crate::body::{self, Drive, Outstanding, RequestBody, ResponseBody};
use crate::context::FunctionContext;
use crate::exports::{self, Program};
use crate::failure::Failure;
use crate::imports::http::OutboundSpec;
use crate::invocation::Invocation;
use crate::request_memory::RequestMemory;
use crate::shape::{HttpVersion, Shape};
use crate::tally::Tally;
use bytes::Bytes;
use flint_engine::admission::AdmissionOptions;
use flint_engine::compile::CompileError;
use flint_engine::deadline::{Deadline, WithDeadline};
use flint_engine::shared::{End, Job, Ticket};
use flint_engine::{Fault, Isolation, Lease, Limits, Pool, Refusal, Shared, Start};
use flint_model::lane::Spread;
use flint_model::{ByteSize, FunctionName, Grants, Secret, SecretName};
use flint_telemetry::Trigger;
use futures::channel::oneshot;
use futures::future::{Either, select};
use http::{Request, Response, Version};
use http_body::Body;
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

/// When the init function of a component runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Init {
    /// Once, when the function is loaded: every instance starts from the memory it left.
    #[default]
    Snapshot,
    /// In each instance, before its first event: what platforms without snapshots do. For comparing.
    EveryStart,
    /// Never. For comparing.
    Never,
}

/// What a function is given.
#[derive(Debug, Clone)]
pub struct FunctionSpec {
    /// Its name.
    pub name: FunctionName,
    /// Which of its versions this is.
    pub version: u64,
    /// Memory, time and CPU time of an invocation.
    pub limits: Limits,
    /// How long the head of an answer to a request may take; none: as long as the invocation.
    pub first_byte_timeout: Option<Duration>,
    /// How long an instance lives.
    pub isolation: Isolation,
    /// How many invocations run at once, and how many wait.
    pub admission: AdmissionOptions,
    /// Whether so many invocations are set aside for it, rather than taken from those of the host.
    pub reserved: bool,
    /// So many instances are always ready.
    pub warm: usize,
    /// So many instances are ready at most; 0 makes each when its event comes.
    pub spares_max: usize,
    /// Variables of the environment.
    pub environment: Vec<(String, String)>,
    /// Values of `wasi:config`.
    pub config: BTreeMap<String, String>,
    /// Secrets.
    pub secrets: BTreeMap<SecretName, Secret>,
    /// Stores that it may use.
    pub grants: Grants,
    /// Hosts that it may call, and how much.
    pub outbound: OutboundSpec,
    /// How many bytes one invocation may log.
    pub log_size_max: ByteSize,
    /// How many resources of the host, such as bodies and opened stores, an instance may hold.
    pub handles_max: usize,
    /// How many calls of key-value stores and of queues one invocation may make.
    pub kv_calls_max: u32,
    /// How many bytes one invocation may read from and write to key-value stores, and send to queues.
    pub kv_size_max: ByteSize,
    /// How large a payload or a buffered request may be.
    pub request_size_max: ByteSize,
    /// How large an answer to a payload, or a buffered response may be.
    pub response_size_max: ByteSize,
    /// How large the body of a streamed response may be.
    pub http_response_max: Option<ByteSize>,
}

impl FunctionSpec {
    /// A function with every default, and no grants.
    pub fn new(name: FunctionName) -> Self {
        Self {
            name,
            version: 1,
            limits: Limits::default(),
            first_byte_timeout: None,
            isolation: Isolation::Fresh,
            admission: AdmissionOptions::default(),
            reserved: false,
            warm: 1,
            spares_max: 100,
            environment: Vec::new(),
            config: BTreeMap::new(),
            secrets: BTreeMap::new(),
            grants: Grants::none(),
            outbound: OutboundSpec::default(),
            log_size_max: ByteSize::mib(1),
            handles_max: 1000,
            kv_calls_max: 10_000,
            kv_size_max: ByteSize::mib(256),
            request_size_max: ByteSize::mib(6),
            response_size_max: ByteSize::mib(6),
            http_response_max: None,
        }
    }
}

/// Why a function can't be loaded. A retry can't help.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The component can't be compiled, or its init function fails.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The component asks for an interface that this host does not have, or has in another form.
    #[error("the component does not fit this host: {0:#}")]
    Mismatch(wasmtime::Error),
    /// With `isolation = "shared"`: its instances take one call at a time.
    #[error("an instance of the component can't serve several events at once")]
    Unshareable,
    /// No instance of the component can be made.
    #[error("the component can't be started: {0}")]
    Start(Fault),
}

/// What invocations of a function share.
pub(crate) struct FunctionCore {
    pub(crate) context: Arc<FunctionContext>,
    pub(crate) request_memory: Arc<RequestMemory>,
    pub(crate) first_byte_timeout: Option<Duration>,
    pub(crate) request_size_max: ByteSize,
    pub(crate) response_size_max: ByteSize,
    pub(crate) http_response_max: Option<ByteSize>,
    pub(crate) shape: Arc<Shape>,
    pub(crate) pool: Pool<Program>,
    /// With `isolation = "shared"`.
    pub(crate) shared: Option<Shared<Program>>,
}

/// What there still is of a function: who holds it, and invocations to the last byte of their answers, and to what their guests do
/// behind them.
#[derive(Debug)]
pub struct Remains(Weak<FunctionCore>);

impl Remains {
    /// Whether there is nothing left.
    pub fn are_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// A function that can be invoked.
#[derive(Clone)]
pub struct Function {
    core: Arc<Spread<FunctionCore>>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Function").field(self.name()).finish()
    }
}

impl Function {
    pub(crate) fn new(core: FunctionCore) -> Self {
        Self { core: Arc::new(Spread::new(Arc::new(core))) }
    }

    /// The function's name.
    pub fn name(&self) -> &FunctionName {
        &self.core.context.name
    }

    /// What the component exports and imports.
    pub fn shape(&self) -> &Shape {
        &self.core.shape
    }

    /// How many instances are ready.
    pub fn spares(&self) -> usize {
        self.core.pool.spares()
    }

    /// How many invocations run, of all versions.
    pub fn running(&self) -> usize {
        self.core.pool.running()
    }

    /// How many invocations wait for their turn, of all versions.
    pub fn waiting(&self) -> usize {
        self.core.pool.waiting()
    }

    /// Says that it serves from now on: its options decide who of all versions is admitted.
    pub fn take_over(&self) {
        self.core.pool.admit_by_its_options();
    }

    /// Gives up the instances that wait for an event: another version has taken this one's place. What runs goes on.
    pub fn retire(&self) {
        self.core.pool.retire();
        if let Some(shared) = &self.core.shared {
            shared.retire();
        }
    }

    /// Tells, also when nobody holds the function any more, whether invocations of it are not over.
    pub fn remains(&self) -> Remains {
        Remains(Arc::downgrade(self.core.value()))
    }

    /// Makes instances ready, up to `count`, beside what the host does by itself.
    ///
    /// # Errors
    /// [`LoadError::Start`] if an instance can't be made.
    pub async fn prepare(&self, count: usize) -> Result<(), LoadError> {
        self.core.pool.prepare(count).await.map_err(LoadError::Start)
    }

    /// Answers an HTTP request.
    ///
    /// Resolves when the head of the answer is there; the guest goes on while the body is polled. Dropping the future, or the
    /// body, ends the guest.
    ///
    /// # Errors
    /// [`Failure`], until the head is there; later ones end the body.
    pub async fn http<B>(&self, invocation: Invocation, request: Request<B>) -> Result<Response<ResponseBody>, Failure>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<wasmtime_wasi_http::Error> + std::error::Error + Send + Sync,
    {
        let tally = Arc::new(Tally::open(&self.core, &invocation, Trigger::Http));
        // Pinned here: moved into what waits for it, it would have room twice.
        let mut answer = pin!(async {
            match self.core.shape.http {
                Some(HttpVersion::V02 | HttpVersion::V03) => self.streamed(&invocation, request, &tally).await,
                Some(HttpVersion::Buffered) => self.buffered(&invocation, request, &tally).await,
                None => Err(Failure::NoHandler("http")),
            }
        });
        let answer = match self.core.first_byte_timeout {
            None => answer.as_mut().await,
            Some(limit) => {
                let deadline = self.core.pool.deadline_within(invocation.accepted, limit);
                let answer = WithDeadline::new(answer.as_mut(), deadline).await;
                answer.unwrap_or_else(|elapsed| Err(Failure::NoFirstByte(elapsed.0)))
            }
        };
        if let Err(failure) = &answer {
            tally.close(Err(failure));
        }
        answer
    }

    async fn buffered<B>(
        &self,
        invocation: &Invocation,
        request: Request<B>,
        tally: &Arc<Tally>,
    ) -> Result<Response<ResponseBody>, Failure>
    where
        B: Body<Data = Bytes> + Send + Unpin,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (parts, body) = request.into_parts();
        let limit = self.core.request_size_max;
        let call = pin!(async {
            // The body before the lease: an instance does not wait for a slow client.
            let (body, _held) = self.core.request_memory.read(body, limit).await?;
            tally.add_bytes_in(body.len());
            if let Some(shared) = &self.core.shared {
                let (job, answer) = exports::http_buffered::job(invocation.clone(), parts, body);
                return self.core.share(shared, job, answer, invocation, tally).await;
            }
            let lease = self.core.lease(invocation, tally).await?;
            exports::http_buffered::call(lease, parts, body, self.core.pool.deadline(invocation.accepted), tally).await
        });
        let response = self.core.within_timeout(invocation, call).await?;
        self.core.context.head_max.check(response.headers())?;
        let (parts, body) = response.into_parts();
        let body = self.held(body)?;
        tally.close(Ok(()));
        Ok(Response::from_parts(parts, ResponseBody::full(body, Arc::clone(tally))))
    }

    /// An answer that is there as a whole. It counts as held until its last piece is gone: the instance is free by then, and the
    /// caller may be slow.
    fn held(&self, answer: Bytes) -> Result<Bytes, Failure> {
        check_size("response", answer.len(), self.core.response_size_max)?;
        self.core.request_memory.keep(answer)
    }

    async fn streamed<B>(
        &self,
        invocation: &Invocation,
        request: Request<B>,
        tally: &Arc<Tally>,
    ) -> Result<Response<ResponseBody>, Failure>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<wasmtime_wasi_http::Error>,
    {
        let multiplexed = request.version() >= Version::HTTP_2;
        let request = exports::http::with_authority(request);
        let request = request.map(|body| RequestBody::new(body, Arc::clone(tally)).map_err(Into::into).boxed_unsync());
        let (sender, mut head) = oneshot::channel();
        let outstanding = self.core.shared.is_some().then(Arc::default);
        let gone = outstanding.as_ref().map(Arc::downgrade);
        let mut drive = self.drive(invocation.clone(), request, sender, gone, Arc::clone(tally));
        let mut deadline = self.core.pool.deadline(invocation.accepted);
        // The guest and the head of its answer, in one task: no wake-up between two threads stands on the path.
        let (ended, head) = poll_fn(|context| {
            let ended = drive.as_mut().poll(context);
            match (Pin::new(&mut head).poll(context), ended) {
                (Poll::Ready(Ok(head)), ended) => Poll::Ready(Ok((ended, Some(head)))),
                (_, Poll::Ready(ended)) => Poll::Ready(Ok((Poll::Ready(ended), None))),
                (_, Poll::Pending) => deadline.poll(context).map(Err),
            }
        })
        .await?;
        let response = match (head, &ended) {
            (Some(Ok(response)), _) => response,
            // What the guest did counts for more than what became of its answer.
            (_, Poll::Ready(Err(failure))) => return Err(failure.clone()),
            (Some(Err(error)), _) => {
                // A shared instance goes on: there is no body.
                if outstanding.is_some() && ended.is_pending() {
                    drop(outstanding);
                    _ = body::has_ended(&mut drive);
                }
                return Err(self.core.failure_of_head(invocation, &error));
            }
            (None, _) => return Err(Failure::NoAnswer("it ended without an answer".to_owned())),
        };
        let rest = match ended {
            Poll::Ready(Err(failure)) => return Err(failure),
            Poll::Ready(Ok(())) => None,
            Poll::Pending => Some(drive),
        };
        self.core.context.head_max.check(response.headers())?;
        let max = self.core.http_response_max;
        Ok(response.map(|body| {
            let mut body = ResponseBody::streamed(body, outstanding, rest, deadline, max, Arc::clone(tally));
            // HTTP/2 asks for nothing while its client has no room for it.
            if multiplexed {
                body.watch();
            }
            body
        }))
    }

    /// The guest's side of a streamed invocation, from admission to its end, which is for a shared instance when the body of the
    /// answer is `gone`. It knows no time-out: who polls it does.
    fn drive(
        &self,
        invocation: Invocation,
        request: Request<wasmtime_wasi_http::WasiBody>,
        head: oneshot::Sender<exports::http::Head>,
        gone: Option<Weak<Outstanding>>,
        tally: Arc<Tally>,
    ) -> Drive {
        let function = self.core.hold();
        Box::pin(async move {
            let result = match function.shared.as_ref().zip(gone) {
                Some((shared, gone)) => {
                    let job = exports::http::job(invocation.clone(), request, head);
                    function.lasting(shared, job, gone, &invocation, &tally).await
                }
                None => match function.lease(&invocation, &tally).await {
                    Ok(lease) => exports::http::call(lease, request, head).await,
                    Err(failure) => Err(failure),
                },
            };
            // That it went well is known when its answer is complete.
            if let Err(failure) = &result {
                tally.close(Err(failure));
            }
            result
        })
    }
}

impl FunctionCore {
    fn failure_of_head(&self, invocation: &Invocation, error: &wasmtime::Error) -> Failure {
        exports::http::failure_of_head(error).unwrap_or_else(|| match Fault::classify(error, false) {
            Fault::Trap(trap) => Failure::Trapped(trap),
            Fault::Cpu(exceeded) => Failure::CpuExceeded(exceeded.0),
            // The guest dropped what it should have answered with: nothing else is sent in place of a head.
            fault => {
                let (function, invocation) = (&self.context.name, invocation.id);
                tracing::warn!(%function, %invocation, %fault, "the function gave no answer");
                Failure::NoAnswer(fault.to_string())
            }
        })
    }

    async fn lease(&self, invocation: &Invocation, tally: &Tally) -> Result<Lease<Program>, Failure> {
        let mut lease = self.pool.lease().await.map_err(|refusal| self.failure_of_refusal(invocation, refusal))?;
        lease.store().data_mut().begin(invocation);
        let meter = lease.meter();
        tally.started(lease.start(), meter);
        Ok(lease)
    }

    /// Runs a job in a shared instance, and waits for its answer.
    async fn share<T>(
        &self,
        shared: &Shared<Program>,
        job: Job<Program>,
        answer: oneshot::Receiver<Result<T, Failure>>,
        invocation: &Invocation,
        tally: &Tally,
    ) -> Result<T, Failure> {
        self.ticket(shared, job, invocation, tally).await?;
        answer.await.unwrap_or(Err(Failure::Internal))
    }

    /// Runs a job in a shared instance to its end.
    async fn ticket(
        &self,
        shared: &Shared<Program>,
        job: Job<Program>,
        invocation: &Invocation,
        tally: &Tally,
    ) -> Result<(), Failure> {
        let ticket = self.submit(shared, job, End::WithJob, invocation, tally).await?;
        ticket.await.map_err(|fault| self.failure_of_refusal(invocation, fault.into()))
    }

    /// Runs a job in a shared instance, until what it answered with is gone.
    async fn lasting(
        &self,
        shared: &Shared<Program>,
        job: Job<Program>,
        gone: Weak<Outstanding>,
        invocation: &Invocation,
        tally: &Tally,
    ) -> Result<(), Failure> {
        let ticket = self.submit(shared, job, End::WhenTold, invocation, tally).await?;
        let gone = poll_fn(|_| if gone.strong_count() > 0 { Poll::Pending } else { Poll::Ready(()) });
        let ended = match select(ticket, gone).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), ticket)) => match ticket.tell() {
                Some(ticket) => ticket.await,
                None => Ok(()),
            },
        };
        ended.map_err(|fault| self.failure_of_refusal(invocation, fault.into()))
    }

    async fn submit(
        &self,
        shared: &Shared<Program>,
        job: Job<Program>,
        end: End,
        invocation: &Invocation,
        tally: &Tally,
    ) -> Result<Ticket<Program>, Failure> {
        let submitted = shared.submit(job, end).await;
        let ticket = submitted.map_err(|refusal| self.failure_of_refusal(invocation, refusal))?;
        // What is used can't be told apart by event: the record of each says nothing of it.
        tally.started(Start::Shared, Arc::default());
        Ok(ticket)
    }

    fn failure_of_refusal(&self, invocation: &Invocation, refusal: Refusal) -> Failure {
        match refusal {
            Refusal::Overloaded(overloaded) => Failure::Overloaded { limit: overloaded.limit },
            Refusal::Fault(Fault::Exhausted) => Failure::Exhausted,
            Refusal::Fault(Fault::Memory) => Failure::OutOfMemory(self.pool.options().limits.memory),
            Refusal::Fault(Fault::Trap(trap)) => Failure::Trapped(trap),
            Refusal::Fault(Fault::Cpu(exceeded)) => Failure::CpuExceeded(exceeded.0),
            Refusal::Fault(Fault::Other(error)) => {
                let (function, invocation) = (&self.context.name, invocation.id);
                tracing::error!(%function, %invocation, %error, "an instance could not be made");
                Failure::Internal
            }
        }
    }

    async fn within_timeout<T>(
        &self,
        invocation: &Invocation,
        call: impl Future<Output = Result<T, Failure>> + Unpin,
    ) -> Result<T, Failure> {
        WithDeadline::new(call, self.deadline(invocation)).await?
    }

    /// When an invocation is over: the function's time-out, or what its caller has left.
    fn deadline(&self, invocation: &Invocation) -> Deadline {
        let timeout = self.pool.options().limits.timeout;
        let limit = invocation.time_max.map_or(timeout, |time_max| time_max.min(timeout));
        self.pool.deadline_within(invocation.accepted, limit)
    }
}

fn check_size(what: &'static str, size: usize, limit: ByteSize) -> Result<(), Failure> {
    if size as u64 > limit.as_u64() { Err(Failure::TooLarge { what, limit }) } else { Ok(()) }
}
