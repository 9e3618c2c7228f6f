//! What the creator should know about the stream that is coming in, and the setting that changes it.

use footlight_protocol::room::{Note, VideoCodec};
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

/// What a note says: title, what it means, and what to set in OBS and in ffmpeg.
fn says(note: Note) -> (&'static str, &'static str, &'static str, &'static str) {
    match note {
        Note::BFrames => ("note.b_frames", "note.b_frames_text", "note.b_frames_obs", "-bf 0"),
        Note::NotForWebRtc { codec: VideoCodec::Hevc } => {
            ("note.hevc", "note.codec_text", "note.codec_obs", "-c:v libx264 -bf 0")
        }
        Note::NotForWebRtc { codec: VideoCodec::Av1 } => {
            ("note.av1", "note.codec_text", "note.codec_obs", "-c:v libx264 -bf 0")
        }
    }
}

#[component]
pub fn Notes() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let notes = Memo::new(move |_| seat.room().with(|room| room.notes.clone()));
    view! {
        <div class="notes" role="status">
            {move || {
                notes
                    .get()
                    .into_iter()
                    .map(|note| {
                        let (title, text, obs, ffmpeg) = says(note);
                        view! {
                            <section class="note">
                                {Icon::Warning.view()}
                                <div>
                                    <h2>{words.say(title)}</h2>
                                    <p>{words.say(text)}</p>
                                    <dl>
                                        <div>
                                            <dt>"OBS"</dt>
                                            <dd>{words.say(obs)}</dd>
                                        </div>
                                        <div>
                                            <dt>"ffmpeg"</dt>
                                            <dd>
                                                <code>{ffmpeg}</code>
                                            </dd>
                                        </div>
                                    </dl>
                                </div>
                            </section>
                        }
                    })
                    .collect_view()
            }}
        </div>
    }
}
