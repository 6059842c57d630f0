//! Host calls that run at once.
//!
//! A function runs on one thread, but while it waits for the host it can wait for many things: ten calls of 5 ms take 5 ms
//! when they are joined, and 50 ms one after the other.

/// Waits for all the futures, which run at once, and answers their results in order.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::kv::Error> {
/// let links = flint_sdk::kv::open("links");
/// let targets = flint_sdk::join_all(["a", "b", "c"].map(|code| links.get::<String>(code))).await;
/// # Ok(())
/// # }
/// ```
pub async fn join_all<I>(futures: I) -> Vec<<I::Item as Future>::Output>
where
    I: IntoIterator<Item: Future>,
{
    futures::future::join_all(futures).await
}

/// Waits for all the futures, which run at once; stops at the first error, dropping those that are not done.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::kv::Error> {
/// let links = flint_sdk::kv::open("links");
/// let targets: Vec<Option<String>> = flint_sdk::try_join_all(["a", "b"].map(|code| links.get(code))).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The first error of a future.
pub async fn try_join_all<I, T, E>(futures: I) -> Result<Vec<T>, E>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    futures::future::try_join_all(futures).await
}

/// Lets a future run beside the handler, and after it has answered.
///
/// The answer does not wait for it, but the invocation lasts until it is done, within the function's time limit. When the
/// instance is thrown away, so is what was not done by then: for work that must not be lost, send a message.
///
/// ```no_run
/// use flint_sdk::http::Request;
///
/// #[flint_sdk::http]
/// async fn accept(_: Request) -> &'static str {
///     flint_sdk::spawn(async {
///         if let Err(error) = flint_sdk::kv::open("stats").increment("requests", 1).await {
///             flint_sdk::log::warn!("a request was not counted", error = error.to_string());
///         }
///     });
///     "accepted"
/// }
/// ```
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    wit_bindgen::spawn_local(future);
}

/// Waits for several futures, which run at once, and answers their results as a tuple.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::kv::Error> {
/// let links = flint_sdk::kv::open("links");
/// let (target, visits) = flint_sdk::join!(links.get::<String>("a"), links.counter("a/visits"));
/// let (target, visits) = (target?, visits?);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! join {
    ($($future:expr),+ $(,)?) => { $crate::__internal::futures::join!($($future),+) };
}

/// Waits for several futures, which run at once; stops at the first error, dropping those that are not done.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::kv::Error> {
/// let links = flint_sdk::kv::open("links");
/// let (target, visits) = flint_sdk::try_join!(links.get::<String>("a"), links.counter("a/visits"))?;
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! try_join {
    ($($future:expr),+ $(,)?) => { $crate::__internal::futures::try_join!($($future),+) };
}
