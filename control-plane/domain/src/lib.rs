//! The payment domain. Free of HTTP, SQL and provider JSON.
//!
//! - [`model`]: payments, refunds, their states and transitions, and their audit trail;
//! - [`ports`]: the traits that databases, providers, queues and clocks implement;
//! - [`causes`]: formats an error with its causes in one line;
//! - [`usecases`]: one file per action of a client, a worker or an operator.

pub mod causes;
pub mod model;
pub mod ports;
pub mod usecases;
