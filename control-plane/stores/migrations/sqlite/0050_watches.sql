-- Payments that wait for their payer, their capture or a refund that is due, and when each is looked at again. A table of
-- its own: `payments` keeps its columns, so that an older release can go on reading it.
CREATE TABLE watches (
    payment  TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    due_at   INTEGER NOT NULL
);
CREATE INDEX watches_due ON watches (due_at);

-- What waits already is looked at within the next hours, a little of it at a time.
INSERT INTO watches (payment, provider, due_at)
SELECT id, provider, updated_at + 3600000000 FROM payments WHERE state IN ('requires_action', 'authorized');
