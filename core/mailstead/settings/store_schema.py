"""The tables of the store, by format: each format adds to the one before.

A store of an older format is brought up to date when it is opened, in one transaction; one of
a newer format is refused. What a format was is never changed afterwards.
"""

from __future__ import annotations

SETTINGS = (
    """CREATE TABLE running (section TEXT NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL,
    value TEXT NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (section, key, field)) WITHOUT ROWID""",
    """CREATE TABLE draft (section TEXT NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL,
    value TEXT, who TEXT NOT NULL, at REAL NOT NULL, origin TEXT NOT NULL,
    PRIMARY KEY (section, key, field)) WITHOUT ROWID""",
    """CREATE TABLE revisions (number INTEGER NOT NULL PRIMARY KEY, who TEXT NOT NULL,
    at REAL NOT NULL, origin TEXT NOT NULL, comment TEXT NOT NULL, plan TEXT NOT NULL)
    WITHOUT ROWID""",
    """CREATE TABLE changes (revision INTEGER NOT NULL REFERENCES revisions (number),
    section TEXT NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL, old TEXT, new TEXT,
    who TEXT NOT NULL, at REAL NOT NULL, origin TEXT NOT NULL,
    PRIMARY KEY (revision, section, key, field)) WITHOUT ROWID""",
    """CREATE TABLE owned_files (path TEXT NOT NULL PRIMARY KEY, module TEXT NOT NULL,
    sha256 TEXT NOT NULL, mode INTEGER NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE consents (module TEXT NOT NULL, path TEXT NOT NULL, who TEXT NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (module, path)) WITHOUT ROWID""",
)
TRANSACTION = (
    # base is the digest of what we rendered; sha256 is that of what a save left on the disk,
    # which differs where an admin's edit was kept or merged (choice, since, who).
    "ALTER TABLE owned_files ADD COLUMN base TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE owned_files ADD COLUMN choice TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE owned_files ADD COLUMN since REAL NOT NULL DEFAULT 0",
    "ALTER TABLE owned_files ADD COLUMN who TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE owned_files ADD COLUMN secret INTEGER NOT NULL DEFAULT 0",
    "UPDATE owned_files SET base = sha256",
    # The contents of files by digest; what was on the disk, revision by revision.
    "CREATE TABLE contents (sha256 TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE file_versions (path TEXT NOT NULL, module TEXT NOT NULL,
    sha256 TEXT NOT NULL, mode INTEGER NOT NULL, revision INTEGER NOT NULL, base TEXT NOT NULL,
    choice TEXT NOT NULL, since REAL NOT NULL, who TEXT NOT NULL, secret INTEGER NOT NULL,
    PRIMARY KEY (path, revision)) WITHOUT ROWID""",
    "INSERT INTO file_versions SELECT * FROM owned_files",
    "CREATE INDEX file_versions_by_revision ON file_versions (revision)",
    # What an admin decided about a hand edit; it holds for just this content of the file.
    """CREATE TABLE decisions (path TEXT NOT NULL PRIMARY KEY, choice TEXT NOT NULL,
    sha256 TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID""",
    # The journal: a save and its steps. Steps are dropped once the save has ended.
    """CREATE TABLE saves (id INTEGER PRIMARY KEY AUTOINCREMENT, format INTEGER NOT NULL,
    phase TEXT NOT NULL, plan TEXT NOT NULL, base INTEGER NOT NULL, revision INTEGER,
    who TEXT NOT NULL, origin TEXT NOT NULL, at REAL NOT NULL, reason TEXT NOT NULL DEFAULT '',
    commands TEXT NOT NULL DEFAULT '[]', confirm TEXT)""",
    """CREATE INDEX saves_open ON saves (id) WHERE phase IN
    ('prepared', 'confirming', 'needs operator')""",
    """CREATE TABLE steps (save INTEGER NOT NULL REFERENCES saves (id), number INTEGER NOT NULL,
    data TEXT NOT NULL, checksum TEXT NOT NULL, begun INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (save, number)) WITHOUT ROWID""",
    # Plans that were shown, so that a save that finds another one can say what moved.
    """CREATE TABLE plans (id TEXT NOT NULL PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL,
    data TEXT NOT NULL) WITHOUT ROWID""",
    # Who did what; each row's hash covers the row before.
    """CREATE TABLE audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL,
    who TEXT NOT NULL, origin TEXT NOT NULL, event TEXT NOT NULL, subject TEXT NOT NULL,
    old TEXT, new TEXT, hash TEXT NOT NULL)""",
    """CREATE INDEX audit_ends ON audit (seq) WHERE event IN
    ('saved', 'discarded', 'reverted')""",
)
HISTORY = (
    # Which revision a plan became, how the save of a revision ended, and which became none.
    "CREATE INDEX revisions_by_plan ON revisions (plan)",
    "CREATE INDEX saves_by_revision ON saves (revision, base)",
    # Revisions that pruning keeps, and the first one that each pruning kept whole.
    """CREATE TABLE pins (revision INTEGER NOT NULL PRIMARY KEY REFERENCES revisions (number),
    why TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE prunings (first INTEGER NOT NULL PRIMARY KEY, who TEXT NOT NULL,
    at REAL NOT NULL) WITHOUT ROWID""",
)
HAND_EDITS = (
    # What was rendered when it was decided, and whose side is taken where a merge conflicts.
    "ALTER TABLE decisions ADD COLUMN ours TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE decisions ADD COLUMN conflicts TEXT NOT NULL DEFAULT ''",
)
USES = (
    # Whether any row of a table sets a field, however many rows there are.
    "CREATE INDEX running_by_field ON running (section, field)",
)
FORMATS = (SETTINGS, TRANSACTION, HISTORY, HAND_EDITS, USES)
