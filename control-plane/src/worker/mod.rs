//! What runs beside the requests.

pub mod crew;
pub mod due;
pub mod hands;
pub mod review;
pub mod shift;
