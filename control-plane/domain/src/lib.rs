//! What a payment is and what may happen to it. Knows no HTTP, no SQL and no provider's JSON.
//!
//! - [`model`]: payments, refunds, their states and transitions, and what was recorded of them;
//! - [`ports`]: what is asked of databases, providers, queues and clocks, which others implement;
//! - [`causes`]: an error and what is behind it, in one line;
//! - [`usecases`]: a file for each thing that a client, a worker or an operator does.

pub mod causes;
pub mod model;
pub mod ports;
pub mod usecases;
