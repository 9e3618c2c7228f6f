//! What viewers hear: the channels of the sound mixer, and what is done to each.
//!
//! The window sends the whole [`Mixer`] whenever something about it is changed. Levels are in dB, of full scale where
//! they are absolute; times in milliseconds.

use serde::{Deserialize, Serialize};

use crate::studio::Level;

/// A fader's ends, in dB. At the lower one the channel is silent.
pub const FADER_MIN_DB: f32 = -60.0;
pub const FADER_MAX_DB: f32 = 12.0;
/// Milliseconds that a channel may be delayed at most.
pub const MAX_DELAY_MS: u16 = 2_000;

/// A way into the mixer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelId {
    /// The microphone that is picked.
    Microphone,
    /// What this computer plays.
    Desktop,
}

impl ChannelId {
    pub const ALL: [Self; 2] = [Self::Microphone, Self::Desktop];

    /// As it is called on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Desktop => "desktop",
        }
    }
}

/// All of the mixer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mixer {
    pub microphone: Channel,
    /// Heard by viewers only where its creator has switched it on: it carries whatever the computer plays.
    pub desktop: Channel,
    /// How much quieter the computer's sound is while the creator speaks, in dB; 0 leaves it as it is.
    pub duck_db: f32,
    /// The microphone is heard only while its creator holds a key.
    pub push_to_talk: bool,
}

impl Default for Mixer {
    fn default() -> Self {
        Self {
            microphone: Channel::default(),
            desktop: Channel { on: false, ..Channel::default() },
            duck_db: 0.0,
            push_to_talk: false,
        }
    }
}

/// One channel, from its source to the sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channel {
    /// Whether its source is opened at all.
    pub on: bool,
    /// [`FADER_MIN_DB`] to [`FADER_MAX_DB`].
    pub fader_db: f32,
    pub muted: bool,
    /// Viewers hear only the channels that are on solo, where any is.
    pub solo: bool,
    /// The creator hears it, too.
    pub monitor: bool,
    /// How much later it is heard than it came.
    pub delay_ms: u16,
    /// Takes away what is no voice. What comes out is the same on both sides.
    pub denoise: bool,
    pub gate: Gate,
    pub compressor: Compressor,
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            on: true,
            fader_db: 0.0,
            muted: false,
            solo: false,
            monitor: false,
            delay_ms: 0,
            denoise: false,
            gate: Gate::default(),
            compressor: Compressor::default(),
        }
    }
}

/// Silence where it is quiet anyway: no fan, no keys, between two sentences.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    pub on: bool,
    /// Opens above it.
    pub threshold_db: f32,
    /// Stays open so long after the last sound above it.
    pub hold_ms: f32,
    /// Takes so long to close.
    pub release_ms: f32,
}

impl Default for Gate {
    /// A voice at a table opens it, the room behind it does not; no word loses its end.
    fn default() -> Self {
        Self { on: false, threshold_db: -45.0, hold_ms: 200.0, release_ms: 150.0 }
    }
}

/// Makes what is loud less loud, so that all of it can be louder.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compressor {
    pub on: bool,
    /// Of the loudness over 10 ms.
    pub threshold_db: f32,
    /// So many dB more come in above the threshold for one that comes out.
    pub ratio: f32,
    pub attack_ms: f32,
    pub release_ms: f32,
    /// Added to all of it.
    pub make_up_db: f32,
}

impl Default for Compressor {
    /// Evens out speech without being heard to do so.
    fn default() -> Self {
        Self {
            on: false,
            threshold_db: -24.0,
            ratio: 3.0,
            attack_ms: 10.0,
            release_ms: 150.0,
            make_up_db: 6.0,
        }
    }
}

/// A value that a filter takes: the least, the most, and how to reach it in a [`Channel`].
#[derive(Clone, Copy)]
pub struct Dial {
    pub least: f32,
    pub most: f32,
    pub of: fn(&mut Channel) -> &mut f32,
}

impl Dial {
    pub const GATE_THRESHOLD: Self =
        Self { least: -80.0, most: 0.0, of: |channel| &mut channel.gate.threshold_db };
    pub const GATE_HOLD: Self = Self { least: 0.0, most: 2_000.0, of: |channel| &mut channel.gate.hold_ms };
    pub const GATE_RELEASE: Self =
        Self { least: 5.0, most: 2_000.0, of: |channel| &mut channel.gate.release_ms };
    pub const THRESHOLD: Self =
        Self { least: -60.0, most: 0.0, of: |channel| &mut channel.compressor.threshold_db };
    pub const RATIO: Self = Self { least: 1.0, most: 20.0, of: |channel| &mut channel.compressor.ratio };
    pub const ATTACK: Self =
        Self { least: 1.0, most: 200.0, of: |channel| &mut channel.compressor.attack_ms };
    pub const RELEASE: Self =
        Self { least: 20.0, most: 2_000.0, of: |channel| &mut channel.compressor.release_ms };
    pub const MAKE_UP: Self =
        Self { least: 0.0, most: 24.0, of: |channel| &mut channel.compressor.make_up_db };
    pub const FADER: Self =
        Self { least: FADER_MIN_DB, most: FADER_MAX_DB, of: |channel| &mut channel.fader_db };

    const ALL: [Self; 9] = [
        Self::GATE_THRESHOLD,
        Self::GATE_HOLD,
        Self::GATE_RELEASE,
        Self::THRESHOLD,
        Self::RATIO,
        Self::ATTACK,
        Self::RELEASE,
        Self::MAKE_UP,
        Self::FADER,
    ];
}

/// How much quieter the computer may be made while the creator speaks, in dB.
pub const MAX_DUCK_DB: f32 = 40.0;

/// Why a mixer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// A level, a ratio or a time is outside of its bounds, or no number.
    Bounds,
    /// Longer than [`MAX_DELAY_MS`].
    Delay,
    /// Who listens to what the computer plays plays it again, and again.
    Echo,
}

impl Mixer {
    pub fn channel(&self, id: ChannelId) -> &Channel {
        match id {
            ChannelId::Microphone => &self.microphone,
            ChannelId::Desktop => &self.desktop,
        }
    }

    pub fn channel_mut(&mut self, id: ChannelId) -> &mut Channel {
        match id {
            ChannelId::Microphone => &mut self.microphone,
            ChannelId::Desktop => &mut self.desktop,
        }
    }

    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), Misfit> {
        for id in ChannelId::ALL {
            let mut channel = self.channel(id).clone();
            if channel.delay_ms > MAX_DELAY_MS {
                return Err(Misfit::Delay);
            }
            if Dial::ALL.iter().any(|dial| !(dial.least..=dial.most).contains((dial.of)(&mut channel))) {
                return Err(Misfit::Bounds);
            }
        }
        if !(0.0..=MAX_DUCK_DB).contains(&self.duck_db) {
            return Err(Misfit::Bounds);
        }
        if self.desktop.monitor { Err(Misfit::Echo) } else { Ok(()) }
    }

    /// What of it is there the next time: who starts the studio again does not find the microphone muted, nor viewers
    /// hearing one channel only, nor the own voice in the headphones.
    pub fn kept(&self) -> Self {
        let mut kept = self.clone();
        kept.microphone.muted = false;
        for id in ChannelId::ALL {
            let channel = kept.channel_mut(id);
            (channel.solo, channel.monitor) = (false, false);
        }
        kept
    }

    /// Why viewers do not hear a channel, if they do not; `talking` says whether the key is held.
    pub fn silence(&self, id: ChannelId, talking: bool) -> Option<Silence> {
        let channel = self.channel(id);
        if !channel.on {
            Some(Silence::Off)
        } else if channel.muted {
            Some(Silence::Muted)
        } else if id == ChannelId::Microphone && self.push_to_talk && !talking {
            Some(Silence::NotTalking)
        } else if !channel.solo && ChannelId::ALL.iter().any(|other| self.channel(*other).is_alone()) {
            Some(Silence::OtherSolo)
        } else {
            None
        }
    }
}

impl Channel {
    /// Whether the others are not heard because of this one.
    fn is_alone(&self) -> bool {
        self.on && self.solo
    }
}

/// Why viewers do not hear a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    Off,
    Muted,
    /// The key is not held.
    NotTalking,
    /// Another channel is on solo.
    OtherSolo,
}

/// Loudness of each channel, after its filters and its fader, whether viewers hear it or not.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Levels {
    pub microphone: Level,
    pub desktop: Level,
}

impl Levels {
    pub fn channel(&self, id: ChannelId) -> Level {
        match id {
            ChannelId::Microphone => self.microphone,
            ChannelId::Desktop => self.desktop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_fits_and_keeps_the_computer_to_itself() {
        let mixer = Mixer::default();
        assert_eq!(mixer.check(), Ok(()));
        assert_eq!(mixer.silence(ChannelId::Microphone, false), None);
        assert_eq!(mixer.silence(ChannelId::Desktop, false), Some(Silence::Off));
        assert_eq!(serde_json::from_str::<Mixer>("{}").unwrap(), mixer, "a file of before has less in it");
        assert!(serde_json::from_str::<Mixer>(r#"{"keyboard":{}}"#).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        type Breaks = fn(&mut Mixer);
        let cases: [(Breaks, Misfit); 8] = [
            (|m| m.microphone.fader_db = 13.0, Misfit::Bounds),
            (|m| m.microphone.fader_db = f32::NAN, Misfit::Bounds),
            (|m| m.desktop.gate.threshold_db = 1.0, Misfit::Bounds),
            (|m| m.microphone.compressor.ratio = 0.5, Misfit::Bounds),
            (|m| m.microphone.compressor.release_ms = f32::INFINITY, Misfit::Bounds),
            (|m| m.duck_db = -3.0, Misfit::Bounds),
            (|m| m.desktop.delay_ms = MAX_DELAY_MS + 1, Misfit::Delay),
            (|m| m.desktop.monitor = true, Misfit::Echo),
        ];
        for (n, (break_it, misfit)) in cases.into_iter().enumerate() {
            let mut mixer = Mixer::default();
            break_it(&mut mixer);
            assert_eq!(mixer.check(), Err(misfit), "case {n}");
        }
    }

    #[test]
    fn who_is_heard_and_why_not() {
        use ChannelId::{Desktop, Microphone};
        let mut mixer = Mixer { push_to_talk: true, ..Mixer::default() };
        assert_eq!(mixer.silence(Microphone, false), Some(Silence::NotTalking));
        assert_eq!(mixer.silence(Microphone, true), None);
        mixer.desktop.solo = true;
        assert_eq!(mixer.silence(Microphone, true), None, "what is off keeps nobody silent");
        mixer.desktop.on = true;
        assert_eq!(mixer.silence(Microphone, true), Some(Silence::OtherSolo));
        assert_eq!(mixer.silence(Desktop, true), None);
        mixer.microphone.solo = true;
        assert_eq!(mixer.silence(Microphone, true), None);
        mixer.microphone.muted = true;
        assert_eq!(mixer.silence(Microphone, true), Some(Silence::Muted));
        let kept = mixer.kept();
        assert!(!kept.microphone.muted && !kept.microphone.solo && !kept.desktop.solo && kept.desktop.on);
    }
}
