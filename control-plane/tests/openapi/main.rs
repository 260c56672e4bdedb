//! The published description of the API, held against what is enforced.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

mod bodies;
mod document;
mod limits;
mod parameters;
mod schema;
