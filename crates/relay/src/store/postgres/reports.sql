-- What people report, and what became of it. `state`: 0 waits, 1 acted upon, 2 dismissed, 3 neither counts.
CREATE TABLE report (
    room    TEXT NOT NULL,
    message BIGINT NOT NULL,
    person  TEXT NOT NULL,
    at      BIGINT NOT NULL,
    ground  TEXT NOT NULL,
    words   TEXT NOT NULL,
    weight  BIGINT NOT NULL,
    state   BIGINT NOT NULL,
    PRIMARY KEY (room, message, person)
);
CREATE INDEX report_person ON report (person, at);
CREATE INDEX report_open ON report (room, message) WHERE state = 0;

-- Steps up the ladder, each under the event that took it.
CREATE TABLE penalty (
    room    TEXT NOT NULL,
    seq     BIGINT NOT NULL,
    person  TEXT NOT NULL,
    at      BIGINT NOT NULL,
    message BIGINT NOT NULL,
    PRIMARY KEY (room, seq)
);
CREATE INDEX penalty_person ON penalty (room, person);
