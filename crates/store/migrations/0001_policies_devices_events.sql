-- Schema version 1: policies, assignments, devices, events, changes.
--
-- Times are INTEGER microseconds since 1970-01-01 UTC, so that they sort and compare as numbers; to read one:
-- datetime(first_seen_at / 1000000, 'unixepoch'). Texts are compared byte by byte. Flags are 0 and 1.

-- Says whose file this is ('aspr'), so that another program's database is never taken for a store.
PRAGMA application_id = 0x61737072;

-- A policy, without its settings.
CREATE TABLE policy (
    name                       TEXT    NOT NULL PRIMARY KEY, -- 1 to 64 of A-Z a-z 0-9 - _ .
    description                TEXT    NOT NULL,             -- the administrator's words
    allow_non_provisionable    INTEGER NOT NULL,             -- flag: devices that send no policy key pass
    allow_partial              INTEGER NOT NULL,             -- flag: acknowledgment 2 is accepted
    allow_externally_managed   INTEGER NOT NULL,             -- flag: acknowledgment 4 is accepted
    require_device_information INTEGER NOT NULL,             -- flag: Status 165 without DeviceInformation
    refresh_interval           INTEGER                       -- seconds after which a device provisions again; NULL: never
) STRICT, WITHOUT ROWID;

-- What a policy sets: one row for each setting, for a list one row for each entry. An unset setting has no row.
CREATE TABLE policy_setting (
    policy   TEXT    NOT NULL REFERENCES policy (name) ON DELETE CASCADE,
    setting  TEXT    NOT NULL, -- the element's name in EASProvisionDoc
    position INTEGER NOT NULL, -- place in the list, from 0; 0 for everything that is no list
    value    TEXT    NOT NULL, -- as on the wire: 0 or 1, a number, an entry
    PRIMARY KEY (policy, setting, position)
) STRICT, WITHOUT ROWID;

-- A number that grows with every write to the two tables above, whoever wrote: a decoded policy may be kept in memory
-- as long as it stays the same. Triggers keep it, so that a row changed by hand is noticed too.
CREATE TABLE policy_revision (
    only     INTEGER NOT NULL PRIMARY KEY CHECK (only = 1), -- there is one row
    revision INTEGER NOT NULL                               -- the number
) STRICT;
INSERT INTO policy_revision VALUES (1, 1);
CREATE TRIGGER policy_inserted AFTER INSERT ON policy BEGIN UPDATE policy_revision SET revision = revision + 1; END;
CREATE TRIGGER policy_updated AFTER UPDATE ON policy BEGIN UPDATE policy_revision SET revision = revision + 1; END;
CREATE TRIGGER policy_deleted AFTER DELETE ON policy BEGIN UPDATE policy_revision SET revision = revision + 1; END;
CREATE TRIGGER policy_setting_inserted AFTER INSERT ON policy_setting
BEGIN UPDATE policy_revision SET revision = revision + 1; END;
CREATE TRIGGER policy_setting_updated AFTER UPDATE ON policy_setting
BEGIN UPDATE policy_revision SET revision = revision + 1; END;
CREATE TRIGGER policy_setting_deleted AFTER DELETE ON policy_setting
BEGIN UPDATE policy_revision SET revision = revision + 1; END;

-- Who gets which policy. A device's own counts before its user's, that before the default.
CREATE TABLE assignment (
    target    TEXT NOT NULL CHECK (target IN ('default', 'user', 'device')),
    user      TEXT NOT NULL, -- '' for the default
    device_id TEXT NOT NULL, -- '' unless the target is a device
    policy    TEXT NOT NULL REFERENCES policy (name),
    PRIMARY KEY (target, user, device_id)
) STRICT, WITHOUT ROWID;
-- Finds out whether a policy is in use before it is deleted.
CREATE INDEX assignment_policy ON assignment (policy);

-- A device: the pair of user and DeviceId. A group of columns with a common first word is NULL as a whole or not at all.
CREATE TABLE device (
    user                          TEXT    NOT NULL, -- the signed-in user, in ASCII lower case
    device_id                     TEXT    NOT NULL, -- DeviceId, compared exactly
    device_type                   TEXT    NOT NULL, -- DeviceType, what it said last
    user_agent                    TEXT,             -- the User-Agent header, what it said last
    protocol_version              TEXT    NOT NULL, -- the version it spoke last, such as 16.1
    offer_key                     INTEGER,          -- the temporary policy key that is out
    offer_fingerprint             BLOB,             -- SHA-256 of the offered document
    offer_policy                  TEXT,             -- the offered policy's name
    offer_offered_at              INTEGER,          -- when it was offered first
    provisioned_key               INTEGER,          -- the permanent policy key
    provisioned_fingerprint       BLOB,             -- SHA-256 of the acknowledged document
    provisioned_policy            TEXT,             -- the acknowledged policy's name
    provisioned_acknowledged_at   INTEGER,          -- when the acknowledgment was accepted
    acknowledgment_status         INTEGER,          -- Status of the last acknowledgment, 1 to 4
    acknowledgment_accepted       INTEGER,          -- flag: the policy tolerated it
    acknowledgment_at             INTEGER,          -- when it came
    wipe_kind                     TEXT,             -- device or account
    wipe_state                    TEXT,             -- pending, sent, failed, acknowledged or cancelled
    wipe_reason                   TEXT,             -- the administrator's words
    wipe_requested_at             INTEGER,          -- when it was ordered
    wipe_requested_by             TEXT,             -- who ordered it
    wipe_sent_at                  INTEGER,          -- when the directive went out first; NULL before
    wipe_acknowledged_at          INTEGER,          -- when the device confirmed it; NULL before
    access_state                  TEXT,             -- allowed, blocked or quarantined: the decision about this one device
    access_reason                 TEXT,             -- the administrator's words
    access_decided_by             TEXT,             -- who decided
    model                         TEXT,             -- DeviceInformation: Model
    imei                          TEXT,             -- DeviceInformation: IMEI
    friendly_name                 TEXT,             -- DeviceInformation: FriendlyName
    os                            TEXT,             -- DeviceInformation: OS
    os_language                   TEXT,             -- DeviceInformation: OSLanguage
    phone_number                  TEXT,             -- DeviceInformation: PhoneNumber
    device_information_user_agent TEXT,             -- DeviceInformation: UserAgent
    mobile_operator               TEXT,             -- DeviceInformation: MobileOperator
    enable_outbound_sms           INTEGER,          -- DeviceInformation: EnableOutboundSMS, a flag
    first_seen_at                 INTEGER NOT NULL, -- when it was admitted
    last_seen_at                  INTEGER NOT NULL, -- when it was seen last, exact to 15 minutes, outside the revision
    revision                      INTEGER NOT NULL, -- grows by one with every decision that is kept
    PRIMARY KEY (user, device_id)
) STRICT;
-- Counts the acknowledged devices of a user that came before one, without looking at the others. The key is in it so that
-- SQLite need not look into the rows whether it is there.
CREATE INDEX device_provisioned ON device (user, first_seen_at, device_id, provisioned_key)
WHERE provisioned_key IS NOT NULL;
-- Finds the rows that are dropped after a week.
CREATE INDEX device_never_acknowledged ON device (first_seen_at)
WHERE provisioned_key IS NULL AND acknowledgment_at IS NULL AND wipe_kind IS NULL AND access_state IS NULL;

-- What happened to a device. There is no reference to the device: events outlive it.
CREATE TABLE event (
    user      TEXT    NOT NULL,
    device_id TEXT    NOT NULL,
    number    INTEGER NOT NULL, -- place in this device's history, rising
    kind      TEXT    NOT NULL, -- such as policy_offered
    scope     TEXT,             -- the table that the code belongs to, such as provision; NULL without a code
    code      INTEGER,          -- the Status
    command   TEXT,             -- the command it happened to, such as FolderSync
    detail    TEXT    NOT NULL, -- what only this event knows
    first_at  INTEGER NOT NULL, -- when it happened first
    last_at   INTEGER NOT NULL, -- when it happened last
    count     INTEGER NOT NULL, -- how often, without another event between
    PRIMARY KEY (user, device_id, number)
) STRICT, WITHOUT ROWID;

-- What every node has to look at again. AUTOINCREMENT: a number is never used twice, even after the oldest are gone.
CREATE TABLE change (
    sequence  INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind      TEXT    NOT NULL, -- device, policy, or the target of an assignment: default_assignment, user_..., device_...
    user      TEXT,             -- the device's or the assignment's user
    device_id TEXT,             -- the device's or the assignment's DeviceId
    policy    TEXT              -- the policy's name
) STRICT;

-- A new store has a policy that asks for nothing and tolerates everything, for everybody: devices provision, inventory
-- and wipes work, and nobody notices.
INSERT INTO policy VALUES ('default', '', 1, 1, 1, 1, NULL);
INSERT INTO assignment VALUES ('default', '', '', 'default');
