-- The newest migration of the oldest control plane that may still serve this schema. A migration that takes away what
-- older control planes need raises it; they then refuse to start, and say why.
CREATE TABLE schema_compatibility (
    only_row             INTEGER PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    oldest_control_plane INTEGER NOT NULL
) STRICT;
INSERT INTO schema_compatibility (oldest_control_plane) VALUES (10);
