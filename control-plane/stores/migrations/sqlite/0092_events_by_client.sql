-- What a client reads of the event log, in order. There is one writer, so `seq` is the order of commits.
CREATE INDEX events_by_client ON events (client, seq);
