-- How far each dispute has come and how it ended. Beside the disputes rather than among their columns, so that a
-- release which does not know of it goes on with them while both run.
CREATE TABLE dispute_progress (
    provider     TEXT NOT NULL,
    id           TEXT NOT NULL,
    stage        TEXT NOT NULL CHECK (stage IN ('inquiry', 'open', 'review', 'closed')),
    outcome      TEXT CHECK (outcome IN ('other', 'withdrawn', 'prevented', 'won', 'lost')),
    -- the provider's word for the outcome
    outcome_code TEXT,
    -- when the dispute changed last, where the provider tells
    changed_at   INTEGER,
    PRIMARY KEY (provider, id),
    CHECK ((outcome IS NULL) = (outcome_code IS NULL)),
    CHECK (outcome IS NULL OR stage = 'closed')
) STRICT, WITHOUT ROWID;

-- Stripe's status says how a dispute ended. Those of PayPal learn it when their last event is replayed.
INSERT INTO dispute_progress (provider, id, stage, outcome, outcome_code)
SELECT provider, id, 'closed', CASE status WHEN 'warning_closed' THEN 'withdrawn' ELSE status END, status
FROM disputes
WHERE provider = 'stripe' AND closed_at IS NOT NULL AND status IN ('won', 'lost', 'prevented', 'warning_closed');
