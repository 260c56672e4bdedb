//! The parts of an order that a patch can change, and the operations allowed for each
//! (developer.paypal.com/docs/api/orders/v2/#orders_patch).

use super::operation::OperationKind::{self, Add, Remove, Replace};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum PatchTarget {
    Intent,
    Payer,
    /// A purchase unit, by its reference id.
    Unit(String),
    UnitField(String, &'static UnitField),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnitField {
    /// As documented, relative to the unit.
    path: &'static str,
    /// Where it is in the unit.
    pub(super) place: &'static [&'static str],
    operations: &'static [OperationKind],
}

const fn field(
    path: &'static str,
    place: &'static [&'static str],
    operations: &'static [OperationKind],
) -> UnitField {
    UnitField { path, place, operations }
}

const ALL: &[OperationKind] = &[Replace, Add, Remove];
const SET: &[OperationKind] = &[Replace, Add];

static UNIT_FIELDS: [UnitField; 18] = [
    field("amount", &["amount"], &[Replace]),
    field("custom_id", &["custom_id"], ALL),
    field("description", &["description"], ALL),
    field("invoice_id", &["invoice_id"], ALL),
    field("items", &["items"], ALL),
    field("payee/email", &["payee", "email_address"], &[Replace]),
    field("payment_instruction", &["payment_instruction"], &[Replace]),
    field("payment_instruction/disbursement_mode", &["payment_instruction", "disbursement_mode"], &[Replace]),
    field("payment_instruction/platform_fees", &["payment_instruction", "platform_fees"], ALL),
    field("shipping/address", &["shipping", "address"], SET),
    field("shipping/email_address", &["shipping", "email_address"], SET),
    field("shipping/name", &["shipping", "name"], SET),
    field("shipping/options", &["shipping", "options"], SET),
    field("shipping/phone_number", &["shipping", "phone_number"], SET),
    field("shipping/type", &["shipping", "type"], SET),
    field("soft_descriptor", &["soft_descriptor"], &[Replace, Remove]),
    field("supplementary_data/airline", &["supplementary_data", "airline"], ALL),
    field("supplementary_data/card", &["supplementary_data", "card"], ALL),
];

impl PatchTarget {
    /// Reads a path; an error is PayPal's issue. The documentation does not say which issue an unlisted path has: here
    /// it is a wrong format if it has not the documented form, and otherwise not patchable.
    pub(super) fn read(path: &str) -> Result<Self, &'static str> {
        const MALFORMED: &str = "INVALID_JSON_POINTER_FORMAT";
        let pointer = path.strip_prefix('/').ok_or(MALFORMED)?;
        let Some(unit) = pointer.strip_prefix("purchase_units") else {
            return match pointer {
                "intent" => Ok(Self::Intent),
                "payer" => Ok(Self::Payer),
                "" => Err(MALFORMED),
                _ => Err("NOT_PATCHABLE"),
            };
        };
        let unit = unit.strip_prefix("/@reference_id=='").ok_or(MALFORMED)?;
        match (unit.split_once("'/"), unit.strip_suffix('\'')) {
            (Some(("", _)), _) | (None, None | Some("")) => Err(MALFORMED),
            (Some((reference, field)), _) => {
                let known = UNIT_FIELDS.iter().find(|known| known.path == field);
                known.map(|field| Self::UnitField(reference.to_owned(), field)).ok_or("NOT_PATCHABLE")
            }
            (None, Some(reference)) => Ok(Self::Unit(reference.to_owned())),
        }
    }

    pub(super) fn allows(&self, operation: OperationKind) -> bool {
        match self {
            Self::Intent => operation == Replace,
            Self::Payer | Self::Unit(_) => SET.contains(&operation),
            Self::UnitField(_, field) => field.operations.contains(&operation),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_names_a_part_of_the_order_or_is_refused() {
        let field = |path: &str| UNIT_FIELDS.iter().find(|field| field.path == path).unwrap();
        for (path, target) in [
            ("/intent", Ok(PatchTarget::Intent)),
            ("/payer", Ok(PatchTarget::Payer)),
            ("/purchase_units/@reference_id=='default'", Ok(PatchTarget::Unit("default".to_owned()))),
            (
                "/purchase_units/@reference_id=='it's'/shipping/name",
                Ok(PatchTarget::UnitField("it's".to_owned(), field("shipping/name"))),
            ),
            ("/status", Err("NOT_PATCHABLE")),
            ("/purchase_units/@reference_id=='a'/shipping", Err("NOT_PATCHABLE")),
            ("/purchase_units/@reference_id=='a'/", Err("NOT_PATCHABLE")),
            ("", Err("INVALID_JSON_POINTER_FORMAT")),
            ("/", Err("INVALID_JSON_POINTER_FORMAT")),
            ("intent", Err("INVALID_JSON_POINTER_FORMAT")),
            ("/purchase_units", Err("INVALID_JSON_POINTER_FORMAT")),
            ("/purchase_units/0/amount", Err("INVALID_JSON_POINTER_FORMAT")),
            ("/purchase_units/@reference_id==default/amount", Err("INVALID_JSON_POINTER_FORMAT")),
            ("/purchase_units/@reference_id==''/amount", Err("INVALID_JSON_POINTER_FORMAT")),
            ("/purchase_units/@reference_id=='", Err("INVALID_JSON_POINTER_FORMAT")),
        ] {
            assert_eq!(PatchTarget::read(path), target, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_read_or_refused_without_a_panic(path in "[/a-z@='_]{0,60}") {
            let _ = PatchTarget::read(&path);
        }
    }
}
