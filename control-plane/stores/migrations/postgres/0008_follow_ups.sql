-- When to look after what is not decided, and how often that was done in vain. NULL exactly when it is decided.
ALTER TABLE payments
    ADD COLUMN due_at bigint,
    ADD COLUMN tries bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT payments_state_check,
    ADD CONSTRAINT payments_state_check CHECK (state IN ('created', 'processing', 'queued', 'unknown',
        'requires_action', 'authorized', 'completed', 'captured', 'canceled', 'failed'));
ALTER TABLE refunds
    ADD COLUMN due_at bigint,
    ADD COLUMN tries bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT refunds_state_check,
    ADD CONSTRAINT refunds_state_check
        CHECK (state IN ('processing', 'queued', 'unknown', 'pending', 'processed', 'failed'));

UPDATE payments SET due_at = updated_at WHERE state IN ('created', 'processing', 'unknown');
UPDATE refunds SET due_at = updated_at WHERE state IN ('processing', 'unknown', 'pending');

CREATE INDEX payments_due ON payments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;
