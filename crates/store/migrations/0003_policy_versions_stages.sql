-- Schema version 3: what policies said before, what they are going to say, and policies that only report.

ALTER TABLE policy ADD COLUMN report_only INTEGER NOT NULL DEFAULT 0; -- flag: refuse nobody, record what would be refused

-- What a policy said when it was saved. There is no reference to the policy: its history outlives it.
CREATE TABLE policy_version (
    policy                     TEXT    NOT NULL, -- the policy's name
    number                     INTEGER NOT NULL, -- from 1, rising; the highest is what the policy says now, unless it is gone
    saved_at                   INTEGER,          -- when it was saved; NULL: nobody knows
    saved_by                   TEXT    NOT NULL, -- who saved it; '': nobody knows
    note                       TEXT    NOT NULL, -- how it came to be, such as: rolled back to version 3
    description                TEXT    NOT NULL, -- from here on as in policy
    allow_non_provisionable    INTEGER NOT NULL,
    allow_partial              INTEGER NOT NULL,
    allow_externally_managed   INTEGER NOT NULL,
    require_device_information INTEGER NOT NULL,
    refresh_interval           INTEGER,
    report_only                INTEGER NOT NULL,
    settings                   TEXT    NOT NULL, -- a line Element=value for each setting, for a list one for each entry
    PRIMARY KEY (policy, number)
) STRICT, WITHOUT ROWID;

-- What is there is the first version of each policy.
INSERT INTO policy_version
SELECT name, 1, NULL, '', '', description, allow_non_provisionable, allow_partial, allow_externally_managed,
    require_device_information, refresh_interval, report_only,
    coalesce((SELECT group_concat(line, char(10)) FROM (
        SELECT setting || '=' || value AS line FROM policy_setting WHERE policy = name ORDER BY setting, position)), '')
FROM policy;

-- What a policy is going to say, and the devices to which it says so already.
CREATE TABLE policy_stage (
    policy                     TEXT    NOT NULL PRIMARY KEY REFERENCES policy (name) ON DELETE CASCADE,
    group_name                 TEXT,             -- the group whose users' devices get it, or NULL
    share                      INTEGER,          -- per cent of all devices that get it, or NULL
    staged_at                  INTEGER,          -- when it was staged; NULL: nobody knows
    staged_by                  TEXT    NOT NULL, -- who staged it; '': nobody knows
    description                TEXT    NOT NULL, -- from here on as in policy_version
    allow_non_provisionable    INTEGER NOT NULL,
    allow_partial              INTEGER NOT NULL,
    allow_externally_managed   INTEGER NOT NULL,
    require_device_information INTEGER NOT NULL,
    refresh_interval           INTEGER,
    report_only                INTEGER NOT NULL,
    settings                   TEXT    NOT NULL,
    CHECK ((group_name IS NULL) <> (share IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER policy_stage_inserted AFTER INSERT ON policy_stage
BEGIN UPDATE policy_revision SET revision = revision + 1; END;
CREATE TRIGGER policy_stage_updated AFTER UPDATE ON policy_stage
BEGIN UPDATE policy_revision SET revision = revision + 1; END;
CREATE TRIGGER policy_stage_deleted AFTER DELETE ON policy_stage
BEGIN UPDATE policy_revision SET revision = revision + 1; END;
