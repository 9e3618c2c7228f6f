//! Texts that are nearly the same, said by several people within a short time.
//!
//! A text's folded form is cut into shingles of four letters; sixteen minima of their hashes (minhash, Broder 1997) stand
//! for it, in eight bands of two. Texts that share a band are compared, and those that share enough minima are of one
//! cluster. What is older than the window is forgotten, so memory is bounded by the pace of the chat and by [`MOST`].

use std::collections::{HashMap, VecDeque};

use footlight_protocol::room::UnixMillis;
use footlight_protocol::{MessageId, UserId};

/// How long a message counts.
const WINDOW: UnixMillis = 30_000;
/// Messages in the window at most. Full ⇒ the oldest goes.
const MOST: usize = 4_096;
const SHINGLE: usize = 4;
const HASHES: usize = 16;
const BAND: usize = 2;
/// Of the minima that two texts of one cluster share: about the share of shingles that they have in common.
const SAME: usize = 7;

type Sketch = [u32; HASHES];

/// A cluster's number. Never used again while the room lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClusterId(u64);

/// A message as it counts here.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) id: MessageId,
    pub(crate) by: UserId,
    /// Whether its author came to the room not long ago and has no standing in it.
    pub(crate) stranger: bool,
    pub(crate) at: UnixMillis,
}

/// What is known of a cluster now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) messages: usize,
    pub(crate) people: usize,
    pub(crate) strangers: usize,
}

/// How many messages of a cluster are by whom, and whether that is a stranger.
type People = HashMap<UserId, (usize, bool)>;

#[derive(Debug, Default)]
pub(crate) struct Clusters {
    window: VecDeque<(Seen, Sketch, ClusterId)>,
    /// By a band of the sketch: the newest message that has it, with its cluster and sketch.
    bands: HashMap<(usize, [u32; BAND]), (MessageId, ClusterId, Sketch)>,
    sizes: HashMap<ClusterId, (Size, People)>,
    next: u64,
}

impl Clusters {
    /// Takes a message in; gives its cluster, and how large that is with it. `None` for a text without enough letters to
    /// be compared.
    pub(crate) fn add(&mut self, seen: Seen, folded: &str) -> Option<(ClusterId, Size)> {
        self.forget(seen.at);
        let sketch = sketch(folded)?;
        let cluster = self.find(&sketch).unwrap_or_else(|| {
            self.next += 1;
            ClusterId(self.next)
        });
        for band in bands(&sketch) {
            self.bands.insert(band, (seen.id, cluster, sketch));
        }
        let (size, people) = self.sizes.entry(cluster).or_default();
        size.messages += 1;
        let person = people.entry(seen.by.clone()).or_insert((0, seen.stranger));
        // Counted as they come and go: a cluster may have thousands of people.
        if person.0 == 0 {
            size.strangers += usize::from(seen.stranger);
        }
        person.0 += 1;
        size.people = people.len();
        let size = *size;
        self.window.push_back((seen, sketch, cluster));
        Some((cluster, size))
    }

    /// Its messages in the window, oldest first.
    pub(crate) fn messages(&self, cluster: ClusterId) -> impl Iterator<Item = &Seen> {
        self.window.iter().filter(move |(_, _, of)| *of == cluster).map(|(seen, ..)| seen)
    }

    /// The clusters that `fits` picks.
    pub(crate) fn of_size(&self, fits: impl Fn(&Size) -> bool) -> Vec<(ClusterId, Size)> {
        self.sizes.iter().filter(|(_, (size, _))| fits(size)).map(|(id, (size, _))| (*id, *size)).collect()
    }

    fn find(&self, sketch: &Sketch) -> Option<ClusterId> {
        let found = bands(sketch).filter_map(|band| {
            let (_, cluster, other) = self.bands.get(&band)?;
            let same = sketch.iter().zip(other).filter(|(a, b)| a == b).count();
            (same >= SAME).then_some((same, *cluster))
        });
        found.max().map(|(_, cluster)| cluster)
    }

    fn forget(&mut self, now: UnixMillis) {
        while self.window.front().is_some_and(|(seen, ..)| seen.at + WINDOW < now)
            || self.window.len() >= MOST
        {
            let Some((seen, sketch, cluster)) = self.window.pop_front() else { break };
            for band in bands(&sketch) {
                if self.bands.get(&band).is_some_and(|(id, ..)| *id == seen.id) {
                    self.bands.remove(&band);
                }
            }
            let Some((size, people)) = self.sizes.get_mut(&cluster) else { continue };
            size.messages -= 1;
            if let Some(person) = people.get_mut(&seen.by) {
                person.0 -= 1;
                if person.0 == 0 {
                    size.strangers -= usize::from(person.1);
                    people.remove(&seen.by);
                }
            }
            size.people = people.len();
            if size.messages == 0 {
                self.sizes.remove(&cluster);
            }
        }
    }
}

/// Each with its place.
fn bands(sketch: &Sketch) -> impl Iterator<Item = (usize, [u32; BAND])> {
    sketch.chunks_exact(BAND).map(|band| [band[0], band[1]]).enumerate()
}

/// `None` where there are too few letters for it to say anything.
fn sketch(folded: &str) -> Option<Sketch> {
    let letters: Vec<char> = folded.chars().collect();
    if letters.len() < SHINGLE {
        return None;
    }
    let mut sketch = [u32::MAX; HASHES];
    for shingle in letters.windows(SHINGLE) {
        let hash = shingle.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, letter| {
            (hash ^ u64::from(*letter)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        for (n, least) in sketch.iter_mut().enumerate() {
            *least = (*least).min(mixed(hash, n as u64));
        }
    }
    Some(sketch)
}

/// One of many hashes of a hash (the finaliser of SplitMix64).
fn mixed(hash: u64, n: u64) -> u32 {
    let mut x = hash ^ (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moderation::normal::folded;

    fn add(clusters: &mut Clusters, n: u64, by: &str, text: &str, at: u64) -> Option<(ClusterId, Size)> {
        let seen = Seen { id: MessageId(n), by: by.parse().unwrap(), stranger: true, at };
        clusters.add(seen, &folded(text))
    }

    #[test]
    fn a_template_and_its_mutations_are_one_cluster_and_other_texts_are_not() {
        let mut clusters = Clusters::default();
        let first = add(&mut clusters, 1, "a", "Get your free skins today at skinz dot example", 0).unwrap();
        for (n, text) in [
            "get your FREE skins today at skinz dot example 123",
            "Gеt уоur frее skins tоdау at skinz dot example 🎁",
            "G e t your free skins today at skinz dot example",
            "hey get your free skins today at skinz dot example now",
        ]
        .into_iter()
        .enumerate()
        {
            let (cluster, size) = add(&mut clusters, n as u64 + 2, &format!("b{n}"), text, 10).unwrap();
            assert_eq!((cluster, size.people), (first.0, n + 2), "{text}");
        }
        for text in
            ["What camera do you use for this stream?", "这首歌叫什么名字，很好听", "see you at the next one"]
        {
            assert_ne!(add(&mut clusters, 9, "c", text, 20).unwrap().0, first.0, "{text}");
        }
        assert_eq!(add(&mut clusters, 10, "d", "gg", 30), None);
        assert_eq!(clusters.messages(first.0).count(), 5);
    }

    #[test]
    fn what_is_old_is_forgotten_and_memory_is_bounded() {
        let mut clusters = Clusters::default();
        let (cluster, _) = add(&mut clusters, 1, "a", "a rather long text to compare", 0).unwrap();
        add(&mut clusters, 2, "a", "another text of some length here", WINDOW + 1);
        assert_eq!(clusters.messages(cluster).count(), 0);
        for n in 0..3 * MOST as u64 {
            add(&mut clusters, n, "a", &format!("text number {n} of a great many {}", n * 7_919), WINDOW + 2);
        }
        assert!(clusters.window.len() <= MOST && clusters.sizes.len() <= MOST);
        assert!(clusters.bands.len() <= MOST * HASHES / BAND, "{}", clusters.bands.len());
    }
}
