-- When to look after what is not decided, and how often that was done in vain. NULL exactly when it is decided.
ALTER TABLE payments ADD COLUMN due_at INTEGER;
ALTER TABLE payments ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE refunds ADD COLUMN due_at INTEGER;
ALTER TABLE refunds ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;

UPDATE payments SET due_at = updated_at WHERE state IN ('created', 'processing', 'unknown');
UPDATE refunds SET due_at = updated_at WHERE state IN ('processing', 'unknown', 'pending');

CREATE INDEX payments_due ON payments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;

-- One state more: queued. SQLite has no ALTER for a CHECK; widening one touches no row, and this is the way that its
-- documentation gives for that (lang_altertable.html, "Making Other Kinds Of Table Schema Changes").
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''unknown''', '''queued'', ''unknown''')
WHERE type = 'table' AND name IN ('payments', 'refunds');
PRAGMA writable_schema = RESET;
