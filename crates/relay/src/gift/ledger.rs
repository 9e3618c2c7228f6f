//! The books: who pays whom, decided on values. The only code that moves a balance.
//!
//! Double entry in one row: an [`Entry`] takes its amount from one account and puts it into another, so the balances
//! of a room always sum up to nothing. The treasury alone may owe: what people have in coins, it has issued. Entries
//! are never changed; what was wrong is given back by another entry. Each carries the hash of the one before, so that
//! a receipt from any day shows whether anything older was touched.
//!
//! The store loads [`Books`] for all requests that wait, this decides them in their order, and the store writes what
//! came of it in the same transaction.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use footlight_protocol::room::UnixMillis;
use footlight_protocol::{Nonce, Seq};
use sha2::{Digest as _, Sha256};

/// Coins of one entry at most; far above any gift, far below what an integer holds.
pub(crate) const MOST: u64 = 1_000_000_000_000;
/// How long back a cap looks, milliseconds.
pub(crate) const HOUR: UnixMillis = 3_600_000;
/// In front of what is hashed, so that a hash of ours is never one of something else.
const SAYS: &[u8] = b"footlight entry 1\0";
const LINKS: &[u8] = b"footlight link 1\0";

pub(crate) type Hash = [u8; 32];

/// Under which name the books know a person: a keyed hash of their id. Entries stay for ever, so nothing in them is
/// the person's own; who is erased everywhere else is nobody here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Purse(String);

impl Purse {
    /// Letters and digits, at most so many.
    const MOST: usize = 32;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Under which the relay itself asks. No person's, whose names are longer; so nobody can take the name of one of its
    /// requests before it does.
    pub(crate) fn of_relay() -> Self {
        Self("relay".to_owned())
    }
}

impl FromStr for Purse {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let valid = (1..=Self::MOST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if valid { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// Whose coins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Account {
    /// Issues coins: the creator's grants, rewards, top-ups. What it owes is what all others have.
    Treasury,
    /// What the room's creator was given.
    Creator,
    Person(Purse),
    /// Taken from somebody and not yet handed on: a red packet that is open.
    Held(u64),
}

impl Account {
    /// As it stands in the books.
    pub(crate) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Treasury => Cow::Borrowed("treasury"),
            Self::Creator => Cow::Borrowed("creator"),
            Self::Person(purse) => Cow::Owned(["person:", purse.as_str()].concat()),
            Self::Held(number) => Cow::Owned(format!("held:{number}")),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl FromStr for Account {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':') {
            None if text == "treasury" => Ok(Self::Treasury),
            None if text == "creator" => Ok(Self::Creator),
            Some(("person", purse)) => purse.parse().map(Self::Person),
            Some(("held", number)) => number.parse().map(Self::Held).map_err(drop),
            _ => Err(()),
        }
    }
}

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
    /// Into a red packet, and out of it.
    Packet,
    /// Gives back what another entry took.
    Reversal,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Grant,
        Self::Watch,
        Self::TopUp,
        Self::Bought,
        Self::Gift,
        Self::Pinned,
        Self::Membership,
        Self::Packet,
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
            Self::Reversal => "reversal",
        }
    }

    /// Whether a person spends by it, for the room's creator.
    pub(crate) fn is_spending(self) -> bool {
        matches!(self, Self::Gift | Self::Pinned | Self::Membership)
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
    #[cfg(test)]
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
                if entry.kind == Kind::Reversal {
                    return Err(Refusal::NoSuchEntry);
                }
                if self.reversed.contains(number) {
                    return Err(Refusal::ReversedBefore);
                }
                let Entry { from, to, amount, item, count, .. } = Entry::clone(entry);
                (Kind::Reversal, to, from, amount, item, count, Some(*number))
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
        self.put(&from, -coins);
        self.put(&to, coins);
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
