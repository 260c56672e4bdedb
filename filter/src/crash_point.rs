//! Named places where a test lets the filter die. They are only in the package `edge-filter-crashing`, which is never
//! shipped; in any other build they are nothing.

/// The header by which a request names the place: the VM dies when that is passed next.
#[cfg(feature = "crash-points")]
const HEADER: &str = "x-crash-at";

#[cfg(feature = "crash-points")]
thread_local! {
    static ARMED: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// A head has come, with these lines.
#[cfg(feature = "crash-points")]
pub(crate) fn arm(lines: &[(String, Vec<u8>)]) {
    if let Some((_, place)) = lines.iter().find(|(name, _)| name == HEADER) {
        ARMED.with_borrow_mut(|armed| armed.clone_from(place));
    }
}

#[cfg(feature = "crash-points")]
pub(crate) fn reached(place: &str) {
    if ARMED.with_borrow(|armed| armed == place.as_bytes()) {
        std::process::abort();
    }
}

#[cfg(not(feature = "crash-points"))]
pub(crate) const fn arm(_lines: &[(String, Vec<u8>)]) {}

#[cfg(not(feature = "crash-points"))]
pub(crate) const fn reached(_place: &str) {}
