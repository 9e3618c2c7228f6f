DROP TABLE follow;
