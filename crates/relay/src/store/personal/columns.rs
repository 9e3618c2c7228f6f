//! Every column of every table, as somebody's or as nobody's.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Something of the person whose row it is.
    Personal,
    /// Something of theirs that others wrote in confidence: the owner sees it, they do not.
    Confidential,
    /// Nothing of anybody; the word says what.
    Other(&'static str),
}

/// What becomes of a person's rows when they are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Erased {
    /// They go.
    Go,
    /// They keep their place in the room's order and say nothing any more.
    Emptied,
    /// They stay: what they are under cannot be led back to the person.
    Unlinked,
}

pub(super) struct Table {
    pub(super) name: &'static str,
    /// Which rows are a person's: `?1` is their id, `?2` what of their id stands in JSON, `?3` their account in the books,
    /// `?4` the name that it has there. None: no row is anybody's.
    pub(super) whose: Option<(&'static str, Erased)>,
    pub(super) columns: &'static [(&'static str, Holds)],
}

use Erased::{Emptied, Go, Unlinked};
use Holds::{Confidential, Other, Personal};

/// In the order in which they are emptied: what is found by events goes before them.
pub(super) const TABLES: [Table; 39] = [
    Table {
        name: "held",
        whose: Some((
            "seq IN (SELECT event.seq FROM event WHERE event.room = held.room AND event.by = ?1)",
            Go,
        )),
        columns: &[("room", Personal), ("seq", Personal), ("raid", Personal), ("state", Personal)],
    },
    Table {
        name: "paid",
        whose: Some((
            "seq IN (SELECT event.seq FROM event WHERE event.room = paid.room AND event.by = ?1)",
            Go,
        )),
        columns: &[("room", Personal), ("seq", Personal), ("until", Personal)],
    },
    Table {
        name: "event",
        whose: Some(("by = ?1 OR body LIKE ?2", Emptied)),
        columns: &[
            ("room", Personal),
            ("seq", Personal),
            ("at", Personal),
            ("body", Personal),
            ("by", Personal),
            ("nonce", Personal),
            ("deleted", Personal),
        ],
    },
    Table {
        name: "person",
        whose: Some(("id = ?1", Go)),
        columns: &[("id", Personal), ("name", Personal), ("at", Personal), ("first", Personal)],
    },
    Table {
        name: "login",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("person", Personal),
            ("name", Personal),
            ("skeleton", Personal),
            ("hash", Other("of a password, which nobody is to be told")),
            ("made", Personal),
            ("generation", Personal),
        ],
    },
    Table {
        name: "passkey",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("id", Personal),
            ("person", Personal),
            ("host", Personal),
            ("key", Other("a public key, by which nothing can be done but check its signatures")),
            ("counter", Personal),
            ("name", Personal),
            ("made", Personal),
            ("used", Personal),
        ],
    },
    Table {
        name: "avatar",
        whose: Some(("person = ?1", Go)),
        columns: &[("person", Personal), ("picture", Personal), ("image", Personal), ("hidden", Personal)],
    },
    Table {
        name: "former_name",
        whose: Some(("person = ?1", Go)),
        columns: &[("person", Personal), ("name", Personal), ("until", Personal)],
    },
    Table {
        name: "act",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("person", Personal), ("seq", Personal)],
    },
    Table {
        name: "visit",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("person", Personal), ("watched", Personal), ("messages", Personal)],
    },
    Table {
        name: "note",
        // Theirs are those about them, and those that they wrote.
        whose: Some(("person = ?1 OR by = ?1", Go)),
        columns: &[
            ("id", Confidential),
            ("room", Confidential),
            ("person", Confidential),
            ("by", Confidential),
            ("at", Confidential),
            ("text", Confidential),
        ],
    },
    Table {
        name: "sanction",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("person", Personal), ("until", Personal)],
    },
    Table {
        name: "standing",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("person", Personal), ("mark", Personal)],
    },
    Table {
        name: "invite_use",
        whose: Some(("person = ?1", Go)),
        columns: &[("invite", Personal), ("person", Personal), ("at", Personal)],
    },
    Table {
        name: "invite",
        whose: None,
        columns: &[
            ("id", Other("of a link")),
            ("room", Other("the owner's room")),
            ("role", Other("that it gives")),
            ("label", Other("what the owner calls it")),
            ("hash", Other("of a secret")),
            ("made", Other("when the owner made it")),
            ("expires", Other("when it is over")),
            ("uses", Other("how many it takes in")),
            ("used", Other("how many it has taken in")),
            ("revoked", Other("whether the owner took it back")),
        ],
    },
    Table {
        name: "network",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("name", Personal), ("person", Personal)],
    },
    Table {
        name: "report",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("room", Personal),
            ("message", Personal),
            ("person", Personal),
            ("at", Personal),
            ("ground", Personal),
            ("words", Personal),
            ("weight", Personal),
            ("state", Personal),
        ],
    },
    Table {
        name: "penalty",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("room", Personal),
            ("seq", Personal),
            ("person", Personal),
            ("at", Personal),
            ("message", Personal),
        ],
    },
    Table {
        name: "top_up",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("room", Personal),
            ("id", Personal),
            ("person", Personal),
            ("nonce", Personal),
            ("at", Personal),
            ("pack", Personal),
            ("reference", Personal),
            ("state", Personal),
            ("reason", Personal),
            ("seen", Personal),
        ],
    },
    Table {
        name: "watched",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("room", Personal),
            ("person", Personal),
            ("day", Personal),
            ("count", Personal),
            ("coins", Personal),
            ("millis", Personal),
        ],
    },
    Table {
        name: "follow",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("person", Personal), ("since", Personal)],
    },
    Table {
        name: "card_order",
        whose: Some(("purse = ?4", Unlinked)),
        columns: &[
            ("room", Personal),
            ("id", Personal),
            ("purse", Personal),
            ("nonce", Personal),
            ("at", Personal),
            ("pack", Personal),
            ("session", Personal),
            ("payment", Personal),
            ("state", Personal),
            ("seen", Personal),
        ],
    },
    Table {
        name: "emote",
        whose: None,
        columns: &[
            ("room", Other("the owner's room")),
            ("name", Other("what the owner calls it")),
            ("picture", Other("a hash of the picture")),
            ("width", Other("of the picture")),
            ("height", Other("of the picture")),
            ("image", Other("the owner's, for everybody")),
        ],
    },
    Table {
        name: "payment_picture",
        whose: None,
        columns: &[
            ("room", Other("the owner's room")),
            ("name", Other("a hash of the picture")),
            ("image", Other("the owner's, for everybody")),
        ],
    },
    Table {
        name: "given",
        whose: Some(("purse = ?4", Go)),
        columns: &[("room", Personal), ("day", Personal), ("purse", Personal), ("coins", Personal)],
    },
    Table {
        name: "membership",
        whose: Some(("purse = ?4", Go)),
        columns: &[("room", Personal), ("purse", Personal), ("since", Personal), ("until", Personal)],
    },
    Table {
        name: "packet",
        whose: Some(("payer = ?3", Unlinked)),
        columns: &[
            ("room", Personal),
            ("seq", Personal),
            ("payer", Personal),
            ("takers", Personal),
            ("drawn", Personal),
            ("ends", Personal),
            ("closed", Personal),
        ],
    },
    Table {
        name: "account",
        whose: Some(("name = ?3", Unlinked)),
        columns: &[("room", Personal), ("name", Personal), ("balance", Personal)],
    },
    Table {
        name: "entry",
        whose: Some(("by = ?4 OR payer = ?3 OR payee = ?3", Unlinked)),
        columns: &[
            ("room", Personal),
            ("number", Personal),
            ("at", Personal),
            ("kind", Personal),
            ("payer", Personal),
            ("payee", Personal),
            ("amount", Personal),
            ("item", Personal),
            ("count", Personal),
            ("by", Personal),
            ("nonce", Personal),
            ("reverses", Personal),
            ("seq", Personal),
            ("previous", Other("a hash of another row")),
            ("hash", Personal),
        ],
    },
    Table {
        name: "purse",
        whose: Some(("person = ?1", Go)),
        columns: &[("purse", Personal), ("person", Personal)],
    },
    Table {
        name: "secret",
        whose: None,
        columns: &[("name", Other("of a key of the relay")), ("value", Other("a key of the relay"))],
    },
    Table {
        name: "stream_key",
        whose: None,
        columns: &[
            ("id", Other("a number")),
            ("room", Other("the owner's room")),
            ("name", Other("what the owner calls an encoder")),
            ("hash", Other("of a key")),
            ("made", Other("when the owner made it")),
        ],
    },
    Table {
        name: "card",
        whose: None,
        columns: &[("room", Other("the owner's room")), ("text", Other("the owner's words to everybody"))],
    },
    Table {
        name: "setting",
        whose: None,
        columns: &[
            ("room", Other("the owner's room")),
            ("name", Other("of a setting")),
            ("value", Other("gifts and rules that the owner set")),
        ],
    },
    Table {
        name: "chain",
        whose: None,
        columns: &[
            ("room", Other("the owner's room")),
            ("number", Other("of the newest row")),
            ("hash", Other("of the newest row")),
        ],
    },
    Table {
        name: "recording",
        whose: None,
        columns: &[
            ("id", Other("of a broadcast")),
            ("room", Other("the owner's room")),
            ("epoch", Other("when it began")),
            ("ended", Other("when it ended")),
            ("title", Other("the owner's words to everybody")),
            ("public", Other("whether everybody may watch it")),
            ("poster", Other("whether there is a picture")),
            ("uploaded", Other("when it was copied")),
            ("local", Other("whether it is on this disk")),
        ],
    },
    Table {
        name: "recording_part",
        whose: None,
        columns: &[
            ("recording", Other("of which broadcast")),
            ("number", Other("of the file")),
            ("begins", Other("in media time")),
            ("duration", Other("in media time")),
            ("bytes", Other("of the file")),
        ],
    },
    Table {
        name: "clip",
        whose: None,
        columns: &[
            ("id", Other("of a clip")),
            ("room", Other("the owner's room")),
            ("recording", Other("of which broadcast")),
            ("made", Other("when the owner made it")),
            ("begins", Other("in media time")),
            ("duration", Other("in media time")),
            ("bytes", Other("of the file")),
        ],
    },
    Table {
        name: "upload",
        whose: None,
        columns: &[
            ("recording", Other("of which broadcast")),
            ("name", Other("of a file")),
            ("session", Other("the bucket's")),
            ("tags", Other("the bucket's")),
        ],
    },
];
