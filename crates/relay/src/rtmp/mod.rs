//! RTMP and RTMPS, the way in that every encoder knows, and a way out for players that know it.
//!
//! `rtmp://HOST/live` with the stream key as the stream's name publishes; `rtmp://HOST/live/ROOM` plays. The protocol
//! is [`footlight_media::rtmp`]; here are its port, its bounds in time and number, and the way to the room.

mod clock;
mod listener;
mod play;
mod publish;
mod session;

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::{Config, Rtmp};
use crate::error::Error;
use crate::ports::bind_tcp;
use crate::tls::Acceptor;

pub(crate) use listener::Listener;

/// The port that encoders take where they are told none.
const PORT: u16 = 1935;
/// The application of RTMP's URLs.
pub(crate) const APP: &str = "live";

/// A port that waits for connections.
pub(crate) struct Port {
    tcp: TcpListener,
    pub(crate) address: SocketAddr,
    tls: Option<Acceptor>,
}

impl Port {
    fn bind(address: SocketAddr, tls: Option<Acceptor>) -> Result<Self, Error> {
        let failed = |source| Error::listen(address, source);
        let tcp = bind_tcp(address).map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        Ok(Self { tcp, address, tls })
    }
}

/// Binds what the settings ask for: RTMP's port and RTMPS's.
pub(crate) fn bind(config: &Config, tls: Option<&Acceptor>) -> Result<(Option<Port>, Option<Port>), Error> {
    let plain = match config.rtmp {
        Rtmp::Off => None,
        Rtmp::At(address) => Some(Port::bind(address, None)?),
        Rtmp::Usual => {
            let address = SocketAddr::new(config.listen.ip(), PORT);
            let bound = Port::bind(address, None);
            if let Err(error) = &bound {
                tracing::warn!("no RTMP: {error}; --rtmp chooses another port");
            }
            bound.ok()
        }
    };
    let Some(address) = config.rtmps else { return Ok((plain, None)) };
    let Some(tls) = tls else {
        let message = "needs a certificate and its key".to_owned();
        return Err(Error::Setting { setting: "rtmps", message });
    };
    Ok((plain, Some(Port::bind(address, Some(tls.clone()))?)))
}
