-- Schema version 6: what an event is about, and who did it from where.
ALTER TABLE event ADD COLUMN policy        TEXT; -- the policy's name
ALTER TABLE event ADD COLUMN rule          TEXT; -- the access rule that decided
ALTER TABLE event ADD COLUMN administrator TEXT; -- who did it; NULL when no administrator did
ALTER TABLE event ADD COLUMN address       TEXT; -- from which address, where that is known

-- The recordings of single devices: at most one each, dropped a day after its end.
CREATE TABLE trace (
    user      TEXT    NOT NULL,
    device_id TEXT    NOT NULL,
    begun_at  INTEGER NOT NULL,
    until     INTEGER NOT NULL, -- nothing is recorded after this
    PRIMARY KEY (user, device_id)
) STRICT, WITHOUT ROWID;

-- What was recorded: a request and its answer, decoded, without keys and passwords.
CREATE TABLE trace_message (
    user       TEXT    NOT NULL,
    device_id  TEXT    NOT NULL,
    number     INTEGER NOT NULL, -- from 1
    at         INTEGER NOT NULL,
    request_id TEXT    NOT NULL, -- as in the log
    head       TEXT    NOT NULL, -- what was asked and answered, in a line
    request    TEXT,             -- the request's document, where asprov reads it
    answer     TEXT,             -- the answer's document, where asprov makes it
    PRIMARY KEY (user, device_id, number),
    FOREIGN KEY (user, device_id) REFERENCES trace (user, device_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
