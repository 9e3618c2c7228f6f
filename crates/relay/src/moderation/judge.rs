//! What the room itself does about a message: deliver it, or take it for a part of a raid. Decisions on values.
//!
//! A raid is many strangers who say the same long thing at once. Nobody is a stranger who said something long that was
//! nobody's copy, gave gifts, or is trusted; they are never touched, and neither is what is short: a crowd that cheers says
//! the same word, too.

use std::collections::{HashMap, HashSet};

use footlight_protocol::moderation::Reason;
use footlight_protocol::room::{Role, UnixMillis};
use footlight_protocol::{MessageId, UserId};

use super::cluster::{ClusterId, Clusters, Seen, Size};
use super::normal::folded;

/// Letters of a folded text that is long enough to be nobody's cheer.
const LONG: usize = 12;
/// People who say nearly the same within the window before it is a raid.
const PEOPLE: usize = 12;
/// And while the room is shielded.
const PEOPLE_SHIELDED: usize = 4;
/// Of a hundred of them, this many have no standing.
const STRANGERS: usize = 80;
/// A cluster that was taken for a raid stays so for this long after its last message.
const CONDEMNED: UnixMillis = 10 * 60_000;
/// People that are remembered. Full ⇒ those who said one thing only are forgotten, and are strangers again.
const MOST_PEOPLE: usize = 20_000;

/// Clusters that moderators have put right. Full ⇒ the next ones can be found again.
const MOST_PARDONED: usize = 1_000;

/// What to do about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Deliver,
    /// It is one of a raid that is known: held.
    Hold(ClusterId, Reason),
    /// With it a raid is recognised: held, and what was said of it before is to be taken away.
    Raid(Sweep),
}

/// What strangers said alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sweep {
    pub(crate) cluster: ClusterId,
    pub(crate) messages: Vec<(MessageId, UserId)>,
    pub(crate) reason: Reason,
}

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    trusted: bool,
    /// Long messages that were left alone.
    said: u32,
}

/// Watches a room's chat.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    clusters: Clusters,
    people: HashMap<UserId, Standing>,
    condemned: HashMap<ClusterId, UnixMillis>,
    /// Clusters that a moderator has put right: never condemned again.
    pardoned: HashSet<ClusterId>,
}

/// A message that is to be judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) id: MessageId,
    pub(crate) by: &'a UserId,
    pub(crate) role: Role,
    pub(crate) text: &'a str,
}

impl Judge {
    /// Somebody is known to the room's people: gave a gift, or is trusted by a moderator.
    pub(crate) fn trust(&mut self, user: &UserId) {
        self.people.entry(user.clone()).or_default().trusted = true;
    }

    /// Somebody is not known any more.
    pub(crate) fn forget(&mut self, user: &UserId) {
        self.people.remove(user);
    }

    /// Judges a message that is about to be said; a stricter room takes fewer copies for a raid.
    pub(crate) fn judge(&mut self, message: Message<'_>, strict: bool, now: UnixMillis) -> Verdict {
        let stranger = message.role == Role::Guest && !self.is_known(message.by);
        let text = folded(message.text);
        let long = text.chars().count() >= LONG;
        let seen = Seen { id: message.id, by: message.by.clone(), stranger, at: now };
        // What is short counts for nobody and is nobody's copy.
        let Some((cluster, size)) = long.then(|| self.clusters.add(seen, &text)).flatten() else {
            return Verdict::Deliver;
        };
        if stranger && self.is_condemned(cluster, now) {
            return Verdict::Hold(cluster, reason(&size));
        }
        if stranger && is_raid(&size, strict) && !self.pardoned.contains(&cluster) {
            let mut sweep = self.condemn(cluster, size, now);
            sweep.messages.retain(|(id, _)| *id != message.id);
            return Verdict::Raid(sweep);
        }
        self.counts(message.by);
        Verdict::Deliver
    }

    /// What was said within the last half minute that a stricter room takes for raids.
    pub(crate) fn look_back(&mut self, now: UnixMillis) -> Vec<Sweep> {
        let mut raids = self.clusters.of_size(|size| is_raid(size, true));
        raids
            .retain(|(cluster, _)| !self.pardoned.contains(cluster) && !self.condemned.contains_key(cluster));
        raids.into_iter().map(|(cluster, size)| self.condemn(cluster, size, now)).collect()
    }

    fn condemn(&mut self, cluster: ClusterId, size: Size, now: UnixMillis) -> Sweep {
        self.condemned.insert(cluster, now);
        let earlier = self.clusters.messages(cluster).filter(|seen| seen.stranger);
        let messages: Vec<(MessageId, UserId)> = earlier.map(|seen| (seen.id, seen.by.clone())).collect();
        for (_, by) in &messages {
            // It was no word of their own.
            if let Some(person) = self.people.get_mut(by) {
                person.said = person.said.saturating_sub(1);
            }
        }
        Sweep { cluster, messages, reason: reason(&size) }
    }

    /// What was found could not be acted upon: it is found again.
    pub(crate) fn acquit(&mut self, cluster: ClusterId) {
        self.condemned.remove(&cluster);
    }

    /// A moderator says that it was no raid: it is none from now on.
    pub(crate) fn pardon(&mut self, cluster: ClusterId) {
        self.condemned.remove(&cluster);
        if self.pardoned.len() < MOST_PARDONED {
            self.pardoned.insert(cluster);
        }
    }

    fn is_known(&self, user: &UserId) -> bool {
        self.people.get(user).is_some_and(|person| person.trusted || person.said > 0)
    }

    /// A long message of theirs was left alone.
    fn counts(&mut self, user: &UserId) {
        if self.people.len() >= MOST_PEOPLE && !self.people.contains_key(user) {
            self.people.retain(|_, person| person.trusted || person.said > 1);
        }
        let person = self.people.entry(user.clone()).or_default();
        person.said = person.said.saturating_add(1);
    }

    fn is_condemned(&mut self, cluster: ClusterId, now: UnixMillis) -> bool {
        self.condemned.retain(|_, last| *last + CONDEMNED > now);
        match self.condemned.get_mut(&cluster) {
            Some(last) => {
                *last = now;
                true
            }
            None => false,
        }
    }
}

fn is_raid(size: &Size, strict: bool) -> bool {
    size.people >= if strict { PEOPLE_SHIELDED } else { PEOPLE }
        && size.strangers * 100 >= size.people * STRANGERS
}

fn reason(size: &Size) -> Reason {
    Reason::Copies { people: size.people as u32, strangers: size.strangers as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Random(u64);

    impl Random {
        fn below(&mut self, below: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 33) % below as u64) as usize
        }

        fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
            choices[self.below(choices.len())]
        }
    }

    /// What raids say. Those of the test over sockets are others.
    const RAID: [&str; 5] = [
        "Get your free skins at skinz dot example before midnight",
        "this streamer stole everything, read the proof on leaks dot example",
        "加微信领取免费礼包，先到先得，名额有限",
        "WE ARE THE NIGHT CREW AND WE ARE HERE TO STAY FOREVER",
        "double your coins now, send ten and get twenty back today",
    ];
    const CHEERS: [&str; 10] =
        ["gg", "666", "哈哈哈哈", "lol", "hello", "👏👏👏", "晚上好", "nice", "www", "来了来了"];
    const WHO: [&str; 6] = ["she", "the drummer", "that song", "this map", "your cat", "the new mic"];
    const WHAT: [&str; 6] = [
        "is so good",
        "sounds different today",
        "made my evening",
        "needs more light",
        "reminds me of last week",
        "is louder than before",
    ];
    const ASK: [&str; 5] = ["right?", "no?", "what do you all think", "honestly", "I mean it"];
    const ZH_A: [&str; 5] = ["今天的", "刚才那首", "主播的", "这个镜头的", "上次说的"];
    const ZH_B: [&str; 5] = ["声音", "颜色", "节奏", "背景", "故事"];
    const ZH_C: [&str; 5] = ["真不错啊", "有点意思", "比昨天好多了", "我很喜欢", "能再来一次吗"];

    fn chatter(random: &mut Random) -> String {
        match random.below(10) {
            0..4 => random.of(&CHEERS).to_owned(),
            4..7 => format!("{} {} {}", random.of(&WHO), random.of(&WHAT), random.of(&ASK)),
            _ => format!("{}{}{}", random.of(&ZH_A), random.of(&ZH_B), random.of(&ZH_C)),
        }
    }

    fn mutated(template: &str, random: &mut Random) -> String {
        let mut text = String::new();
        for letter in template.chars() {
            match (letter, random.below(12)) {
                ('a', 0) => text.push('а'),
                ('e', 0) => text.push('3'),
                ('o', 0) => text.push('0'),
                (letter, 1) => text.extend([letter, '\u{200b}']),
                (letter, 2) => text.extend(letter.to_uppercase()),
                (letter, 3) if letter.is_alphabetic() => text.extend([letter, ' ']),
                (letter, _) => text.push(letter),
            }
        }
        match random.below(3) {
            0 => text.push_str(" 🎁🎁"),
            1 => text.push_str(&format!(" {}", random.below(1_000))),
            _ => {}
        }
        text
    }

    /// Two minutes of a room with 200 chatters, in the second of which 500 bots say 50 messages a second. Gives the shares
    /// of the bots' messages that were gone, and of the chatters' that were touched.
    fn raided(seed: u64) -> (f64, f64) {
        let mut random = Random(seed);
        let mut judge = Judge::default();
        let (mut of_bots, mut of_chatters) = (HashSet::new(), HashSet::new());
        let mut gone: HashSet<MessageId> = HashSet::new();
        let mut id = 0;
        for tick in 0..1_200_u64 {
            let now = 1_000_000 + tick * 100;
            let bots = if tick >= 600 { 5 } else { 0 };
            // Some three messages a second of 200 people.
            let chatters = usize::from(random.below(10) < 3);
            for n in 0..bots + chatters {
                id += 1;
                let message = MessageId(id);
                let (by, text) = if n < bots {
                    of_bots.insert(message);
                    let template = RAID[random.below(RAID.len())];
                    (format!("bot{}", random.below(500)), mutated(template, &mut random))
                } else {
                    of_chatters.insert(message);
                    (format!("person{}", random.below(200)), chatter(&mut random))
                };
                let by: UserId = by.parse().unwrap();
                let said = Message { id: message, by: &by, role: Role::Guest, text: &text };
                match judge.judge(said, false, now) {
                    Verdict::Deliver => {}
                    Verdict::Hold(..) => drop(gone.insert(message)),
                    Verdict::Raid(sweep) => {
                        gone.insert(message);
                        gone.extend(sweep.messages.into_iter().map(|(id, _)| id));
                    }
                }
            }
        }
        let share = |of: &HashSet<MessageId>| of.intersection(&gone).count() as f64 / of.len() as f64;
        (share(&of_bots), share(&of_chatters))
    }

    #[test]
    fn a_raid_goes_and_those_who_chat_stay() {
        for seed in 1..=8 {
            let (bots, chatters) = raided(seed);
            assert!(
                bots >= 0.95 && chatters <= 0.01,
                "seed {seed}: {bots:.3} of bots, {chatters:.3} of chatters"
            );
        }
    }

    #[test]
    fn people_with_standing_and_short_cheers_are_never_touched() {
        let mut judge = Judge::default();
        let mut say = |n: u64, by: &str, text: &str, now: u64| {
            let by: UserId = by.parse().unwrap();
            judge.judge(Message { id: MessageId(n), by: &by, role: Role::Guest, text }, false, now)
        };
        for n in 0..50 {
            assert_eq!(say(n, &format!("new{n}"), "哈哈哈哈哈哈", 0), Verdict::Deliver);
        }
        say(100, "regular", "hello everybody, how are you", 0);
        say(101, "regular", "I am back with some tea", 10_000);
        let mut swept = None;
        for n in 0..PEOPLE as u64 {
            swept = Some(say(200 + n, &format!("bot{n}"), "join our server at raid dot example now", 70_000));
        }
        assert!(matches!(swept, Some(Verdict::Raid(sweep)) if sweep.messages.len() == PEOPLE - 1));
        assert_eq!(say(300, "regular", "join our server at raid dot example now", 70_000), Verdict::Deliver);
        assert!(matches!(
            say(301, "late", "join our server at raid dot example now!", 71_000),
            Verdict::Hold(..)
        ));
    }

    #[test]
    fn what_a_moderator_puts_right_stays_right() {
        let mut judge = Judge::default();
        let song = "play the song about the river again please";
        let say = |judge: &mut Judge, n: u64| {
            let by: UserId = format!("fan{n}").parse().unwrap();
            judge.judge(Message { id: MessageId(n), by: &by, role: Role::Guest, text: song }, false, 0)
        };
        let verdict = (0..PEOPLE as u64).map(|n| say(&mut judge, n)).last();
        let Some(Verdict::Raid(sweep)) = verdict else { panic!("{verdict:?}") };
        assert!(matches!(say(&mut judge, 90), Verdict::Hold(cluster, _) if cluster == sweep.cluster));
        judge.pardon(sweep.cluster);
        assert_eq!(say(&mut judge, 91), Verdict::Deliver);
    }

    #[test]
    fn a_shielded_room_looks_back_and_takes_fewer_copies_for_a_raid() {
        let mut judge = Judge::default();
        let say = |judge: &mut Judge, n: u64, strict| {
            let by: UserId = format!("bot{n}").parse().unwrap();
            let text = "come to the other channel, it is better there";
            judge.judge(Message { id: MessageId(n), by: &by, role: Role::Guest, text }, strict, 0)
        };
        for n in 0..PEOPLE_SHIELDED as u64 + 1 {
            assert_eq!(say(&mut judge, n, false), Verdict::Deliver);
        }
        let sweeps = judge.look_back(1);
        assert_eq!(
            sweeps.iter().map(|sweep| sweep.messages.len()).collect::<Vec<_>>(),
            [PEOPLE_SHIELDED + 1]
        );
        assert_eq!(judge.look_back(2), []);
        assert!(matches!(say(&mut judge, 50, true), Verdict::Hold(..)));
    }
}
