DROP TABLE invite_use;
DROP TABLE invite;
