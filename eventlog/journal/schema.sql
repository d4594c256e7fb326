-- The journal, who it is, and how far each view has come. The views' own tables are theirs.
-- Every table is STRICT; what may never happen to a record is refused here, whoever asks.

-- One append-only table of records. Columns are those of docs/format.md.
CREATE TABLE journal (
    position     INTEGER PRIMARY KEY,
    event_id     INTEGER CHECK (event_id > 0),
    kind         TEXT    NOT NULL,
    version      INTEGER NOT NULL CHECK (version > 0),
    format       INTEGER NOT NULL CHECK (format > 0),
    appended_at  INTEGER NOT NULL,
    append_index INTEGER NOT NULL CHECK (append_index >= 0),
    append_size  INTEGER NOT NULL CHECK (append_size > append_index),
    key          TEXT,
    meta         BLOB,
    body         BLOB    NOT NULL,
    hash         BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Serves the look-up of an idempotency key.
CREATE UNIQUE INDEX journal_key ON journal (key) WHERE key IS NOT NULL;

-- Serves the story of one event, and the next event's id.
CREATE INDEX journal_event_id ON journal (event_id) WHERE event_id IS NOT NULL;

-- Holds no row. A blob handle writes past every trigger, but not into a column with an index.
CREATE INDEX journal_no_blob_handle ON journal (meta, body, hash) WHERE position < 0;

-- INSERT OR REPLACE deletes through any unique value without firing a DELETE trigger, so an
-- insert is refused before it begins unless it is the next position and brings no known key.
CREATE TRIGGER journal_append_only BEFORE INSERT ON journal
WHEN NEW.position IS NOT (SELECT ifnull(max(position), 0) + 1 FROM journal)
    OR (NEW.key IS NOT NULL AND EXISTS (SELECT 1 FROM journal WHERE key = NEW.key))
BEGIN
    SELECT CASE
        WHEN NEW.position IS NOT (SELECT ifnull(max(position), 0) + 1 FROM journal)
        THEN raise(ABORT, 'journal: a record takes the position after the last one')
        ELSE raise(ABORT, 'journal: the key stands in the journal already')
    END;
END;

CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN
    SELECT raise(ABORT, 'journal: a record is never changed');
END;

CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN
    SELECT raise(ABORT, 'journal: a record is never deleted');
END;

-- Who this log is: 16 random bytes, before position 1 in the chain of hashes. An import may
-- put another log's id here while the journal is empty.
CREATE TABLE log (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    log_id BLOB NOT NULL CHECK (length(log_id) = 16)
) STRICT;

CREATE INDEX log_no_blob_handle ON log (log_id) WHERE one < 0;

CREATE TRIGGER log_insert_once BEFORE INSERT ON log WHEN EXISTS (SELECT 1 FROM log)
BEGIN
    SELECT raise(ABORT, 'log: a log has one id');
END;

CREATE TRIGGER log_no_update BEFORE UPDATE ON log WHEN EXISTS (SELECT 1 FROM journal)
BEGIN
    SELECT raise(ABORT, 'log: the id of a log with records is never changed');
END;

CREATE TRIGGER log_no_delete BEFORE DELETE ON log
BEGIN
    SELECT raise(ABORT, 'log: the id of a log is never deleted');
END;

-- The last position that each view has applied, and the version of the view that applied it.
CREATE TABLE checkpoints (
    view     TEXT    PRIMARY KEY,
    version  INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0)
) STRICT;

-- Records that a view could not apply, kept aside with the reason.
CREATE TABLE parked (
    view     TEXT    NOT NULL,
    position INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (view, position)
) STRICT, WITHOUT ROWID;
