-- Accounts. `hash` is the password's, with salt and cost; tokens of a generation before `generation` are good no longer.
-- What is left of an erased person's is under the name of their purse: that their tokens are no good.
CREATE TABLE login (
    person     TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    skeleton   TEXT NOT NULL UNIQUE,
    hash       BLOB NOT NULL,
    made       INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
