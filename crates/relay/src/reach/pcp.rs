//! PCP (RFC 6887), and NAT-PMP (RFC 6886) where the router answers that it only speaks that.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use crab_nat::{InternetProtocol, PortMapping, PortMappingOptions, PortMappingType, TimeoutConfig, natpmp};
use tokio::net::UdpSocket;

/// A router answers at once or never: asked after 250, 500 and 1000 ms.
const PATIENCE: TimeoutConfig = TimeoutConfig {
    initial_timeout: Duration::from_millis(250),
    max_retries: 2,
    max_retry_timeout: Some(Duration::from_secs(1)),
};

/// Both ports, open.
#[derive(Debug)]
pub(super) struct Open {
    tcp: PortMapping,
    udp: Option<PortMapping>,
    external: IpAddr,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unopened {
    /// Nobody answers.
    Silent,
    /// The router says no.
    Refused,
}

impl Open {
    /// Asks this router for both ports, by the same number where it can be had.
    pub(super) async fn ask(gateway: Ipv4Addr, port: NonZeroU16, lease: Duration) -> Result<Self, Unopened> {
        let gateway = IpAddr::V4(gateway);
        let client = facing(gateway).await.ok_or(Unopened::Silent)?;
        let options = |external| PortMappingOptions {
            external_port: Some(external),
            lifetime_seconds: u32::try_from(lease.as_secs()).ok(),
            timeout_config: Some(PATIENCE),
        };
        let tcp = PortMapping::new(gateway, client, InternetProtocol::Tcp, port, options(port)).await;
        let tcp = tcp.map_err(|failure| {
            tracing::debug!(%failure, "no port by PCP or NAT-PMP");
            if is_silence(&failure) { Unopened::Silent } else { Unopened::Refused }
        })?;
        let external = match tcp.mapping_type() {
            PortMappingType::Pcp { external_ip, .. } => Some(external_ip.to_canonical()),
            PortMappingType::NatPmp => {
                natpmp::external_address(gateway, Some(PATIENCE)).await.ok().map(IpAddr::V4)
            }
        };
        let Some(external) = external else {
            // A port at an address that nobody knows is of no use.
            let _ = tcp.try_drop().await;
            return Err(Unopened::Refused);
        };
        let udp =
            PortMapping::new(gateway, client, InternetProtocol::Udp, port, options(tcp.external_port()))
                .await
                .ok();
        Ok(Self { tcp, udp, external })
    }

    pub(super) fn is_pcp(&self) -> bool {
        matches!(self.tcp.mapping_type(), PortMappingType::Pcp { .. })
    }

    pub(super) fn external(&self) -> IpAddr {
        self.external
    }

    pub(super) fn tcp(&self) -> u16 {
        self.tcp.external_port().get()
    }

    pub(super) fn udp(&self) -> Option<u16> {
        self.udp.as_ref().map(|udp| udp.external_port().get())
    }

    /// The shorter of the leases that the router gave.
    pub(super) fn lease(&self) -> Duration {
        let udp = self.udp.as_ref().map_or(u32::MAX, PortMapping::lifetime);
        Duration::from_secs(u64::from(self.tcp.lifetime().min(udp)))
    }

    /// Whether both still stand.
    pub(super) async fn renew(&mut self) -> bool {
        let udp = match self.udp.as_mut() {
            Some(udp) => udp.renew().await.is_ok(),
            None => true,
        };
        self.tcp.renew().await.is_ok() && udp
    }

    pub(super) async fn close(self) {
        for mapping in [Some(self.tcp), self.udp].into_iter().flatten() {
            if let Err((failure, _)) = mapping.try_drop().await {
                tracing::warn!(%failure, "the router did not close the port");
            }
        }
    }
}

fn is_silence(failure: &crab_nat::MappingFailure) -> bool {
    use crab_nat::{MappingFailure, pcp};
    matches!(
        failure,
        MappingFailure::NatPmp(natpmp::Failure::Timeout | natpmp::Failure::Socket(_))
            | MappingFailure::Pcp(pcp::Failure::Timeout | pcp::Failure::Socket(_))
    )
}

/// This machine's address as that one sees it. A connected UDP socket sends nothing.
async fn facing(gateway: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
    socket.connect((gateway, 9)).await.ok()?;
    Some(socket.local_addr().ok()?.ip())
}
