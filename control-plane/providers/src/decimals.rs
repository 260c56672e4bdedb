//! Exact conversion of amounts between numbers of decimals.

/// Converts `amount` from `from` to `to` decimals; `None` if a fraction would be lost, or if the result does not fit.
pub(super) fn rescale(amount: u64, from: u32, to: u32) -> Option<u64> {
    let factor = 10_u64.checked_pow(from.abs_diff(to))?;
    if to >= from {
        amount.checked_mul(factor)
    } else {
        amount.is_multiple_of(factor).then_some(amount / factor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fraction_is_never_dropped() {
        assert_eq!(rescale(500, 2, 0), Some(5));
        assert_eq!(rescale(501, 2, 0), None);
        assert_eq!(rescale(5, 0, 2), Some(500));
        assert_eq!(rescale(u64::MAX, 0, 2), None);
        assert_eq!(rescale(1, 0, 99), None);
    }

    proptest! {
        #[test]
        fn scaling_up_and_down_again_changes_nothing(amount in 0_u64..100_000_000, from in 0_u32..5, to in 0_u32..5) {
            if let Some(scaled) = rescale(amount, from, to) {
                prop_assert_eq!(rescale(scaled, to, from), Some(amount));
            }
        }
    }
}
