DROP INDEX given_purse;
