-- Schema version 4: what an event is about, and who did it from where.
ALTER TABLE event ADD COLUMN policy        TEXT; -- the policy's name
ALTER TABLE event ADD COLUMN rule          TEXT; -- the access rule that decided
ALTER TABLE event ADD COLUMN administrator TEXT; -- who did it; NULL when no administrator did
ALTER TABLE event ADD COLUMN address       TEXT; -- from which address, where that is known
