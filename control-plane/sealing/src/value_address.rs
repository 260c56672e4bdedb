//! What a sealed value is bound to.

use crate::DataKeyId;

/// Where a value is stored. A value opens only at its own address, so that one with access to the database cannot make
/// the gateway act on another payment's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueAddress<'a> {
    pub table: &'static str,
    pub column: &'static str,
    /// What identifies the row for good.
    pub row: &'a str,
}

impl ValueAddress<'_> {
    /// The additional data of the cipher. Each part follows its length, so that no two addresses have the same bytes.
    /// The data key's id is part of it: keys of the same bytes under two ids would otherwise pass as one.
    pub(crate) fn bytes(&self, key: DataKeyId) -> Vec<u8> {
        let key = key.digits();
        let [label, table, column, row] = [LABEL, self.table, self.column, self.row].map(str::as_bytes);
        let parts = [label, table, column, row, &key];
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
        for part in parts {
            // Longer than any name or id by far.
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// Nothing else that these keys seal begins with it.
const LABEL: &str = "payment gateway: stored values, version 1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_addresses_are_the_same_bytes() {
        let key = DataKeyId::from_bytes([1; 8]);
        let address = |table, column, row| ValueAddress { table, column, row }.bytes(key);
        let addresses = [
            address("payments", "detail", "txn_1"),
            address("payments", "detail", "txn_2"),
            address("payments", "request", "txn_1"),
            address("refunds", "detail", "txn_1"),
            // The same letters, cut elsewhere.
            address("payments", "detailtxn_1", ""),
            address("paymentsdetail", "", "txn_1"),
            ValueAddress { table: "payments", column: "detail", row: "txn_1" }
                .bytes(DataKeyId::from_bytes([2; 8])),
        ];
        for (n, one) in addresses.iter().enumerate() {
            assert!(addresses[n + 1..].iter().all(|other| other != one));
        }
    }
}
