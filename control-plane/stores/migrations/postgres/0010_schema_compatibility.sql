-- The newest migration of the oldest control plane that may still serve this schema. A migration that takes away what
-- older control planes need raises it; they then refuse to start, and say why.
CREATE TABLE schema_compatibility (
    only_row             boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    oldest_control_plane bigint  NOT NULL
);
INSERT INTO schema_compatibility (oldest_control_plane) VALUES (10);
