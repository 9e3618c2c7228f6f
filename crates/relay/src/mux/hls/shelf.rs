//! What the HTTP side takes from: the renditions behind one lock, and the word that something is new.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use footlight_media::playlist::{self, Reload, Rendition, Variant};
use tokio::sync::watch;

use super::lane::{Lane, TERMS, Text};
use crate::lock::lock;

/// How long a request waits for what is not there yet. Players give a playlist ten seconds; between publishers they
/// are told what there is and ask again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Not here, or no longer.
    Gone,
    /// Asked for what is further ahead than anybody may know (section 6.2.5.2).
    TooFar,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) video: Lane,
    pub(super) audio: Lane,
    /// The broadcast is over.
    pub(super) ended: bool,
}

impl State {
    fn lane(&mut self, rendition: Rendition) -> &mut Lane {
        match rendition {
            Rendition::Video => &mut self.video,
            Rendition::Audio => &mut self.audio,
        }
    }

    fn variants(&self) -> Vec<Variant> {
        let lanes = [(Rendition::Video, &self.video), (Rendition::Audio, &self.audio)];
        let known = lanes.into_iter().filter(|(_, lane)| !lane.codecs.is_empty() && !lane.is_empty());
        let variant = |(rendition, lane): (Rendition, &Lane)| {
            let (peak, average) = lane.rates();
            Variant { rendition, peak, average, codecs: lane.codecs.clone(), size: lane.size }
        };
        known.map(variant).collect()
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Changes with every part.
    news: watch::Sender<()>,
}

/// A room's segments; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shelf(Arc<Shared>);

impl Shelf {
    /// Keeps the last `window` of the broadcast. Segments are numbered from `sequence` on.
    pub(crate) fn new(window: Duration, sequence: u64) -> Self {
        let lane = |rendition| Lane::new(rendition, window, sequence);
        let (video, audio) = (lane(Rendition::Video), lane(Rendition::Audio));
        let state = Mutex::new(State { video, audio, ended: false });
        Self(Arc::new(Shared { state, news: watch::channel(()).0 }))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    /// Whether there is nothing to be had.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.video.is_empty() && state.audio.is_empty()
    }

    pub(super) fn tell(&self) {
        self.0.news.send_replace(());
    }

    /// The playlist of the renditions, once each has a segment: players that know no parts would find nothing.
    pub(crate) async fn multivariant(&self) -> Result<String, Missing> {
        let found = self.wait(|state| {
            let lanes = [&state.video, &state.audio];
            let mut expected = lanes.into_iter().filter(|lane| !lane.codecs.is_empty()).peekable();
            let known = expected.peek().is_some() && expected.all(|lane| lane.has_segments());
            known.then(|| state.variants())
        });
        found.await.map(|variants| playlist::multivariant(&variants)).ok_or(Missing::Gone)
    }

    /// A media playlist, once it has what the request waits for.
    pub(crate) async fn playlist(&self, rendition: Rendition, reload: Reload) -> Result<Text, Missing> {
        {
            let mut state = self.state();
            let ended = state.ended;
            let lane = state.lane(rendition);
            if let Some(sequence) = reload.sequence
                && !ended
                && !lane.is_empty()
                && lane.is_too_far(sequence, reload.part)
            {
                return Err(Missing::TooFar);
            }
        }
        let ready = self.wait(|state| {
            let ended = state.ended;
            let lane = state.lane(rendition);
            let has = match reload.sequence {
                Some(sequence) => lane.has(sequence, reload.part),
                None => lane.has_segments(),
            };
            (!lane.is_empty() && (has || ended)).then_some(())
        });
        ready.await;
        let mut state = self.state();
        let ended = state.ended;
        let other = match rendition {
            Rendition::Video => &state.audio,
            Rendition::Audio => &state.video,
        };
        let report = (!other.is_empty()).then(|| other.report());
        let lane = state.lane(rendition);
        if lane.is_empty() { Err(Missing::Gone) } else { Ok(lane.text(reload.skip, ended, report)) }
    }

    pub(crate) fn init(&self, rendition: Rendition, number: u64) -> Result<Bytes, Missing> {
        self.state().lane(rendition).init(number).ok_or(Missing::Gone)
    }

    /// The parts of a complete segment, one behind the other.
    pub(crate) fn segment(&self, rendition: Rendition, sequence: u64) -> Result<Vec<Bytes>, Missing> {
        self.state().lane(rendition).segment(sequence).map(<[Bytes]>::to_vec).ok_or(Missing::Gone)
    }

    /// A part. One that comes next, as the playlist hinted, is waited for.
    pub(crate) async fn part(
        &self,
        rendition: Rendition,
        sequence: u64,
        part: usize,
    ) -> Result<Bytes, Missing> {
        let found = self.wait(|state| {
            let ended = state.ended;
            let lane = state.lane(rendition);
            match lane.part(sequence, part) {
                Some(data) => Some(Some(data)),
                None if ended || !lane.is_next(sequence, part) => Some(None),
                None => None,
            }
        });
        found.await.flatten().ok_or(Missing::Gone)
    }

    /// What `look` finds, as soon as it does; `None` when it does not in time.
    async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let mut news = self.0.news.subscribe();
        let found = async {
            loop {
                if let Some(found) = look(&mut self.state()) {
                    return Some(found);
                }
                news.changed().await.ok()?;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.ok().flatten()
    }
}

/// How far segments may be from the target before one is cut without a keyframe.
pub(super) const LONGEST: Duration = TERMS.target;
