-- Schema version 2: rules about whole kinds of devices, and the default level.

-- A rule. Its text is read when it is used; one that cannot be read makes the store count as damaged, so that nobody who
-- is to stay out gets in.
CREATE TABLE access_rule (
    name TEXT NOT NULL PRIMARY KEY, -- 1 to 64 of A-Z a-z 0-9 - _ .
    rule TEXT NOT NULL              -- such as: block if OS < "iOS 17" because "no updates any more"
) STRICT, WITHOUT ROWID;

-- What becomes of a device that no rule is about, and a number that grows with every write to the two tables, whoever
-- wrote.
CREATE TABLE access_default (
    only     INTEGER NOT NULL PRIMARY KEY CHECK (only = 1), -- there is one row
    level    TEXT    NOT NULL,                              -- allowed, blocked or quarantined
    revision INTEGER NOT NULL                               -- the number
) STRICT;
INSERT INTO access_default VALUES (1, 'allowed', 1);
CREATE TRIGGER access_rule_inserted AFTER INSERT ON access_rule
BEGIN UPDATE access_default SET revision = revision + 1; END;
CREATE TRIGGER access_rule_updated AFTER UPDATE ON access_rule
BEGIN UPDATE access_default SET revision = revision + 1; END;
CREATE TRIGGER access_rule_deleted AFTER DELETE ON access_rule
BEGIN UPDATE access_default SET revision = revision + 1; END;
CREATE TRIGGER access_default_updated AFTER UPDATE OF level ON access_default
BEGIN UPDATE access_default SET revision = revision + 1; END;
