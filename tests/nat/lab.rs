//! The lab is an instrument, so it is measured first: its links have the rate and the loss that they are told.

use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use footlight_tests::net::{Space, link};

/// A media packet.
const PACKET: usize = 1200;

#[test]
fn a_link_loses_the_share_it_is_told() {
    let (a, b) = pair();
    let sent = 10_000;
    for (percent, least, most) in [(1.0, 60, 140), (5.0, 400, 600), (30.0, 2800, 3200)] {
        b.loss("eth0", percent);
        let (arrived, _) = send(&a, &b, sent, Duration::from_micros(20));
        let lost = b.lost("eth0");
        assert!((least..=most).contains(&lost), "{percent} % of {sent} packets: {lost} were lost");
        assert!(arrived as u64 + lost <= sent as u64, "what is lost does not arrive: {arrived}, {lost}");
    }
    b.loss("eth0", 0.0);
    let few = 50;
    assert_eq!(send(&a, &b, few, Duration::from_millis(1)).0, few, "told to lose none, it loses none");
}

#[test]
fn a_link_carries_the_rate_it_is_told_and_takes_another_while_it_runs() {
    let (a, b) = pair();
    for kbit in [6000, 1000, 6000] {
        a.rate("eth0", kbit);
        // Half a second of twice what the link carries.
        let count = kbit as usize * 1000 / 8 / PACKET;
        let pace = Duration::from_micros(500_000 / count as u64);
        let start = Instant::now();
        let (arrived, last) = send(&a, &b, count, pace);
        let carried = (arrived * PACKET * 8) as f64 / (last - start).as_secs_f64() / 1000.0;
        let share = carried / f64::from(kbit);
        assert!((0.85..1.05).contains(&share), "{kbit} kbit/s: {carried:.0} kbit/s arrived");
        assert!(arrived < count, "what does not fit is dropped: {arrived} of {count}");
    }
}

#[test]
fn a_space_leaves_nothing_behind_even_after_a_panic() {
    let names = std::sync::Mutex::new(Vec::new());
    let ended = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let (a, b) = pair();
                names.lock().unwrap().extend([a.name().to_owned(), b.name().to_owned()]);
                let mut left = a.command("sleep").arg("600").spawn().unwrap();
                assert!(left.try_wait().unwrap().is_some(), "what runs inside is not waited for");
            })
            .join()
    });
    assert!(ended.is_err(), "the story fails on purpose");
    for name in names.into_inner().unwrap() {
        assert!(!Path::new("/run/netns").join(&name).exists(), "{name} is still there");
    }
}

fn pair() -> (Space, Space) {
    let (a, b) = (Space::new("a"), Space::new("b"));
    link((&a, "eth0", &["10.9.0.1/24", "fd00:9::1/64"]), (&b, "eth0", &["10.9.0.2/24", "fd00:9::2/64"]));
    (a, b)
}

/// Sends packets from one to the other, one each `pace`. How many arrived, and when the last one did.
fn send(from: &Space, to: &Space, count: usize, pace: Duration) -> (usize, Instant) {
    let receiver = to.enter(|| UdpSocket::bind("10.9.0.2:0").expect("the address is there"));
    let target = receiver.local_addr().expect("a bound socket has an address");
    let sender = from.enter(|| UdpSocket::bind("10.9.0.1:0").expect("the address is there"));
    // A program that waits for its socket would never overfill the link.
    sender.set_nonblocking(true).expect("a socket takes this");
    std::thread::scope(|scope| {
        let counting = scope.spawn(move || {
            // Longer than a link's queue; at the end it is how the silence is noticed.
            receiver.set_read_timeout(Some(Duration::from_millis(600))).expect("a socket takes this");
            let (mut arrived, mut last) = (0, Instant::now());
            let mut buffer = [0; PACKET];
            while receiver.recv(&mut buffer).is_ok() {
                arrived += 1;
                last = Instant::now();
            }
            (arrived, last)
        });
        let start = Instant::now();
        for n in 0..count {
            let due = start + pace * n as u32;
            while Instant::now() < due {
                std::hint::spin_loop();
            }
            // What the socket has no room for is lost like any other.
            let _ = sender.send_to(&[0; PACKET], target);
        }
        counting.join().expect("counting does not fail")
    })
}
