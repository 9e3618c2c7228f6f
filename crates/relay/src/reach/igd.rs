//! What is said to and by a router that speaks UPnP (Internet Gateway Device), as texts: its search, its
//! description, and the few SOAP actions that open and close a port.

use std::net::{IpAddr, Ipv4Addr};

/// Where a search goes (UPnP Device Architecture 1.1, section 1.3.2).
pub(super) const SEARCH_GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(239, 255, 255, 250), 1900);

/// The services that open ports, the newer first.
const CONNECTIONS: [&str; 3] = [
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];
/// The service that knows the line.
const LINE: &str = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1";

/// The searches: routers of either generation answer one of them.
pub(super) fn searches() -> [String; 2] {
    ["urn:schemas-upnp-org:device:InternetGatewayDevice:2", "urn:schemas-upnp-org:device:InternetGatewayDevice:1"].map(
        |target| {
            format!(
                "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {target}\r\n\r\n"
            )
        },
    )
}

/// The `LOCATION` of a search's answer.
pub(crate) fn location(answer: &str) -> Option<&str> {
    let mut lines = answer.lines();
    lines.next().filter(|status| status.starts_with("HTTP/1.1 200"))?;
    lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("location").then(|| value.trim())
    })
}

/// The path of an `http` URL, where it leads to this host and port.
pub(crate) fn path_at(url: &str, host: std::net::SocketAddr) -> Option<&str> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let same = authority.parse() == Ok(host) || (host.port() == 80 && authority.parse() == Ok(host.ip()));
    same.then_some(if path.is_empty() { "/" } else { path })
}

/// One service of the router: its type, and the path that takes its actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Control {
    kind: String,
    pub(crate) path: String,
}

/// What the description says of the services that are of use here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) connection: Control,
    pub(crate) line: Option<Control>,
}

impl Description {
    /// Reads the device description that `host` gave.
    pub(crate) fn parse(xml: &str, host: std::net::SocketAddr) -> Option<Self> {
        let document = roxmltree::Document::parse(xml).ok()?;
        let services: Vec<Control> = document
            .descendants()
            .filter(|node| node.tag_name().name() == "service")
            .filter_map(|service| {
                let text = |name| {
                    service.children().find(|node| node.tag_name().name() == name)?.text().map(str::trim)
                };
                let url = text("controlURL")?;
                // Only the router itself is asked, wherever its description points.
                let path =
                    if url.starts_with("http") { path_at(url, host)?.to_owned() } else { absolute(url) };
                let fits = !path.contains(|c: char| c.is_whitespace() || c.is_control());
                fits.then(|| Some(Control { kind: text("serviceType")?.to_owned(), path })).flatten()
            })
            .collect();
        let find = |kind: &str| services.iter().find(|service| service.kind == kind).cloned();
        Some(Self { connection: CONNECTIONS.iter().find_map(|kind| find(kind))?, line: find(LINE) })
    }
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// What the router is asked to do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    ExternalAddress,
    Add { external: u16, transport: Transport, client: IpAddr, internal: u16, lease: u32 },
    Delete { external: u16, transport: Transport },
    LineRate,
}

impl Action {
    fn name(&self) -> &'static str {
        match self {
            Self::ExternalAddress => "GetExternalIPAddress",
            Self::Add { .. } => "AddPortMapping",
            Self::Delete { .. } => "DeletePortMapping",
            Self::LineRate => "GetCommonLinkProperties",
        }
    }

    /// The value of the `SOAPAction` header.
    pub(super) fn header(&self, control: &Control) -> String {
        format!("\"{}#{}\"", control.kind, self.name())
    }

    /// The request's body. Everything in it is ours, except the service's type, which is one of the known ones.
    pub(super) fn body(&self, control: &Control) -> String {
        let arguments = match self {
            Self::ExternalAddress | Self::LineRate => String::new(),
            Self::Add { external, transport, client, internal, lease } => format!(
                "<NewRemoteHost></NewRemoteHost><NewExternalPort>{external}</NewExternalPort>\
                 <NewProtocol>{}</NewProtocol><NewInternalPort>{internal}</NewInternalPort>\
                 <NewInternalClient>{client}</NewInternalClient><NewEnabled>1</NewEnabled>\
                 <NewPortMappingDescription>Footlight</NewPortMappingDescription>\
                 <NewLeaseDuration>{lease}</NewLeaseDuration>",
                transport.name()
            ),
            Self::Delete { external, transport } => format!(
                "<NewRemoteHost></NewRemoteHost><NewExternalPort>{external}</NewExternalPort>\
                 <NewProtocol>{}</NewProtocol>",
                transport.name()
            ),
        };
        let (name, kind) = (self.name(), &control.kind);
        format!(
            "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:{name} xmlns:u=\"{kind}\">\
             {arguments}</u:{name}></s:Body></s:Envelope>\r\n"
        )
    }
}

/// Why the router did not do it: its own error code, where it gave one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) Option<u16>);

impl Fault {
    /// The port leads to another machine already.
    pub(super) fn is_conflict(self) -> bool {
        self.0 == Some(718)
    }

    /// It only knows mappings without an end.
    pub(super) fn wants_permanent(self) -> bool {
        self.0 == Some(725)
    }
}

/// The values in an answer, or the fault that it is.
pub(crate) fn answer(xml: &str, wanted: &str) -> Result<Option<String>, Fault> {
    let document = roxmltree::Document::parse(xml).map_err(|_| Fault(None))?;
    let text = |name: &str| {
        let node = document.descendants().find(|node| node.tag_name().name() == name)?;
        node.text().map(|text| text.trim().to_owned())
    };
    if document.descendants().any(|node| node.tag_name().name() == "Fault") {
        return Err(Fault(text("errorCode").and_then(|code| code.parse().ok())));
    }
    Ok(text(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "192.168.1.1:5000";

    fn description(control: &str) -> String {
        format!(
            "<?xml version='1.0'?><root xmlns='urn:schemas-upnp-org:device-1-0'><device><serviceList>\
             <service><serviceType>{LINE}</serviceType><controlURL>/line</controlURL></service></serviceList>\
             <deviceList><device><serviceList><service><serviceType>{}</serviceType>\
             <controlURL>{control}</controlURL></service></serviceList></device></deviceList></device></root>",
            CONNECTIONS[1]
        )
    }

    #[test]
    fn a_description_leads_to_the_router_itself_or_nowhere() {
        let host = HOST.parse().unwrap();
        for (control, path) in [
            ("/ctl/IPConn", Some("/ctl/IPConn")),
            ("ctl", Some("/ctl")),
            ("http://192.168.1.1:5000/x", Some("/x")),
            ("http://192.168.1.1:5000", Some("/")),
            ("http://192.168.1.2:5000/x", None),
            ("http://192.168.1.1:5001/x", None),
            ("https://192.168.1.1:5000/x", None),
            ("/a b", None),
        ] {
            let parsed = Description::parse(&description(control), host);
            assert_eq!(parsed.as_ref().map(|d| d.connection.path.as_str()), path, "{control}");
            assert!(parsed.is_none_or(|d| d.line.is_some_and(|line| line.path == "/line")));
        }
        for broken in ["", "<", "<root/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"] {
            assert_eq!(Description::parse(broken, host), None, "{broken}");
        }
    }

    #[test]
    fn a_location_is_read_from_an_answer_only() {
        let answer = "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLocation: http://192.168.1.1:5000/d.xml\r\n\r\n";
        assert_eq!(location(answer), Some("http://192.168.1.1:5000/d.xml"));
        assert_eq!(location("NOTIFY * HTTP/1.1\r\nLocation: http://192.168.1.1/d.xml\r\n\r\n"), None);
        assert_eq!(location(""), None);
        assert_eq!(path_at("http://192.168.1.1/d.xml", "192.168.1.1:80".parse().unwrap()), Some("/d.xml"));
    }

    #[test]
    fn an_answer_is_a_value_or_a_fault_with_its_code() {
        let envelope = |body: &str| format!("<s:Envelope xmlns:s='x'><s:Body>{body}</s:Body></s:Envelope>");
        let value = envelope("<u:R xmlns:u='y'><NewExternalIPAddress> 5.6.7.8 </NewExternalIPAddress></u:R>");
        assert_eq!(answer(&value, "NewExternalIPAddress"), Ok(Some("5.6.7.8".to_owned())));
        assert_eq!(answer(&envelope(""), "NewExternalIPAddress"), Ok(None));
        let fault =
            envelope("<s:Fault><detail><UPnPError><errorCode>718</errorCode></UPnPError></detail></s:Fault>");
        let fault = answer(&fault, "x").unwrap_err();
        assert!(fault.is_conflict() && !fault.wants_permanent());
        assert_eq!(answer(&envelope("<s:Fault/>"), "x"), Err(Fault(None)));
        assert_eq!(answer("no xml", "x"), Err(Fault(None)));
    }

    #[test]
    fn what_is_asked_is_well_formed() {
        let control = Control { kind: CONNECTIONS[0].to_owned(), path: "/".to_owned() };
        let client = "192.168.1.7".parse().unwrap();
        for action in [
            Action::ExternalAddress,
            Action::LineRate,
            Action::Add { external: 1, transport: Transport::Udp, client, internal: 2, lease: 3 },
            Action::Delete { external: 1, transport: Transport::Tcp },
        ] {
            let body = action.body(&control);
            let document = roxmltree::Document::parse(&body).unwrap();
            assert!(document.descendants().any(|node| node.tag_name().name() == action.name()), "{body}");
            assert_eq!(action.header(&control), format!("\"{}#{}\"", control.kind, action.name()));
        }
    }
}
