-- Schema version 7: when a device was let through to its mailbox last, so that what it was refused before is known to be over.
ALTER TABLE device ADD COLUMN last_passed_at INTEGER; -- exact to 15 minutes, and exactly after an event; NULL: never
-- Up to now a device that was seen later than it was refused counted as let through.
UPDATE device SET last_passed_at = last_seen_at WHERE provisioned_key IS NOT NULL;
