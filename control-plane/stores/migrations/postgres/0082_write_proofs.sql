-- What readiness writes where nothing else was written lately: that the database takes writes is proved by one.
CREATE TABLE write_proofs (
    id     integer PRIMARY KEY CHECK (id = 1),
    proofs bigint NOT NULL
);
