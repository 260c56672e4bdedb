//! The providers' published contracts, if a folder with them is given. Requests are checked against these in addition
//! to the sandbox's own strict types, so that an error in either is detected.
//!
//! The checks are a feature of the build: they take longer to compile than the rest of the sandbox, and few have the
//! contracts.

#[cfg(feature = "contracts")]
mod checks;
#[cfg(feature = "contracts")]
mod documents;
#[cfg(not(feature = "contracts"))]
mod no_checks;
#[cfg(feature = "contracts")]
mod paypal;
mod schema;
#[cfg(feature = "contracts")]
mod stripe;

#[cfg(feature = "contracts")]
pub(crate) use self::checks::Contracts;
#[cfg(not(feature = "contracts"))]
pub(crate) use self::no_checks::Contracts;
pub(crate) use self::schema::PaypalSchema;
