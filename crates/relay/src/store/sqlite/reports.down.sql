DROP TABLE penalty;
DROP TABLE report;
