//! UPnP: finds the router that opens ports and asks it to.
//!
//! The answers come from whoever is on the local network, so they are bounded in size and time, and only the
//! machine that answered is ever asked.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper::Request;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UdpSocket};

use super::igd::{self, Action, Description, Fault, Transport};

/// How long routers have to answer a search; the second asks again, for multicast is lost easily on Wi-Fi.
const SEARCH: [Duration; 2] = [Duration::from_millis(700), Duration::from_millis(1300)];
/// One request to the router, connection and answer.
const REQUEST: Duration = Duration::from_secs(2);
/// Longest answer that is read: descriptions have some 10 KB.
const ANSWER: usize = 128 << 10;

/// A router that has said it opens ports.
#[derive(Debug, Clone)]
pub(super) struct Router {
    host: SocketAddr,
    description: Description,
    /// This machine as the router sees it.
    client: Ipv4Addr,
}

impl Router {
    /// Searches from each of these addresses. Takes the first router that answers.
    pub(super) async fn find(from: &[Ipv4Addr]) -> Option<Self> {
        let mut searches = tokio::task::JoinSet::new();
        for address in from {
            searches.spawn(search(*address));
        }
        let mut found = None;
        while let (None, Some(searched)) = (&found, searches.join_next().await) {
            found = searched.ok().flatten();
        }
        searches.shutdown().await;
        found
    }

    /// The router's address outside.
    pub(super) async fn external_address(&self) -> Option<IpAddr> {
        let answer = self.ask(Action::ExternalAddress, "NewExternalIPAddress").await;
        answer.ok()??.parse().ok()
    }

    /// What it says its line carries upstream, in kbit/s.
    pub(super) async fn uplink_kbit(&self) -> Option<u32> {
        let rate = self.ask(Action::LineRate, "NewLayer1UpstreamMaxBitRate").await.ok()??;
        u32::try_from(rate.parse::<u64>().ok()? / 1000).ok().filter(|kbit| *kbit > 0)
    }

    /// Opens a port. Returns the lease, which is `None` where the router only knows ports that stay open.
    pub(super) async fn open(
        &self,
        transport: Transport,
        external: u16,
        internal: u16,
        lease: Duration,
    ) -> Result<Option<Duration>, Fault> {
        let client = IpAddr::V4(self.client);
        let seconds = u32::try_from(lease.as_secs()).unwrap_or(u32::MAX);
        let add = |lease| Action::Add { external, transport, client, internal, lease };
        match self.ask(add(seconds), "").await {
            Ok(_) => Ok(Some(lease)),
            Err(fault) if fault.wants_permanent() => self.ask(add(0), "").await.map(|_| None),
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn close(&self, transport: Transport, external: u16) {
        if let Err(fault) = self.ask(Action::Delete { external, transport }, "").await {
            tracing::warn!(?transport, external, code = fault.0, "the router did not close the port");
        }
    }

    async fn ask(&self, action: Action, wanted: &str) -> Result<Option<String>, Fault> {
        let control = match (action, &self.description.line) {
            (Action::LineRate, Some(line)) => line,
            (Action::LineRate, None) => return Ok(None),
            _ => &self.description.connection,
        };
        let request = Request::post(&control.path)
            .header(CONTENT_TYPE, "text/xml; charset=\"utf-8\"")
            .header("soapaction", action.header(control));
        let answer = exchange(self.host, request, action.body(control)).await.ok_or(Fault(None))?;
        igd::answer(&answer, wanted)
    }
}

async fn search(from: Ipv4Addr) -> Option<Router> {
    let socket = UdpSocket::bind((from, 0)).await.ok()?;
    // Without this the search leaves by the default route, whichever address it comes from.
    socket2::SockRef::from(&socket).set_multicast_if_v4(&from).ok()?;
    let mut buffer = [0; 2048];
    for wait in SEARCH {
        for search in igd::searches() {
            socket.send_to(search.as_bytes(), igd::SEARCH_GROUP).await.ok()?;
        }
        let deadline = tokio::time::Instant::now() + wait;
        while let Ok(received) = tokio::time::timeout_at(deadline, socket.recv_from(&mut buffer)).await {
            let (length, responder) = received.ok()?;
            let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if let Some(router) = describe(&answer, responder.ip()).await {
                return Some(router);
            }
        }
    }
    None
}

/// Fetches the description that an answer points to, where it is the responder's own.
async fn describe(answer: &str, responder: IpAddr) -> Option<Router> {
    let url = igd::location(answer)?;
    let authority = url.strip_prefix("http://")?.split('/').next()?;
    let host = authority.parse().or_else(|_| authority.parse().map(|ip| SocketAddr::new(ip, 80))).ok()?;
    if host.ip() != responder {
        return None;
    }
    let request = Request::get(igd::path_at(url, host)?);
    let description = Description::parse(&exchange(host, request, String::new()).await?, host)?;
    // A connected UDP socket sends nothing, and knows which of this machine's addresses leads there.
    let probe = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
    probe.connect(host).await.ok()?;
    let IpAddr::V4(client) = probe.local_addr().ok()?.ip() else { return None };
    Some(Router { host, description, client })
}

/// One HTTP request on a connection of its own. Whatever the status, the body is what counts.
async fn exchange(host: SocketAddr, request: hyper::http::request::Builder, body: String) -> Option<String> {
    let request =
        request.header(HOST, host.to_string()).header(CONNECTION, "close").body(Body::from(body)).ok()?;
    let exchange = async {
        let stream = TokioIo::new(TcpStream::connect(host).await.ok()?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.ok()?;
        let answer = async {
            let response = sender.send_request(request).await.ok()?;
            let bytes = to_bytes(Body::new(response.into_body()), ANSWER).await.ok()?;
            String::from_utf8(bytes.to_vec()).ok()
        };
        tokio::pin!(connection, answer);
        tokio::select! {
            answer = &mut answer => answer,
            // Its end is not the answer's: what has arrived may still have to be read.
            _ = &mut connection => answer.await,
        }
    };
    tokio::time::timeout(REQUEST, exchange).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Something on the local network that answers every request with this, again and again where `endless`.
    async fn stranger(answer: &'static str, endless: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                while stream.write_all(answer.as_bytes()).await.is_ok() && endless {}
            }
        });
        address
    }

    fn found_at(location: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nLOCATION: {location}\r\n\r\n")
    }

    #[tokio::test]
    async fn a_stranger_that_answers_a_search_is_no_router() {
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let endless =
            stranger("HTTP/1.1 200 OK\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", true).await;
        let silent = stranger("", false).await;
        let other = stranger("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n<root/>", false).await;
        let begun = std::time::Instant::now();
        for location in [
            format!("http://{endless}/"),
            format!("http://{silent}/"),
            format!("http://{other}/"),
            "http://10.255.255.1/somebody/else.xml".to_owned(),
            "ftp://127.0.0.1/".to_owned(),
            "http://".to_owned(),
        ] {
            assert!(describe(&found_at(&location), localhost).await.is_none(), "{location}");
        }
        assert!(begun.elapsed() < REQUEST * 3, "each is given up in time");
    }
}
