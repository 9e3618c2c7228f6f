//! A player by RTMP: the room's FLV tags in RTMP's messages, from the last keyframe on.

use std::net::IpAddr;

use bytes::Bytes;
use footlight_media::flv::TagKind;
use footlight_media::rtmp::{Refusal, ServerEvent};
use footlight_protocol::room::StreamState;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::session::{Broken, Line};
use crate::http::App;
use crate::mux::flv::Reader;
use crate::room::{Ask, Place};

/// Serves the room of that name until the broadcast is over, the player leaves, or it has to.
pub(super) async fn serve<S>(
    line: &mut Line<S>,
    name: &str,
    address: IpAddr,
    app: &App,
    cancel: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Ok(door) = app.room(name) else {
        return line.refuse(Refusal::Play, "There is no such room").await;
    };
    if door.state.borrow().stream == StreamState::Offline {
        return line.refuse(Refusal::Play, "Nothing is being broadcast").await;
    }
    let place = match door.ask(|reply| Ask::Sit { user: None, address, reply }).await {
        Ok(place) => place,
        Err(failure) => return line.refuse(Refusal::Play, &failure.message).await,
    };
    line.server.accept();
    let ended = tokio::select! {
        biased;
        () = cancel.cancelled() => Ok(()),
        ended = carry(line, door.outlets.flv.reader(), &place) => ended,
    };
    if let Err(why) = ended {
        tracing::debug!(%why, "player by RTMP is gone");
        return;
    }
    line.server.end();
    let _ = line.flush().await;
}

async fn carry<S>(line: &mut Line<S>, reader: Reader, place: &Place) -> Result<(), Broken>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut program = Program { reader, told: false };
    loop {
        // One tag at a time: what is not sent yet stays in the ring, where it can be skipped.
        line.flush().await?;
        tokio::select! {
            biased;
            () = place.cut().cancelled() => return Ok(()),
            event = line.next() => {
                if event? == ServerEvent::Finished {
                    return Ok(());
                }
            }
            tag = program.next() => {
                let Some((kind, timestamp, body)) = tag else { return Ok(()) };
                line.server.send(kind, timestamp, body);
            }
        }
    }
}

/// What a player is sent: metadata, then the tags of the ring.
struct Program {
    reader: Reader,
    told: bool,
}

impl Program {
    /// `None` when the broadcast is over. Nothing is lost where it is dropped before it is ready.
    async fn next(&mut self) -> Option<(TagKind, u32, Bytes)> {
        if !self.told {
            let about = self.reader.about().await?;
            self.told = true;
            return Some((TagKind::Script, 0, about.metadata().into()));
        }
        let tag = self.reader.next().await?;
        Some((tag.kind, tag.timestamp, tag.body()))
    }
}
