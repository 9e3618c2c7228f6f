-- Packs that are paid by card. `state`: 0 open, 1 paid, 2 given back, 3 the money went back and the coins are spent, 4 some of
-- the money went back. `seen` by the person in 1 and 2, by the creator in 3 and 4.
CREATE TABLE card_order (
    room    TEXT NOT NULL,
    id      TEXT NOT NULL,
    purse   TEXT NOT NULL,
    nonce   TEXT NOT NULL,
    at      BIGINT NOT NULL,
    -- As JSON.
    pack    TEXT NOT NULL,
    -- The payment service's names for the page and for the payment.
    session TEXT,
    payment TEXT,
    state   BIGINT NOT NULL,
    seen    BIGINT NOT NULL,
    PRIMARY KEY (room, id)
);
CREATE UNIQUE INDEX card_order_request ON card_order (room, purse, nonce);
CREATE UNIQUE INDEX card_order_session ON card_order (session) WHERE session IS NOT NULL;
CREATE INDEX card_order_payment ON card_order (room, payment) WHERE payment IS NOT NULL;
CREATE INDEX card_order_open ON card_order (room, at) WHERE state = 0;
CREATE INDEX card_order_odd ON card_order (room, at) WHERE state > 2;
