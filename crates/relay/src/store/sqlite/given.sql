-- Version 8: what one purse has given in all. Coins that are added to a day do not touch the index.
CREATE INDEX given_purse ON given (room, purse);
