//! The mixer in words and numbers: what a fader says, and why a channel is not heard.

use footlight_protocol::mixer::{Channel, ChannelId, Dial, FADER_MAX_DB, FADER_MIN_DB, Silence};

/// What a fader stands at: `0 dB`, `-20 dB`, and silence at its lower end.
pub fn fader_text(db: f32) -> String {
    if db <= FADER_MIN_DB {
        return "−∞ dB".to_owned();
    }
    let db = if db.fract() == 0.0 { format!("{db:.0}") } else { format!("{db:.1}") };
    format!("{} dB", db.replace('-', "−"))
}

/// Where a fader is put by hand: inside of its bounds.
pub fn fader(text: &str) -> Option<f32> {
    let db: f32 = text.parse().ok()?;
    db.is_finite().then(|| db.clamp(FADER_MIN_DB, FADER_MAX_DB))
}

/// What a number field takes; one outside of its bounds becomes the nearest that fits.
pub fn dial(dial: Dial, text: &str) -> Option<f32> {
    let value: f32 = text.trim().parse().ok()?;
    value.is_finite().then(|| value.clamp(dial.least, dial.most))
}

/// What a dial stands at, as a number field says it.
pub fn dial_text(dial: Dial, channel: &Channel) -> String {
    ((dial.of)(&mut channel.clone()) as &f32).to_string()
}

/// Key of the words for why viewers do not hear a channel; none where there is nothing to say.
pub fn silence(id: ChannelId, silence: Silence) -> Option<&'static str> {
    match silence {
        Silence::Off => None,
        Silence::Muted if id == ChannelId::Microphone => Some("microphone.muted"),
        Silence::Muted => Some("mixer.muted"),
        Silence::NotTalking => Some("mixer.hold_to_talk"),
        Silence::OtherSolo => Some("mixer.other_solo"),
    }
}

/// Key of a channel's name.
pub fn name(id: ChannelId) -> &'static str {
    match id {
        ChannelId::Microphone => "microphone.title",
        ChannelId::Desktop => "mixer.desktop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fader_says_what_it_stands_at() {
        for (db, text) in
            [(0.0, "0 dB"), (-20.0, "−20 dB"), (3.5, "3.5 dB"), (-60.0, "−∞ dB"), (12.0, "12 dB")]
        {
            assert_eq!(fader_text(db), text);
        }
        assert_eq!(
            (fader("-90"), fader("7"), fader("x"), fader("NaN")),
            (Some(-60.0), Some(7.0), None, None)
        );
    }

    #[test]
    fn a_number_field_takes_what_fits() {
        assert_eq!(dial(Dial::RATIO, " 4 "), Some(4.0));
        assert_eq!(dial(Dial::RATIO, "0"), Some(1.0));
        assert_eq!(dial(Dial::RATIO, "inf"), None);
        assert_eq!(dial(Dial::RATIO, ""), None);
        assert_eq!(dial_text(Dial::RATIO, &Channel::default()), "3");
    }
}
