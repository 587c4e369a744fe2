-- Schema version 4: groups of users, and policies for them.

-- Who is in which group, as the groups file or a trusted proxy said last.
CREATE TABLE user_group (
    user TEXT NOT NULL, -- the signed-in user, in ASCII lower case
    name TEXT NOT NULL, -- the group, in ASCII lower case
    PRIMARY KEY (user, name)
) STRICT, WITHOUT ROWID;

-- The table is made anew: its check knew no groups. A device's own assignment counts before its user's, that before those
-- of the user's groups, and those before the default.
CREATE TABLE assignment_with_groups (
    target     TEXT    NOT NULL CHECK (target IN ('default', 'user', 'group', 'device')),
    user       TEXT    NOT NULL, -- '' for the default and a group
    device_id  TEXT    NOT NULL, -- '' unless the target is a device
    group_name TEXT    NOT NULL, -- '' unless the target is a group
    policy     TEXT    NOT NULL REFERENCES policy (name),
    priority   INTEGER,          -- of a group: the lowest of a user's groups decides; NULL for all others
    PRIMARY KEY (target, user, device_id, group_name)
) STRICT, WITHOUT ROWID;
INSERT INTO assignment_with_groups SELECT target, user, device_id, '', policy, NULL FROM assignment;
DROP TABLE assignment;
ALTER TABLE assignment_with_groups RENAME TO assignment;
-- Finds out whether a policy is in use before it is deleted.
CREATE INDEX assignment_policy ON assignment (policy);

-- More kinds of changes: group_assignment, and user_groups for what groups a user is in.
ALTER TABLE change ADD COLUMN group_name TEXT; -- the group of an assignment
