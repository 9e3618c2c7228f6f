//! Who will get in, as the creator's window says it.

use footlight_protocol::reach::{Forecast, Internet, Reason};

#[derive(Debug, Clone)]
pub enum ReachEvent {
    /// The relay was asked, or asked to look again.
    Asked,
    Told(Forecast),
    /// It did not say.
    Failed,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reach {
    pub forecast: Option<Forecast>,
    pub busy: bool,
}

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Fair,
    /// Nobody is to get in, or that is not known.
    Idle,
}

impl Tone {
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Idle => "idle",
        }
    }
}

impl Reach {
    pub fn apply(&mut self, event: ReachEvent) {
        match event {
            ReachEvent::Asked => self.busy = true,
            ReachEvent::Told(forecast) => (self.forecast, self.busy) = (Some(forecast), false),
            // What was known may still be true.
            ReachEvent::Failed => self.busy = false,
        }
    }

    /// Whether there is something to say: where sharing is off, its switch says it.
    pub fn speaks(&self) -> bool {
        self.forecast.as_ref().is_some_and(|forecast| !forecast.reasons.contains(&Reason::NotShared))
    }
}

/// The sentence's key.
pub fn verdict(forecast: &Forecast) -> (&'static str, Tone) {
    match (forecast.internet, forecast.lan) {
        (Internet::Yes, _) => ("reach.everybody", Tone::Good),
        (Internet::Tcp, _) => ("reach.everybody_tcp", Tone::Fair),
        (Internet::No, true) => ("reach.network", Tone::Fair),
        (Internet::No, false) => ("reach.alone", Tone::Idle),
        (Internet::Unknown, true) => ("reach.network_perhaps", Tone::Fair),
        (Internet::Unknown, false) => ("reach.perhaps", Tone::Idle),
    }
}

/// The key of a reason, as a sentence of its own.
pub fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::NotShared => "reach.not_shared",
        Reason::NoNetwork => "reach.no_network",
        Reason::PublicAddress => "reach.public_address",
        Reason::Advertised => "reach.advertised",
        Reason::PortOpened => "reach.port_opened",
        Reason::NotAsked => "reach.not_asked",
        Reason::RouterSilent => "reach.router_silent",
        Reason::RouterRefused => "reach.router_refused",
        Reason::RouterBehindRouter => "reach.router_behind_router",
        Reason::SymmetricNat => "reach.symmetric_nat",
        Reason::UdpBlocked => "reach.udp_blocked",
        Reason::UdpNotOpened => "reach.udp_not_opened",
        Reason::Ipv6Only => "reach.ipv6_only",
    }
}

/// The key of what the line carries, where both the line and the picture are known.
pub fn seats(forecast: &Forecast) -> Option<(&'static str, u32)> {
    forecast.seats.map(|seats| match seats {
        0 => ("reach.seats_none", 0),
        1 => ("reach.seats_one", 1),
        seats => ("reach.seats_many", seats),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(lan: bool, internet: Internet, reasons: &[Reason]) -> Forecast {
        Forecast {
            lan,
            internet,
            reasons: reasons.to_vec(),
            words: String::new(),
            links: Vec::new(),
            opened_by: None,
            confirmed: false,
            uplink_kbit: None,
            seats: None,
        }
    }

    #[test]
    fn every_forecast_has_its_sentence() {
        for (lan, internet, key, tone) in [
            (true, Internet::Yes, "reach.everybody", Tone::Good),
            (true, Internet::Tcp, "reach.everybody_tcp", Tone::Fair),
            (true, Internet::No, "reach.network", Tone::Fair),
            (false, Internet::No, "reach.alone", Tone::Idle),
            (true, Internet::Unknown, "reach.network_perhaps", Tone::Fair),
            (false, Internet::Unknown, "reach.perhaps", Tone::Idle),
        ] {
            assert_eq!(verdict(&forecast(lan, internet, &[])), (key, tone));
        }
    }

    #[test]
    fn what_is_not_shared_needs_no_forecast_and_a_failure_forgets_nothing() {
        let mut reach = Reach::default();
        assert!(!reach.speaks());
        reach.apply(ReachEvent::Asked);
        reach.apply(ReachEvent::Told(forecast(false, Internet::No, &[Reason::NotShared])));
        assert!(!reach.speaks() && !reach.busy);
        reach.apply(ReachEvent::Told(forecast(true, Internet::No, &[Reason::RouterRefused])));
        reach.apply(ReachEvent::Asked);
        assert!(reach.speaks() && reach.busy);
        reach.apply(ReachEvent::Failed);
        assert!(reach.speaks() && !reach.busy);
    }

    #[test]
    fn seats_are_counted_in_words() {
        for (count, said) in [
            (None, None),
            (Some(0), Some(("reach.seats_none", 0))),
            (Some(1), Some(("reach.seats_one", 1))),
            (Some(7), Some(("reach.seats_many", 7))),
        ] {
            let forecast = Forecast { seats: count, ..forecast(true, Internet::Yes, &[]) };
            assert_eq!(seats(&forecast), said);
        }
    }
}
