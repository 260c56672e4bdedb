//! PayPal.
use std::{io, path::Path};
pub(crate) struct PaypalContract;
impl PaypalContract {
    pub(crate) fn load(_folder: &Path) -> io::Result<Self> {
        Ok(Self)
    }
}
