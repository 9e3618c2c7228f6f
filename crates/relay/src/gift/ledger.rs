//! The books: who pays whom, decided on values. The only code that moves a balance.
//!
//! Double entry in one row: an [`Entry`] takes its amount from one account and puts it into another, so the balances
//! of a room always sum up to nothing. The treasury alone may owe: what people have in coins, it has issued. Entries
//! are never changed; what was wrong is given back by another entry. Each carries the hash of the one before, so that
//! a receipt from any day shows whether anything older was touched.
//!
//! The store loads [`Books`] for all requests that wait, this decides them in their order, and the store writes what
//! came of it in the same transaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use footlight_protocol::room::UnixMillis;
use footlight_protocol::{Nonce, Seq};
use sha2::{Digest as _, Sha256};

pub(crate) use super::account::{Account, Purse};
use super::membership::Term;
use super::packet::{self, Packet};

/// Coins of one entry at most; far above any gift, far below what an integer holds.
pub(crate) const MOST: u64 = 1_000_000_000_000;
/// How long back a cap looks, milliseconds.
pub(crate) const HOUR: UnixMillis = 3_600_000;
/// In front of what is hashed, so that a hash of ours is never one of something else.
const SAYS: &[u8] = b"footlight entry 1\0";
const LINKS: &[u8] = b"footlight link 1\0";

pub(crate) type Hash = [u8; 32];

/// Why coins move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The creator gives coins to a person.
    Grant,
    /// For having watched.
    Watch,
    /// Bought outside, and approved by the creator.
    TopUp,
    /// Bought by card.
    Bought,
    Gift,
    /// A message that stays on top for a while.
    Pinned,
    Membership,
    /// Into a red packet.
    Packet,
    /// A share out of it.
    Draw,
    /// What nobody drew goes back.
    Rest,
    /// Gives back what another entry took.
    Reversal,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Grant,
        Self::Watch,
        Self::TopUp,
        Self::Bought,
        Self::Gift,
        Self::Pinned,
        Self::Membership,
        Self::Packet,
        Self::Draw,
        Self::Rest,
        Self::Reversal,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Watch => "watch",
            Self::TopUp => "top_up",
            Self::Bought => "bought",
            Self::Gift => "gift",
            Self::Pinned => "pinned",
            Self::Membership => "membership",
            Self::Packet => "packet",
            Self::Draw => "draw",
            Self::Rest => "rest",
            Self::Reversal => "reversal",
        }
    }

    /// Whether a person spends by it, for the room's creator.
    pub(crate) fn is_spending(self) -> bool {
        matches!(self, Self::Gift | Self::Pinned | Self::Membership)
    }

    /// Whether it can be given back by another entry. What goes through a red packet has its own way back: a share that
    /// was put into a packet that is over would be nobody's.
    fn can_be_reversed(self) -> bool {
        !matches!(self, Self::Packet | Self::Draw | Self::Rest | Self::Reversal)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Who asks; with the nonce it names the request, however often it comes.
    pub(crate) by: Purse,
    pub(crate) nonce: Nonce,
    pub(crate) at: UnixMillis,
    /// The room's event that will show it, where there is one.
    pub(crate) seq: Option<Seq>,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Move {
        kind: Kind,
        from: Account,
        to: Account,
        amount: u64,
        /// Of what, where it is of something: the gift's id.
        item: Option<String>,
        /// How many of it.
        count: u32,
        /// Of that item this person may send so many within an hour.
        cap: Option<u32>,
    },
    /// Gives back all of what that entry took.
    Reverse { number: u64 },
    /// Puts coins up for so many others to draw. `packet` is the seq of the event that shows it.
    Put { from: Account, packet: u64, coins: u64, takers: u32, ends: UnixMillis },
    /// Draws a share, which these random bits decide.
    Draw { packet: u64, to: Account, dice: u128 },
    /// What is left goes back to where it came from.
    Close { packet: u64 },
}

impl What {
    /// Coins come to a person.
    pub(crate) fn issued(kind: Kind, to: Purse, amount: u64) -> Self {
        Self::plain(kind, Account::Treasury, Account::Person(to), amount)
    }

    /// A person pays the creator for something of which there is one.
    pub(crate) fn paid(kind: Kind, from: Purse, amount: u64) -> Self {
        Self::plain(kind, Account::Person(from), Account::Creator, amount)
    }

    fn plain(kind: Kind, from: Account, to: Account, amount: u64) -> Self {
        Self::Move { kind, from, to, amount, item: None, count: 1, cap: None }
    }
}

/// A row of the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// From 1, without a gap.
    pub(crate) number: u64,
    pub(crate) at: UnixMillis,
    pub(crate) kind: Kind,
    pub(crate) from: Account,
    pub(crate) to: Account,
    pub(crate) amount: u64,
    pub(crate) item: Option<String>,
    pub(crate) count: u32,
    pub(crate) by: Purse,
    pub(crate) nonce: Nonce,
    /// The entry that it gives back.
    pub(crate) reverses: Option<u64>,
    /// The room's event that shows it.
    pub(crate) seq: Option<Seq>,
    /// Of the entry before; zeros for the first.
    pub(crate) previous: Hash,
    pub(crate) hash: Hash,
}

impl Entry {
    /// Of what it says. Apart from the hash, so that the links of the chain can be shown without what they link.
    pub(crate) fn digest(&self) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(SAYS);
        let (reverses, seq) = (self.reverses.unwrap_or(0), self.seq.map_or(0, |seq| seq.0));
        for number in [self.number, self.at, self.amount, self.count.into(), reverses, seq] {
            hasher.update(number.to_be_bytes());
        }
        let (from, to) = (self.from.text(), self.to.text());
        let item = self.item.as_deref().unwrap_or_default();
        for text in [self.kind.name(), &from, &to, item, self.by.as_str(), self.nonce.as_str()] {
            // Lengths keep the fields apart.
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        hasher.finalize().into()
    }

    /// What [`Entry::hash`] has to be.
    pub(crate) fn expected_hash(&self) -> Hash {
        link(&self.previous, &self.digest())
    }

    /// Whether it says what was written, behind an entry of the hash `previous`.
    pub(crate) fn follows(&self, previous: &Hash) -> bool {
        self.previous == *previous && self.hash == self.expected_hash()
    }
}

/// The hash of an entry that says what `digest` is of, behind one of the hash `previous`.
pub(crate) fn link(previous: &Hash, digest: &Hash) -> Hash {
    Sha256::new().chain_update(LINKS).chain_update(previous).chain_update(digest).finalize().into()
}

/// Where the books of a room end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: u64,
    pub(crate) hash: Hash,
}

/// Entries by the names of the requests that they were made for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(HashMap<Purse, HashMap<Nonce, Arc<Entry>>>);

impl Known {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, entry: Arc<Entry>) {
        match self.0.get_mut(&entry.by) {
            Some(theirs) => drop(theirs.insert(entry.nonce.clone(), entry)),
            None => {
                let theirs = HashMap::from([(entry.nonce.clone(), entry.clone())]);
                self.0.insert(entry.by.clone(), theirs);
            }
        }
    }

    fn get(&self, request: &Request) -> Option<&Arc<Entry>> {
        self.0.get(&request.by)?.get(&request.nonce)
    }
}

/// What has to be known of a room's books to decide requests. Loaded for those that wait, and no others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    pub(crate) head: Head,
    /// Of the accounts that requests name; one that is not there has nothing.
    pub(crate) balances: BTreeMap<Account, i64>,
    /// Entries that were made for requests of the same name.
    pub(crate) known: Known,
    /// Entries that are to be given back.
    pub(crate) entries: HashMap<u64, Arc<Entry>>,
    /// Those of them that were given back already.
    pub(crate) reversed: HashSet<u64>,
    /// How many of an item a person sent within the last hour, where a request says how many there may be.
    pub(crate) sent: HashMap<(Purse, String), u64>,
    /// Red packets that requests name.
    pub(crate) packets: BTreeMap<u64, Packet>,
    /// For what those have paid who ask for a membership, or to whom one is given back.
    pub(crate) terms: BTreeMap<Purse, Term>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Made(Arc<Entry>),
    /// It was made before, by a request of the same name.
    Again(Arc<Entry>),
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The account has no more than this.
    Short {
        has: u64,
    },
    /// The cap of the item leaves no more than this within the hour.
    Capped {
        left: u32,
    },
    /// Nothing, more than [`MOST`], or from an account to itself.
    Senseless,
    NoSuchEntry,
    ReversedBefore,
    /// A request of that name asked for something else.
    NonceTaken,
    /// There is no such red packet, nothing is left in it, or its time is over.
    PacketOver,
    /// The membership is paid for as far ahead as it can be.
    FarAhead,
}

impl Books {
    /// Decides a request, and takes it into the books where it is granted.
    pub(crate) fn decide(&mut self, request: &Request) -> Answer {
        if let Some(entry) = self.known.get(request) {
            let same = asks_for(request, entry);
            return if same { Answer::Again(entry.clone()) } else { Answer::Refused(Refusal::NonceTaken) };
        }
        match self.enter(request) {
            Ok(entry) => {
                let entry = Arc::new(entry);
                self.known.add(entry.clone());
                self.entries.insert(entry.number, entry.clone());
                Answer::Made(entry)
            }
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    fn enter(&mut self, request: &Request) -> Result<Entry, Refusal> {
        let capped = matches!(request.what, What::Move { cap: Some(_), .. });
        let (kind, from, to, amount, item, count, reverses) = match &request.what {
            What::Move { kind, from, to, amount, item, count, cap } => {
                if let (Some(cap), Some(item)) = (cap, item) {
                    let sent = self.sent.get(&(request.by.clone(), item.clone())).copied().unwrap_or(0);
                    let left = u64::from(*cap).saturating_sub(sent);
                    if u64::from(*count) > left {
                        return Err(Refusal::Capped { left: left as u32 });
                    }
                }
                (*kind, from.clone(), to.clone(), *amount, item.clone(), *count, None)
            }
            What::Reverse { number } => {
                let entry = self.entries.get(number).ok_or(Refusal::NoSuchEntry)?;
                if !entry.kind.can_be_reversed() {
                    return Err(Refusal::NoSuchEntry);
                }
                if self.reversed.contains(number) {
                    return Err(Refusal::ReversedBefore);
                }
                let Entry { from, to, amount, item, count, .. } = Entry::clone(entry);
                (Kind::Reversal, to, from, amount, item, count, Some(*number))
            }
            What::Put { from, packet, coins, takers, .. } => {
                // Each share is a coin at least, and no packet is put up twice.
                if *coins < u64::from(*takers) || self.packets.contains_key(packet) {
                    return Err(Refusal::Senseless);
                }
                (Kind::Packet, from.clone(), Account::Held(*packet), *coins, None, *takers, None)
            }
            What::Draw { packet, to, dice } => {
                let open = self.packets.get(packet).filter(|open| open.can_be_drawn(request.at));
                let shares = open.ok_or(Refusal::PacketOver)?.shares_left();
                let coins = packet::share(self.left_in(*packet), shares, *dice);
                (Kind::Draw, Account::Held(*packet), to.clone(), coins, None, 1, None)
            }
            What::Close { packet } => {
                let open = self.packets.get(packet).filter(|open| !open.is_over());
                let payer = open.ok_or(Refusal::PacketOver)?.payer.clone();
                (Kind::Rest, Account::Held(*packet), payer, self.left_in(*packet), None, 1, None)
            }
        };
        if !(1..=MOST).contains(&amount) || from == to || count == 0 {
            return Err(Refusal::Senseless);
        }
        let coins = amount as i64;
        let has = self.balances.get(&from).copied().unwrap_or(0);
        if from != Account::Treasury && has < coins {
            return Err(Refusal::Short { has: has.max(0) as u64 });
        }
        let term = self.term(request, kind, &from, reverses)?;
        self.put(&from, -coins);
        self.put(&to, coins);
        self.terms.extend(term);
        self.follow(&request.what);
        let counts = capped || !self.sent.is_empty();
        if let (Some(item), None, true) = (&item, reverses, counts) {
            *self.sent.entry((request.by.clone(), item.clone())).or_default() += u64::from(count);
        }
        self.reversed.extend(reverses);
        let mut entry = Entry {
            number: self.head.number + 1,
            at: request.at,
            kind,
            from,
            to,
            amount,
            item,
            count,
            by: request.by.clone(),
            nonce: request.nonce.clone(),
            reverses,
            seq: request.seq,
            previous: self.head.hash,
            hash: Hash::default(),
        };
        entry.hash = entry.expected_hash();
        self.head = Head { number: entry.number, hash: entry.hash };
        Ok(entry)
    }

    fn left_in(&self, packet: u64) -> u64 {
        let left = self.balances.get(&Account::Held(packet)).copied().unwrap_or(0);
        u64::try_from(left).unwrap_or(0)
    }

    /// What becomes of somebody's membership.
    fn term(
        &self,
        request: &Request,
        kind: Kind,
        from: &Account,
        reverses: Option<u64>,
    ) -> Result<Option<(Purse, Term)>, Refusal> {
        if let (Kind::Membership, Account::Person(purse)) = (kind, from) {
            let term = Term::renewed(self.terms.get(purse).copied(), request.at);
            return Ok(Some((purse.clone(), term.ok_or(Refusal::FarAhead)?)));
        }
        let reversed = reverses.and_then(|number| self.entries.get(&number));
        Ok(match reversed.map(|entry| (entry.kind, &entry.from)) {
            Some((Kind::Membership, Account::Person(purse))) => {
                self.terms.get(purse).map(|term| (purse.clone(), term.shortened()))
            }
            _ => None,
        })
    }

    /// What a request that was granted does to a red packet.
    fn follow(&mut self, what: &What) {
        match what {
            What::Put { from, packet, takers, ends, .. } => {
                let (payer, takers, ends) = (from.clone(), *takers, *ends);
                self.packets.insert(*packet, Packet { payer, takers, drawn: 0, ends, closed: false });
            }
            What::Draw { packet, .. } => {
                self.packets.entry(*packet).and_modify(|packet| packet.drawn += 1);
            }
            What::Close { packet } => {
                self.packets.entry(*packet).and_modify(|packet| packet.closed = true);
            }
            What::Move { .. } | What::Reverse { .. } => {}
        }
    }

    fn put(&mut self, account: &Account, coins: i64) {
        match self.balances.get_mut(account) {
            Some(balance) => *balance += coins,
            None => drop(self.balances.insert(account.clone(), coins)),
        }
    }
}

/// Whether the entry is what the request asks for: it may be made anew with another time, and after a price changed.
fn asks_for(request: &Request, entry: &Entry) -> bool {
    match &request.what {
        What::Move { kind, from, to, item, count, .. } => {
            (*kind, from, to, item, *count) == (entry.kind, &entry.from, &entry.to, &entry.item, entry.count)
        }
        What::Reverse { number } => entry.reverses == Some(*number),
        // Asked for anew it would be shown by another event.
        What::Put { from, coins, takers, .. } => {
            (Kind::Packet, from, *coins, *takers) == (entry.kind, &entry.from, entry.amount, entry.count)
        }
        What::Draw { packet, to, .. } => {
            (Kind::Draw, &Account::Held(*packet), to) == (entry.kind, &entry.from, &entry.to)
        }
        What::Close { packet } => (Kind::Rest, &Account::Held(*packet)) == (entry.kind, &entry.from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purse(id: &str) -> Purse {
        id.parse().unwrap()
    }

    fn person(id: &str) -> Account {
        Account::Person(purse(id))
    }

    fn request(by: &str, nonce: &str, what: What) -> Request {
        Request { by: purse(by), nonce: nonce.parse().unwrap(), at: 1_000, seq: None, what }
    }

    fn grant(to: &str, amount: u64) -> What {
        let (from, to) = (Account::Treasury, person(to));
        What::Move { kind: Kind::Grant, from, to, amount, item: None, count: 1, cap: None }
    }

    fn gift(from: &str, amount: u64, count: u32, cap: Option<u32>) -> What {
        let (from, to, item) = (person(from), Account::Creator, Some("rose".to_owned()));
        What::Move { kind: Kind::Gift, from, to, amount, item, count, cap }
    }

    fn decide(books: &mut Books, requests: &[Request]) -> Vec<Answer> {
        requests.iter().map(|request| books.decide(request)).collect()
    }

    fn made(answer: &Answer) -> &Entry {
        match answer {
            Answer::Made(entry) => entry,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_gift_is_paid_once_however_often_it_is_asked_for() {
        let mut books = Books::default();
        let answers = decide(
            &mut books,
            &[
                request("owner", "nonce-00", grant("ann", 100)),
                request("ann", "nonce-01", gift("ann", 60, 1, None)),
                request("ann", "nonce-01", gift("ann", 60, 1, None)),
                request("ann", "nonce-02", gift("ann", 60, 1, None)),
                request("ann", "nonce-01", gift("ann", 60, 2, None)),
            ],
        );
        let paid = made(&answers[1]).clone();
        assert_eq!(answers[2], Answer::Again(Arc::new(paid.clone())));
        assert_eq!(answers[3], Answer::Refused(Refusal::Short { has: 40 }));
        assert_eq!(answers[4], Answer::Refused(Refusal::NonceTaken));
        assert_eq!((books.balances[&Account::Creator], books.balances[&person("ann")]), (60, 40));
        assert_eq!((paid.number, paid.previous), (2, made(&answers[0]).hash));
    }

    #[test]
    fn what_was_wrong_is_given_back_once_and_not_out_of_nothing() {
        let mut books = Books::default();
        let answers = decide(
            &mut books,
            &[
                request("owner", "nonce-00", grant("ann", 100)),
                request("ann", "nonce-01", gift("ann", 60, 1, None)),
                request("owner", "nonce-02", What::Reverse { number: 2 }),
                request("owner", "nonce-03", What::Reverse { number: 2 }),
                request("owner", "nonce-04", What::Reverse { number: 3 }),
                request("owner", "nonce-05", What::Reverse { number: 9 }),
                request("ann", "nonce-06", gift("ann", 100, 1, None)),
                request("owner", "nonce-07", What::Reverse { number: 1 }),
            ],
        );
        let back = made(&answers[2]);
        assert_eq!((back.kind, back.reverses, &back.to), (Kind::Reversal, Some(2), &person("ann")));
        assert_eq!(answers[3], Answer::Refused(Refusal::ReversedBefore));
        assert_eq!(answers[4], Answer::Refused(Refusal::NoSuchEntry), "what is given back stays so");
        assert_eq!(answers[5], Answer::Refused(Refusal::NoSuchEntry));
        assert!(matches!(answers[6], Answer::Made(_)));
        assert_eq!(answers[7], Answer::Refused(Refusal::Short { has: 0 }), "it was spent");
    }

    #[test]
    fn a_packet_is_drawn_once_by_each_and_closed_once() {
        let put = |from: &str, packet, coins, takers| What::Put {
            from: person(from),
            packet,
            coins,
            takers,
            ends: 5_000,
        };
        let draw = |by: &str, dice| request(by, "draw-7", What::Draw { packet: 7, to: person(by), dice });
        let close = |nonce: &str| request("relay", nonce, What::Close { packet: 7 });
        let mut books = Books::default();
        let answers = decide(
            &mut books,
            &[
                request("owner", "nonce-00", grant("ann", 100)),
                request("ann", "put", put("ann", 7, 30, 3)),
                draw("bob", 4),
                draw("bob", 5),
                Request { at: 5_000, ..draw("cem", 6) },
                draw("dan", 7),
                close("rest-7"),
                close("rest-7"),
                close("rest-8"),
                draw("cem", 8),
                request("owner", "back", What::Reverse { number: 2 }),
            ],
        );
        assert_eq!((made(&answers[2]).kind, made(&answers[2]).amount), (Kind::Draw, 5));
        assert_eq!(
            answers[3],
            Answer::Again(Arc::new(made(&answers[2]).clone())),
            "whatever the dice say then"
        );
        assert_eq!(answers[4], Answer::Refused(Refusal::PacketOver), "its time is over");
        let dan = made(&answers[5]).amount;
        let rest = made(&answers[6]);
        assert_eq!((rest.kind, &rest.to, rest.amount), (Kind::Rest, &person("ann"), 25 - dan));
        assert!(matches!(answers[7], Answer::Again(_)));
        assert_eq!(answers[8], Answer::Refused(Refusal::PacketOver));
        assert_eq!(answers[9], Answer::Refused(Refusal::PacketOver));
        assert_eq!(answers[10], Answer::Refused(Refusal::NoSuchEntry), "it has gone on");
        assert_eq!(books.balances[&Account::Held(7)], 0);
    }

    #[test]
    fn caps_count_pieces_and_senseless_amounts_are_refused() {
        let mut books = Books::default();
        let answers = decide(
            &mut books,
            &[
                request("owner", "nonce-00", grant("ann", 1_000)),
                request("ann", "nonce-01", gift("ann", 10, 3, Some(5))),
                request("ann", "nonce-02", gift("ann", 10, 3, Some(5))),
                request("ann", "nonce-03", gift("ann", 10, 2, Some(5))),
                request("ann", "nonce-04", gift("ann", 0, 1, None)),
                request("ann", "nonce-05", gift("ann", MOST + 1, 1, None)),
                request("ann", "nonce-06", gift("ann", 1, 0, None)),
            ],
        );
        assert_eq!(answers[2], Answer::Refused(Refusal::Capped { left: 2 }));
        assert!(matches!(answers[3], Answer::Made(_)));
        assert!(answers[4..].iter().all(|answer| *answer == Answer::Refused(Refusal::Senseless)));
    }

    #[test]
    fn any_change_of_an_entry_or_of_their_order_shows() {
        let mut books = Books::default();
        let requests: Vec<_> =
            (0..20).map(|n| request("owner", &format!("nonce-{n:02}"), grant("ann", n + 1))).collect();
        let entries: Vec<Entry> =
            decide(&mut books, &requests).iter().map(|answer| Entry::clone(made(answer))).collect();
        let whole = |entries: &[Entry]| {
            let mut previous = Hash::default();
            entries.iter().all(|entry| {
                let follows = entry.follows(&previous);
                previous = entry.hash;
                follows
            })
        };
        assert!(whole(&entries));
        let changes: [fn(&mut Entry); 9] = [
            |entry| entry.amount += 1,
            |entry| entry.at += 1,
            |entry| entry.kind = Kind::Watch,
            |entry| entry.to = person("bob"),
            |entry| entry.item = Some(String::new() + "x"),
            |entry| entry.count += 1,
            |entry| entry.by = purse("bob"),
            |entry| entry.reverses = Some(1),
            |entry| entry.seq = Some(Seq(1)),
        ];
        for change in changes {
            let mut changed = entries.clone();
            change(&mut changed[7]);
            assert!(!whole(&changed));
        }
        let mut without = entries.clone();
        without.remove(7);
        assert!(!whole(&without));
        let mut swapped = entries;
        swapped.swap(3, 4);
        assert!(!whole(&swapped));
    }

    /// Random requests, repeated and refused ones among them, against sums that are kept apart.
    #[test]
    fn balances_sum_up_to_nothing_and_nobody_but_the_treasury_owes() {
        let mut books = Books::default();
        let mut seed = 11u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let people = ["ann", "bob", "cem", "dan"];
        let mut entries = Vec::new();
        for n in 0..20_000u64 {
            let who = people[random(4) as usize];
            let what = match random(10) {
                0..3 => grant(who, random(500)),
                3 if n > 10 => What::Reverse { number: random(n) },
                4 => {
                    let (from, packet) = (person(who), random(60));
                    What::Put { from, packet, coins: random(200), takers: 1 + random(6) as u32, ends: 2_000 }
                }
                5 => What::Draw { packet: random(60), to: person(who), dice: u128::from(random(1 << 30)) },
                6 if random(8) == 0 => What::Close { packet: random(60) },
                _ => gift(who, random(300), 1 + random(3) as u32, (random(4) == 0).then_some(40)),
            };
            // A tenth of them come again.
            let nonce = format!("nonce-{}", if random(10) == 0 { random(n + 1) } else { n });
            if let Answer::Made(entry) = decide(&mut books, &[request(who, &nonce, what)]).remove(0) {
                entries.push(entry);
            }
        }
        assert!(entries.len() > 5_000);
        let mut sums: BTreeMap<Account, i64> = BTreeMap::new();
        let mut names = HashSet::new();
        for entry in &entries {
            *sums.entry(entry.from.clone()).or_default() -= entry.amount as i64;
            *sums.entry(entry.to.clone()).or_default() += entry.amount as i64;
            assert!(names.insert((entry.by.clone(), entry.nonce.clone())), "one entry a request");
        }
        assert_eq!(sums, books.balances);
        assert_eq!(sums.values().sum::<i64>(), 0);
        assert!(sums.iter().all(|(account, sum)| *account == Account::Treasury || *sum >= 0));
    }

    #[test]
    fn accounts_are_read_as_they_were_written() {
        for account in [Account::Treasury, Account::Creator, person("ann"), Account::Held(7)] {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
        for text in ["", "bank", "person:", "held:x", "treasury:1"] {
            assert!(text.parse::<Account>().is_err(), "{text}");
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
    }
}
