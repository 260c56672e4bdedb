//! Named places where a test crashes the filter. They exist only in the package `edge-filter-crashing`, which is never
//! shipped; in any other build they are no-ops.

/// The request header that arms a crash point: the VM dies when it is reached next.
#[cfg(feature = "crash-points")]
const HEADER: &str = "x-crash-at";

#[cfg(feature = "crash-points")]
thread_local! {
    static ARMED: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Arms the crash point that the request head names, if any.
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
