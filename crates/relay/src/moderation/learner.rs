//! Learns from what moderators take away and let through: a logistic regression over the triples of letters in a message,
//! small enough to be learnt anew from the record at each start. It never decides alone: what it suspects, a moderator
//! looks at.

use std::collections::VecDeque;

use footlight_protocol::moderation::Reason;

use super::normal::folded;

const WEIGHTS: usize = 1 << 13;
const LETTERS: usize = 3;
/// How far one example moves the weights.
const STEP: f32 = 0.8;
const PASSES: usize = 12;
/// Decisions of each kind before it says anything.
const ENOUGH: u32 = 10;
/// As sure as it has to be, as a share.
const SURE: f32 = 0.8;
/// Messages that were left alone, to be held against those that are taken away.
const ORDINARY: usize = 64;
/// For each message that is taken away, so many that were left alone are looked at, too.
const AGAINST: usize = 2;

/// What a room's moderators think of as bad.
#[derive(Debug)]
pub(crate) struct Learner {
    weights: Vec<f32>,
    bias: f32,
    removed: u32,
    left: u32,
    ordinary: VecDeque<String>,
    next: usize,
}

impl Default for Learner {
    fn default() -> Self {
        Self {
            weights: vec![0.0; WEIGHTS],
            bias: 0.0,
            removed: 0,
            left: 0,
            ordinary: VecDeque::new(),
            next: 0,
        }
    }
}

impl Learner {
    /// A moderator took it away or refused it.
    pub(crate) fn removed(&mut self, text: &str) {
        self.removed += 1;
        self.ordinary.retain(|one| one != text);
        let against: Vec<String> =
            (0..AGAINST.min(self.ordinary.len())).map(|n| self.ordinary_at(self.next + n)).collect();
        self.next = self.next.wrapping_add(AGAINST);
        for _ in 0..PASSES {
            self.learn(text, 1.0);
            against.iter().for_each(|one| self.learn(one, 0.0));
        }
        self.left += against.len() as u32;
    }

    /// A moderator brought it back or let it through.
    pub(crate) fn allowed(&mut self, text: &str) {
        self.left += 1;
        (0..PASSES).for_each(|_| self.learn(text, 0.0));
    }

    /// It was said, and nobody minded yet.
    pub(crate) fn ordinary(&mut self, text: &str) {
        if self.ordinary.len() == ORDINARY {
            self.ordinary.pop_front();
        }
        self.ordinary.push_back(text.to_owned());
    }

    /// Why a moderator should look at it first, where one should.
    pub(crate) fn suspects(&self, text: &str) -> Option<Reason> {
        if self.removed < ENOUGH || self.left < ENOUGH {
            return None;
        }
        let likely = self.likely(text);
        (likely >= SURE).then_some(Reason::LikeRemoved { percent: (likely * 100.0) as u8 })
    }

    fn ordinary_at(&self, n: usize) -> String {
        self.ordinary.get(n % self.ordinary.len().max(1)).cloned().unwrap_or_default()
    }

    fn learn(&mut self, text: &str, is: f32) {
        let features = features(text);
        let share = 1.0 / (features.len().max(1) as f32).sqrt();
        let off = is - self.likely(text);
        for feature in features {
            if let Some(weight) = self.weights.get_mut(feature) {
                *weight += STEP * off * share;
            }
        }
        self.bias += STEP * off * 0.1;
    }

    fn likely(&self, text: &str) -> f32 {
        let features = features(text);
        let share = 1.0 / (features.len().max(1) as f32).sqrt();
        let sum: f32 = features.iter().filter_map(|feature| self.weights.get(*feature)).sum();
        1.0 / (1.0 + (-(self.bias + sum * share)).exp())
    }
}

/// The places of the weights of a text, each once.
fn features(text: &str) -> Vec<usize> {
    let letters: Vec<char> = folded(text).chars().collect();
    let mut features: Vec<usize> = letters
        .windows(LETTERS.min(letters.len().max(1)))
        .map(|triple| {
            let hash = triple.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, letter| {
                (hash ^ u64::from(*letter)).wrapping_mul(0x0000_0100_0000_01b3)
            });
            (hash >> 40) as usize % WEIGHTS
        })
        .collect();
    features.sort_unstable();
    features.dedup();
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDINARY_TEXTS: [&str; 12] = [
        "what camera is that, it looks great",
        "good evening everybody from Porto",
        "can you play the song about the river",
        "哈哈哈哈太好笑了",
        "晚上好，今天讲什么？",
        "I tried it with a smaller lens and it was fine",
        "lol same",
        "how long does the paint take to dry",
        "第一次来，画面很清楚",
        "the light on the water is lovely",
        "my cat likes this stream",
        "see you next week, thank you",
    ];

    fn taught() -> Learner {
        let mut learner = Learner::default();
        ORDINARY_TEXTS.iter().for_each(|text| learner.ordinary(text));
        for n in 0..8 {
            learner.removed(&format!("cheap followers for your channel, write to me now {n}"));
            learner.removed(&format!("加我微信买粉丝，便宜又快 {n}"));
        }
        learner
    }

    #[test]
    fn what_is_like_what_was_removed_is_suspect_and_the_rest_is_not() {
        let learner = taught();
        for text in ["Ch3ap followers for you, write me now!", "微信买粉丝，又便宜又快"] {
            assert!(learner.suspects(text).is_some(), "{text}: {}", learner.likely(text));
        }
        for text in ORDINARY_TEXTS.iter().chain(&["is this your first stream?", "明天还播吗", "ok", "🎉", ""])
        {
            assert_eq!(learner.suspects(text), None, "{text}: {}", learner.likely(text));
        }
    }

    #[test]
    fn it_says_nothing_before_it_has_seen_enough_and_can_be_taught_otherwise() {
        let mut learner = Learner::default();
        ORDINARY_TEXTS.iter().for_each(|text| learner.ordinary(text));
        (0..ENOUGH - 1).for_each(|_| learner.removed("buy my book about bridges"));
        assert_eq!(learner.suspects("buy my book about bridges"), None);
        learner.removed("buy my book about bridges");
        assert!(learner.suspects("buy my book about bridges").is_some());
        (0..ENOUGH).for_each(|_| learner.allowed("buy my book about bridges"));
        assert_eq!(learner.suspects("buy my book about bridges"), None);
    }

    #[test]
    fn what_it_remembers_is_bounded() {
        let mut learner = Learner::default();
        (0..1_000).for_each(|n| learner.ordinary(&format!("text {n}")));
        assert_eq!((learner.ordinary.len(), learner.weights.len()), (ORDINARY, WEIGHTS));
    }
}
