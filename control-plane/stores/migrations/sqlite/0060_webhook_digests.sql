-- SHA-256 of each event's body as it came: what the provider signed. The body itself is kept without card data and
-- secrets since then. NULL of events stored by an earlier release.
ALTER TABLE webhook_events ADD COLUMN body_sha256 BLOB;
