-- Schema version 5: what a device proves itself by when its account was disabled or its password changed.

-- A keyed hash of the credentials that were accepted last; the key is in a file outside the store. A table of its own, so
-- that it is written outside the device's revision and read without the rest of the row. It goes with the device.
CREATE TABLE device_proof (
    user        TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    credentials BLOB NOT NULL, -- HMAC-SHA-256, 32 bytes
    PRIMARY KEY (user, device_id),
    FOREIGN KEY (user, device_id) REFERENCES device (user, device_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
