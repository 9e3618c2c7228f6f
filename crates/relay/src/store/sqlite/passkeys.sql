-- Passkeys by which people sign in to their accounts. `id` is the credential's in base64url, `host` its RP ID, `key` the
-- public COSE key, `counter` what its device counted to when it last signed.
CREATE TABLE passkey (
    id      TEXT PRIMARY KEY,
    person  TEXT NOT NULL,
    host    TEXT NOT NULL,
    key     BLOB NOT NULL,
    counter INTEGER NOT NULL,
    name    TEXT NOT NULL,
    made    INTEGER NOT NULL,
    used    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_person ON passkey (person);
