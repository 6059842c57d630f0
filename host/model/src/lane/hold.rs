//! Values that every request holds for its time.

use super::PerLane;
use std::ops::Deref;
use std::sync::Arc;

/// A value that every request holds for its time: who holds it is counted by lane, where an [`Arc`] counts all in one place.
#[derive(Debug)]
pub struct Spread<T> {
    value: Arc<T>,
    lanes: PerLane<Hold<T>>,
}

impl<T> Clone for Spread<T> {
    fn clone(&self) -> Self {
        let mut lanes = self.lanes.iter().cloned();
        let lanes = PerLane::new(|| lanes.next().unwrap_or_else(|| Hold::new(&self.value)));
        Self { value: Arc::clone(&self.value), lanes }
    }
}

/// Holds a value, on the lane that it was taken on.
#[derive(Debug)]
pub struct Hold<T>(Arc<Owner<T>>);

/// What the holds of a lane have in common, with their number, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Owner<T>(Arc<T>);

impl<T> Hold<T> {
    fn new(value: &Arc<T>) -> Self {
        Self(Arc::new(Owner(Arc::clone(value))))
    }
}

impl<T> Clone for Hold<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Hold<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &self.0.0
    }
}

impl<T> Spread<T> {
    /// Spreads a value over all lanes.
    pub fn new(value: Arc<T>) -> Self {
        Self { lanes: PerLane::new(|| Hold::new(&value)), value }
    }

    /// Holds it.
    pub fn hold(&self) -> Hold<T> {
        self.lanes.own().clone()
    }

    /// The value, for whoever holds it for longer than a request.
    pub fn value(&self) -> &Arc<T> {
        &self.value
    }
}

impl<T> Deref for Spread<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_value_is_gone_with_the_last_who_holds_it() {
        let value = Arc::new("value");
        let (spread, gone) = (Spread::new(Arc::clone(&value)), Arc::downgrade(&value));
        let (held, far) = (spread.hold(), thread::scope(|s| s.spawn(|| spread.hold()).join().expect("it ends")));
        assert!(Arc::ptr_eq(&held, &value) && Arc::ptr_eq(spread.value(), &far));
        drop((spread, value, held));
        assert_eq!(gone.upgrade().as_deref(), Some(&"value"));
        drop(far);
        assert!(gone.upgrade().is_none());
    }
}
