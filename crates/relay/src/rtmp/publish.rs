//! A publisher by RTMP: its media into the room, until it says goodbye, is cut, or is gone.

use std::net::IpAddr;
use std::time::Duration;

use footlight_media::flv::{Unit, Unpacker};
use footlight_media::rtmp::{Refusal, ServerEvent};
use footlight_media::{Error, Packet};
use footlight_protocol::KeyId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::session::{Broken, Line};
use crate::clock;
use crate::http::App;
use crate::ingest::feed::Feed;
use crate::room::Door;
use crate::rtc::Ended;

/// A publisher that sends nothing for this long is gone. The room has shown it as interrupted long before.
const IDLE: Duration = Duration::from_secs(30);

/// How publishing came to its end.
enum End {
    /// The publisher's goodbye, or what it sends cannot be carried.
    Over,
    Gone(Broken),
    /// The room took the publisher's place away.
    Cut,
    /// The relay ends.
    Stopped,
}

/// Publishes as whoever has the key.
pub(super) async fn serve<S>(
    line: &mut Line<S>,
    key: &str,
    address: IpAddr,
    app: &App,
    cancel: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Some((door, key)) = unlocked(app, key) else {
        tracing::info!("publish by RTMP refused: wrong key");
        return line.refuse(Refusal::Publish, "The stream key is wrong").await;
    };
    let feed = match door.feed(address, key).await {
        Ok(feed) => feed,
        Err(failure) => return line.refuse(Refusal::Publish, &failure.message).await,
    };
    let room = &door.id;
    tracing::info!(%room, "publisher by RTMP");
    line.server.accept();
    let end = tokio::select! {
        biased;
        () = cancel.cancelled() => End::Stopped,
        () = feed.cut().cancelled() => End::Cut,
        end = carry(line, &feed) => end,
    };
    match end {
        End::Over => {
            tracing::info!(%room, "publisher by RTMP has finished");
            feed.end(Ended::Closed).await;
        }
        End::Gone(why) => {
            tracing::info!(%room, %why, "publisher by RTMP is gone");
            feed.end(Ended::Lost).await;
        }
        End::Cut => tracing::info!(%room, "publisher by RTMP was cut"),
        End::Stopped => feed.end(Ended::Lost).await,
    }
    line.server.end();
    let _ = line.flush().await;
}

/// The room that the key opens, and which of its keys it is.
fn unlocked<'a>(app: &'a App, key: &str) -> Option<(&'a Door, KeyId)> {
    let key = app.auth.publisher(key)?;
    let room = app.auth.keys.room(key)?;
    Some((app.rooms.get(&room)?, key))
}

async fn carry<S>(line: &mut Line<S>, feed: &Feed) -> End
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut media = Media { unpacker: Unpacker::default(), clock: Clock::new(), flowing: false };
    loop {
        let event = match tokio::time::timeout(IDLE, line.next()).await {
            Ok(Ok(event)) => event,
            Ok(Err(broken)) => return End::Gone(broken),
            Err(_) => return End::Gone(Broken::Silent),
        };
        match media.take(event) {
            Ok(Taken::Packet(packet)) => {
                if feed.push(vec![packet]).await.is_err() {
                    return End::Cut;
                }
            }
            Ok(Taken::Nothing) => {}
            Ok(Taken::Goodbye) => return End::Over,
            Err(error) => {
                tracing::info!(%error, "what is published cannot be carried");
                let description = format!("{error}: publish H.264, HEVC or AV1 with AAC or Opus");
                line.refuse(Refusal::Codec, &description).await;
                return End::Over;
            }
        }
    }
}

/// A publisher's streams on their way to packets.
struct Media {
    unpacker: Unpacker,
    clock: Clock,
    /// Something has been carried, so that damage is an accident rather than what this encoder always does.
    flowing: bool,
}

enum Taken {
    Packet(Packet),
    Nothing,
    Goodbye,
}

impl Media {
    fn take(&mut self, event: ServerEvent) -> Result<Taken, Error> {
        let (timestamp, unpacked) = match event {
            ServerEvent::Video { timestamp, body } => (timestamp, self.unpacker.video(&body)),
            ServerEvent::Audio { timestamp, body } => (timestamp, self.unpacker.audio(&body)),
            ServerEvent::Finished => return Ok(Taken::Goodbye),
            // What it says of itself is read from the media.
            ServerEvent::Metadata(_) | ServerEvent::Publish { .. } | ServerEvent::Play { .. } => {
                return Ok(Taken::Nothing);
            }
        };
        match unpacked {
            Ok(Some(unit)) => Ok(Taken::Packet(self.stamp(unit, timestamp))),
            Ok(None) => Ok(Taken::Nothing),
            Err(Error::Media) if self.flowing => {
                tracing::debug!("a damaged frame was left out");
                Ok(Taken::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    fn stamp(&mut self, unit: Unit, timestamp: u32) -> Packet {
        self.flowing = true;
        self.clock.stamp(unit, timestamp, clock::now())
    }
}
