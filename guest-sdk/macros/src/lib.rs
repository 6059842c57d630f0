//! The attributes of `flint-sdk`, which re-exports them: read their documentation there.
//!
//! An attribute leaves the function as it is and writes, beside it, the export of the component that calls it. Entry and
//! documentation are here, the rules that a handler keeps in `handler`, what is written in one file an attribute.

mod blob;
mod handler;
mod http;
mod init;
mod invoke;
mod kv_change;
mod queue;
mod schedule;
mod topic;

use proc_macro::TokenStream;

/// Makes a function answer HTTP requests.
///
/// ```
/// use flint_sdk::http::Request;
///
/// #[flint_sdk::http]
/// async fn handle(request: Request) -> String {
///     format!("You asked for {}.", request.uri())
/// }
/// ```
///
/// The handler is an `async fn` that takes a `Request` and answers whatever is `IntoResponse`; an error of a `Result` turns
/// into a problem document. One that needs no more than the parameters of the path takes `Params` instead of the request,
/// which makes a smaller component. The component exports `wasi:http/handler@0.3.0`: bodies stream both ways, with
/// trailers. Those of a response have to be announced by its header `trailer`.
///
/// # `buffered`
///
/// ```
/// use flint_sdk::http::{Json, Problem, Request, RequestExt};
///
/// #[flint_sdk::http(buffered)]
/// async fn handle(request: Request) -> Result<Json<u64>, Problem> {
///     let numbers: Vec<u64> = request.json().await?;
///     Ok(Json(numbers.iter().sum()))
/// }
/// ```
///
/// The component exports `flint:platform/http-handler` instead: the request comes whole and the answer leaves whole, which
/// is faster. Bodies are limited (`request-size-max`, `response-size-max`) and trailers are not passed on. It runs on flint
/// alone.
#[proc_macro_attribute]
pub fn http(arguments: TokenStream, item: TokenStream) -> TokenStream {
    http::expand(arguments.into(), item.into()).into()
}

/// Makes a function answer invocations, such as those of `flint invoke`.
///
/// ```
/// use flint_sdk::Failure;
///
/// #[derive(serde::Deserialize)]
/// struct Order { amount: u32, price: f64 }
///
/// #[flint_sdk::invoke]
/// async fn total(order: Order) -> Result<f64, Failure> {
///     Ok(f64::from(order.amount) * order.price)
/// }
/// ```
///
/// The handler is an `async fn` that takes a value that serde reads from JSON and answers one that serde writes, or takes
/// and answers a `Payload`, which is bytes. Its error turns into a `Failure`, which says whether a retry can help. A payload
/// that can't be read is answered with the failure `InvalidPayload`.
#[proc_macro_attribute]
pub fn invoke(arguments: TokenStream, item: TokenStream) -> TokenStream {
    invoke::expand(arguments.into(), item.into()).into()
}

/// Makes a function run once, when the component is built into the platform.
///
/// ```
/// use std::sync::OnceLock;
///
/// static SQUARES: OnceLock<Vec<u64>> = OnceLock::new();
///
/// #[flint_sdk::init]
/// fn prepare() {
///     SQUARES.set((0..10_000).map(|n| n * n).collect()).ok();
/// }
/// ```
///
/// The memory after it is the memory that every instance starts from, so that no event pays for it. It can call nothing of
/// the host: no store, no clock, no environment, no randomness, no output. (A `HashMap` asks for randomness; take a
/// `BTreeMap`, or a sorted `Vec`.)
#[proc_macro_attribute]
pub fn init(arguments: TokenStream, item: TokenStream) -> TokenStream {
    init::expand(arguments.into(), item.into()).into()
}

/// Makes a function handle the messages of a queue.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::queue::Message;
///
/// #[derive(serde::Deserialize)]
/// struct Job { image: String, width: u32 }
///
/// #[flint_sdk::queue]
/// async fn resize(message: Message<Job>) -> Result<(), Failure> {
///     println!("resizing {} to {}", message.body.image, message.body.width);
///     Ok(())
/// }
/// ```
///
/// The handler is an `async fn` that takes a `Message<T>`, whose body is a value that serde reads from JSON or a `Payload`, which
/// is bytes. It is called for one message after the other. Its error turns into a `Failure`: the message comes again, or goes to the
/// dead-letter queue if the failure says `never`. So does, alone, a message that can't be read. Of a FIFO queue the rest of a group
/// is not tried behind a message that comes again.
///
/// With `transactional = true`, the default of a trigger, what is written for a message happens together with its being done: what was
/// written for one that failed is taken back.
///
/// # `concurrency`
///
/// ```
/// # use flint_sdk::Failure;
/// # use flint_sdk::queue::Message;
/// #[flint_sdk::queue(concurrency = 8)]
/// async fn notify(message: Message<String>) -> Result<(), Failure> {
///     println!("{}", message.body);
///     Ok(())
/// }
/// ```
///
/// So many messages of a batch are handled at once, which helps who waits for others; see `Batch::each_at_once`.
///
/// # Batches
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::queue::{Batch, BatchResult};
///
/// #[flint_sdk::queue]
/// async fn sum(batch: Batch<u64>) -> BatchResult {
///     println!("{} messages", batch.len());
///     batch.each(async |message| Ok::<_, Failure>(println!("{}", message.body))).await
/// }
/// ```
///
/// A handler that takes a `Batch<T>` is called once, and answers a `BatchResult`, or a `Result` of one: an error there fails all the
/// messages.
#[proc_macro_attribute]
pub fn queue(arguments: TokenStream, item: TokenStream) -> TokenStream {
    queue::expand(arguments.into(), item.into()).into()
}

/// Makes a function handle the ticks of schedules.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::schedule::Tick;
///
/// #[derive(serde::Deserialize)]
/// struct Report { to: String }
///
/// #[flint_sdk::schedule]
/// async fn report(tick: Tick<Report>) -> Result<(), Failure> {
///     println!("the report of {:?} goes to {}", tick.due_at, tick.payload.to);
///     Ok(())
/// }
/// ```
///
/// The handler is an `async fn` that takes a `Tick<T>`, whose payload is a value that serde reads from JSON, or a `Tick`, whose payload
/// is bytes. Its error turns into a `Failure`: the tick comes again, or goes to the schedule's dead-letter queue if the failure says
/// `never`. A tick is handled at least once; with `transactional = true`, the default, what is written for it happens together with its
/// being done, so once.
#[proc_macro_attribute]
pub fn schedule(arguments: TokenStream, item: TokenStream) -> TokenStream {
    schedule::expand(arguments.into(), item.into()).into()
}

/// Makes a function handle what is published to a topic.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::topic::Message;
///
/// #[derive(serde::Deserialize)]
/// struct Order { id: String }
///
/// #[flint_sdk::topic]
/// async fn confirm(message: Message<Order>) -> Result<(), Failure> {
///     println!("order {} came by {:?}", message.body.id, message.attribute("channel"));
///     Ok(())
/// }
/// ```
///
/// The handler is an `async fn` that takes a `Message<T>`, whose body is a value that serde reads from JSON or a `Payload`, which is
/// bytes. It is called for one message after the other. Its error turns into a `Failure`: the message comes again, or goes to the
/// dead-letter queue of the trigger if the failure says `never`. So does, alone, a message that can't be read.
///
/// With `transactional = true`, the default of a trigger, what is written for a message happens together with its being done: what was
/// written for one that failed is taken back.
///
/// # Several at once
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::topic::Message;
///
/// #[flint_sdk::topic]
/// async fn sum(messages: Vec<Message<u64>>) -> Result<(), Failure> {
///     println!("{} in all", messages.iter().map(|message| message.body).sum::<u64>());
///     Ok(())
/// }
/// ```
///
/// A handler that takes a `Vec<Message<T>>` is called once: its error fails all of them.
#[proc_macro_attribute]
pub fn topic(arguments: TokenStream, item: TokenStream) -> TokenStream {
    topic::expand(arguments.into(), item.into()).into()
}

/// Makes a function handle what changes in a key-value store.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::kv::Change;
///
/// #[derive(serde::Deserialize)]
/// struct Order { total: f64 }
///
/// #[flint_sdk::kv_change]
/// async fn follow(change: Change<Order>) -> Result<(), Failure> {
///     let total = change.new.map(|entry| entry.value.total);
///     println!("{} has a total of {total:?}", change.key);
///     Ok(())
/// }
/// ```
///
/// The handler is an `async fn` that takes a `Change<T>`, whose values serde reads from JSON, or are a `Payload`, which is bytes. It is
/// called for one change after the other, those of a key in their order. The first error ends the call and turns into a `Failure`: all
/// the changes of the call come again, each alone, until the one that fails is given up. With `transactional = true`, the default of a
/// trigger, nothing that was written then has happened.
///
/// # Several at once
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::kv::Change;
///
/// #[flint_sdk::kv_change]
/// async fn count(changes: Vec<Change<String>>) -> Result<(), Failure> {
///     println!("{} changes", changes.len());
///     Ok(())
/// }
/// ```
///
/// A handler that takes a `Vec<Change<T>>` is called once.
#[proc_macro_attribute]
pub fn kv_change(arguments: TokenStream, item: TokenStream) -> TokenStream {
    kv_change::expand(arguments.into(), item.into()).into()
}

/// Makes a function handle what happens in a bucket, for the triggers of platform.toml that say so.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::blob::{Event, EventKind};
///
/// #[flint_sdk::blob]
/// async fn handle(event: Event) -> Result<(), Failure> {
///     match event.kind {
///         EventKind::Created(info) => println!("{} has {} bytes now", event.key, info.size),
///         EventKind::Deleted => println!("{} is gone", event.key),
///     }
///     Ok(())
/// }
/// ```
///
/// The handler is an `async fn` that takes an `Event`. It is called for one event after the other, those of a key in their order. The
/// first error ends the call and turns into a `Failure`: all the events of the call come again, each alone, until the one that fails is
/// given up. With `transactional = true`, the default of a trigger, nothing that was written then has happened, blobs included.
///
/// An event tells what happened: by now the key may have another content, or none. A handler that puts into the bucket that it listens
/// to causes the next event; after a chain of sixteen, that is refused.
///
/// # Several at once
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::blob::Event;
///
/// #[flint_sdk::blob]
/// async fn count(events: Vec<Event>) -> Result<(), Failure> {
///     println!("{} events", events.len());
///     Ok(())
/// }
/// ```
///
/// A handler that takes a `Vec<Event>` is called once.
#[proc_macro_attribute]
pub fn blob(arguments: TokenStream, item: TokenStream) -> TokenStream {
    blob::expand(arguments.into(), item.into()).into()
}
