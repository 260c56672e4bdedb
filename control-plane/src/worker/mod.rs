//! What runs beside the requests.

pub mod clock_back;
pub mod crew;
pub mod due;
pub mod expire;
pub mod hands;
pub mod reconcile;
pub mod review;
pub mod shift;
