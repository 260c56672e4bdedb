//! What runs beside the requests.

pub mod due;
pub mod review;
