//! The places where a broadcast goes, in words: what they are called, how they do, and what is wrong with what was
//! typed.

use footlight_protocol::destination::{
    Address, DestinationState, DestinationStatus, Misfit, Platform, Protocol,
};
use footlight_protocol::{Code, Failure};

/// Key of a platform's name.
pub fn platform(platform: Platform) -> &'static str {
    match platform {
        Platform::Twitch => "platform.twitch",
        Platform::YouTube => "platform.youtube",
        Platform::Facebook => "platform.facebook",
        Platform::Kick => "platform.kick",
        Platform::Bilibili => "platform.bilibili",
        Platform::Douyin => "platform.douyin",
        Platform::Douyu => "platform.douyu",
        Platform::Huya => "platform.huya",
        Platform::Other => "platform.other",
    }
}

/// Key of the sentence that says where its stream key, and its server where that is no secret of ours, are found.
pub fn finding(platform: Platform) -> &'static str {
    match platform {
        Platform::Twitch => "finding.twitch",
        Platform::YouTube => "finding.youtube",
        Platform::Facebook => "finding.facebook",
        Platform::Kick | Platform::Douyin | Platform::Douyu | Platform::Huya => "finding.own",
        Platform::Bilibili => "finding.bilibili",
        Platform::Other => "finding.other",
    }
}

/// Key of what is wrong with what was typed.
pub fn misfit(misfit: Misfit) -> &'static str {
    match misfit {
        Misfit::Name => "dest.bad_name",
        Misfit::Address => "dest.bad_address",
        Misfit::Application => "dest.bad_application",
        Misfit::KeyInAddress => "dest.key_in_address",
        Misfit::Key => "dest.bad_key",
        Misfit::TooMany => "dest.full",
    }
}

/// Key of what is wrong with a connection and what can be done; none for what is said everywhere alike.
pub fn failure(failure: &Failure) -> Option<&'static str> {
    Some(match failure.code {
        Code::KeyRefused => "dest.key_refused",
        Code::HungUp => "dest.hung_up",
        Code::Unreachable => "dest.unreachable",
        Code::RoomBusy => "dest.busy",
        Code::NotFound => "dest.no_application",
        Code::Untrusted => "dest.untrusted",
        _ => return None,
    })
}

/// Key of how it does, where no reason and no time go with it.
pub fn state(known: &DestinationStatus, on_air: bool) -> &'static str {
    match known.state {
        DestinationState::Off if !known.destination.enabled => "dest.switched_off",
        DestinationState::Off if !known.has_key => "dest.no_key",
        DestinationState::Off if on_air => "dest.connecting",
        DestinationState::Off => "dest.ready",
        DestinationState::Connecting => "dest.connecting",
        DestinationState::Live { .. } => "dest.live",
        DestinationState::Slow { .. } => "dest.slow",
        DestinationState::Waiting { .. } => "dest.waiting",
        DestinationState::Refused { .. } => "dest.refused",
    }
}

/// Seconds until it is tried again, rounded up; none once it is.
pub fn countdown(state: &DestinationState, now_ms: f64) -> Option<u64> {
    let left = state.retry_at()? as f64 - now_ms;
    (left > 0.0).then_some((left / 1000.0).ceil() as u64)
}

/// Whether a key would go to that address unencrypted over a network.
pub fn is_readable(url: &str) -> bool {
    let Ok(address) = Address::parse(url) else { return false };
    let here = address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
    let open = match address.protocol {
        Protocol::Rtmp => true,
        Protocol::Rtmps => false,
        Protocol::Whip => address.url.starts_with("http://"),
    };
    open && !here
}

#[cfg(test)]
mod tests {
    use footlight_protocol::destination::Destination;

    use super::*;

    #[test]
    fn the_countdown_ends_with_the_next_try() {
        let failure = Failure::new(Code::Unreachable, "");
        let waiting = DestinationState::Waiting { attempt: 1, retry_at: 10_000, failure };
        for (now, left) in [(0.0, Some(10)), (9_001.0, Some(1)), (9_000.0, Some(1)), (10_000.0, None)] {
            assert_eq!(countdown(&waiting, now), left, "{now}");
        }
        assert_eq!(countdown(&DestinationState::Live { since: 1 }, 0.0), None);
    }

    #[test]
    fn what_is_off_says_why() {
        let destination = Destination {
            id: "d1".parse().unwrap(),
            platform: Platform::Other,
            name: "TV".into(),
            url: "rtmp://h/live".into(),
            enabled: true,
        };
        let off = DestinationState::Off;
        let mut known = DestinationStatus { destination, fixed: false, has_key: true, state: off, kbps: 0 };
        assert_eq!(state(&known, false), "dest.ready");
        known.has_key = false;
        assert_eq!(state(&known, true), "dest.no_key");
        known.destination.enabled = false;
        assert_eq!(state(&known, true), "dest.switched_off");
    }

    #[test]
    fn an_open_way_is_told_from_a_closed_one() {
        for (url, readable) in [
            ("rtmp://live.example.org/app", true),
            ("http://example.org/whip/main", true),
            ("rtmps://live.example.org/app", false),
            ("https://example.org/whip/main", false),
            ("rtmp://127.0.0.1/live", false),
            ("http://localhost:8080/whip/main", false),
            ("", false),
        ] {
            assert_eq!(is_readable(url), readable, "{url}");
        }
    }
}
