//! A player by RTMP.

use footlight_media::rtmp::Refusal;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::session::Line;
use crate::http::App;

pub(super) async fn serve<S>(line: &mut Line<S>, name: &str, app: &App, cancel: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let _ = (name, app, cancel);
    line.refuse(Refusal::Play, "There is no such room").await;
}
