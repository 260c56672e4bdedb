//! What keeps data although its time is over: money that still depends on it.

/// SQL that holds for a payment `p` that is not decided, waits for its payer or capture, has a refund in flight, or an
/// open dispute.
macro_rules! payment_is_needed {
    () => {
        "(p.due_at IS NOT NULL
          OR p.state IN ('created', 'processing', 'queued', 'unknown', 'requires_action', 'authorized')
          OR EXISTS (SELECT 1 FROM watches AS w WHERE w.payment = p.id)
          OR EXISTS (SELECT 1 FROM refunds AS f WHERE f.payment = p.id AND f.due_at IS NOT NULL)
          OR EXISTS (SELECT 1 FROM disputes AS d
                     LEFT JOIN dispute_progress AS g ON g.provider = d.provider AND g.id = d.id
                     WHERE d.payment = p.id AND d.closed_at IS NULL AND coalesce(g.stage, 'open') <> 'closed'))"
    };
}
pub(super) use payment_is_needed;

/// SQL that holds for an event `t` that is still to be processed, or parked for an operator.
macro_rules! event_is_needed {
    () => {
        "(t.state IN ('received', 'failed'))"
    };
}
pub(super) use event_is_needed;
