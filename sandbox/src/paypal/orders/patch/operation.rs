//! One operation of a patch, in the form of a JSON Patch (RFC 6902).

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::target::PatchTarget;
use crate::paypal::errors::{PaypalError, Result};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperationRequest {
    op: OperationKind,
    path: Option<String>,
    /// `null` counts as absent: no part of an order can be `null`.
    value: Option<Value>,
    from: Option<IgnoredAny>,
}

/// The operations of a JSON Patch. PayPal allows the last three for no part of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OperationKind {
    Add,
    Replace,
    Remove,
    Move,
    Copy,
    Test,
}

#[derive(Debug)]
pub(super) struct Operation {
    /// The position in the request.
    index: usize,
    pub(super) kind: OperationKind,
    pub(super) target: PatchTarget,
    /// Absent for a removal.
    pub(super) value: Option<Value>,
}

impl OperationRequest {
    /// Checks the operation as far as that needs no order; `index` is its position in the request.
    pub(super) fn read(self, index: usize) -> Result<Operation> {
        let refuse = |issue, field: &str| PaypalError::unprocessable(issue).at(format!("/{index}/{field}"));
        let path = self.path.ok_or_else(|| refuse("PATCH_PATH_REQUIRED", "path"))?;
        let target = PatchTarget::read(&path).map_err(|issue| refuse(issue, "path"))?;
        let operation = Operation { index, kind: self.op, target, value: self.value };
        if !operation.target.allows(operation.kind) {
            return Err(operation.impossible());
        }
        if self.from.is_some() {
            return refuse("INVALID_PARAMETER", "from").refuse();
        }
        match (operation.kind, &operation.value) {
            // A JSON Patch ignores it; PayPal's documentation only says that a removal needs none.
            (OperationKind::Remove, Some(_)) => refuse("INVALID_PARAMETER", "value").refuse(),
            (OperationKind::Remove, None) | (_, Some(_)) => Ok(operation),
            (_, None) => refuse("PATCH_VALUE_REQUIRED", "value").refuse(),
        }
    }
}

impl Operation {
    /// Whether the operation fits a part that is present, or absent: only what is absent can be added.
    pub(super) fn check_presence(&self, is_present: bool) -> Result<()> {
        if is_present == (self.kind != OperationKind::Add) { Ok(()) } else { Err(self.impossible()) }
    }

    pub(super) fn unknown_reference(&self) -> Box<PaypalError> {
        Box::new(PaypalError::unprocessable("REFERENCE_ID_NOT_FOUND").at(format!("/{}/path", self.index)))
    }

    fn impossible(&self) -> Box<PaypalError> {
        let description = "The operation is not possible here: what is present cannot be added, what is absent can be \
             neither replaced nor removed, and some fields allow only some operations.";
        Box::new(PaypalError::invalid("INVALID_PATCH_OPERATION", format!("/{}/op", self.index), description))
    }
}
