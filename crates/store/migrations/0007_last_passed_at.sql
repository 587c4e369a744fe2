-- Schema version 7: when a device was let through to its mailbox last, so that what it was refused before is known to be over.
ALTER TABLE device ADD COLUMN last_passed_at INTEGER; -- exact to 15 minutes, and to the second after an event; NULL: not known
