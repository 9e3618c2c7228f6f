//! Who gets in: the forecast is asked before, then a viewer in a real browser tries.

use std::net::SocketAddr;

use footlight_tests::browser::Setup;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, turn};
use serde_json::Value;

use crate::world::{Daemon, HOUSE, House, Stage, World, reasons};

/// How media came to the viewer: `udp` or `tcp`.
async fn watch(world: &World, stage: &Stage, link: &str, output: &Output) -> String {
    let whip = format!("whip+http://127.0.0.1:{}/whip/main", stage.port);
    let studio = Headless::default().size(640, 360).fps(30).to(&whip, stage.relay.ready.key());
    let mut studio = studio.start_in(Some(&world.creator), "footlight", output).await;
    studio.live(seconds(30)).await;
    let viewer = Viewer::open_in(Some(&world.viewer), "viewer", link, Setup::default(), output).await;
    let first = viewer.playing(seconds(40)).await;
    viewer.number(seconds(10), |number| number.counter > first.counter + 30).await;
    let script = "const connection = instruments.connections.findLast(c => c.connectionState === 'connected');\
                  const stats = [...(await connection.getStats()).values()];\
                  const pair = stats.find(s => s.type === 'candidate-pair' && s.nominated);\
                  return stats.find(s => s.id === pair.localCandidateId).protocol";
    let protocol = viewer.browser.page.run(script).await;
    viewer.browser.screenshot_and_console(output).await;
    protocol.as_str().expect("a protocol is a text").to_owned()
}

fn link(forecast: &Value) -> &str {
    forecast["links"][0].as_str().expect("there is a link")
}

/// A closed house: nobody outside gets as far as the page, and the forecast has said so.
fn assert_closed(world: &World, stage: &Stage, forecast: &Value) {
    assert_eq!((&forecast["internet"], &forecast["lan"]), (&"no".into(), &true.into()), "{forecast}");
    assert!(
        forecast["words"].as_str().is_some_and(|words| words.starts_with("Same Wi-Fi only")),
        "{forecast}"
    );
    let outer = format!("{HOUSE}:{}", stage.port).parse().expect("an address");
    assert!(!world.gets_through(outer), "the house is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_a_public_address_is_watched_over_udp() {
    let _turn = turn().await;
    let output = Output::new("nat-open");
    let world = World::new(House::Open, Daemon::None, &output).await;
    let stage = world.relay("0.0.0.0:0", "", &output).await;
    let forecast = stage.forecast(&output).await;
    assert_eq!((forecast["internet"].as_str(), reasons(&forecast)), (Some("yes"), vec!["public_address"]));
    assert_eq!(watch(&world, &stage, link(&forecast), &output).await, "udp");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_opens_ports_by_upnp_lets_viewers_in_until_the_relay_ends() {
    let _turn = turn().await;
    let output = Output::new("nat-upnp");
    let world = World::new(House::PortRestricted, Daemon::Upnp, &output).await;
    let mut stage = world.relay("0.0.0.0:0", "", &output).await;
    let forecast = stage.forecast(&output).await;
    assert_eq!(
        (forecast["internet"].as_str(), reasons(&forecast)),
        (Some("yes"), vec!["port_opened"]),
        "{forecast}"
    );
    assert_eq!(forecast["opened_by"], "upnp");
    assert!(link(&forecast).starts_with(&format!("http://{HOUSE}:")), "{forecast}");
    // The router says that its line carries 20 Mbit/s.
    assert_eq!((&forecast["uplink_kbit"], &forecast["seats"]), (&20_000.into(), &7.into()));
    assert_eq!(watch(&world, &stage, link(&forecast), &output).await, "udp");

    let outer = format!("{HOUSE}:{}", stage.port).parse().expect("an address");
    assert!(world.gets_through(outer));
    let router = world.router.as_ref().expect("this house has a router");
    for chain in ["opened", "opened_in", "opened_out"] {
        router.nft(&format!("flush chain inet router {chain}\n"));
    }
    assert!(!world.gets_through(outer), "the router has forgotten the port, as after a power cut");
    let again = stage.look_again().await;
    assert_eq!(again["internet"], "yes", "{again}");
    assert!(world.gets_through(outer), "asked again, it opens the port again");

    stage.relay.process.terminate();
    assert_eq!(stage.relay.process.exit_code(seconds(6)).await, 0);
    let rules = router.output(
        &footlight_tests::tool::find("nft", "nftables"),
        &["list", "chain", "inet", "router", "opened_in"],
    );
    assert!(!rules.contains("dnat"), "the port is closed again: {rules}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desktop_app_lets_the_internet_in_when_its_creator_says_so() {
    let _turn = turn().await;
    let output = Output::new("nat-app");
    let world = World::new(House::PortRestricted, Daemon::Upnp, &output).await;
    let data = Scratch::new("studio-data");
    let studio = Headless::default().size(640, 360).fps(30).listen("0.0.0.0:0").data(data.path());
    let mut studio = studio.start_in(Some(&world.creator), "footlight-closed", &output).await;
    studio.live(seconds(30)).await;
    let port = studio.ready.udp.expect("the app's relay has a port");
    let outer = SocketAddr::new(HOUSE.parse().expect("an address"), port);
    assert!(!world.gets_through(outer), "the app asks no router by itself");
    drop(studio);

    std::fs::write(data.path().join("settings.toml"), "internet = true\n").expect("the folder is ours");
    let studio = Headless::default().size(640, 360).fps(30).listen(&format!("0.0.0.0:{port}"));
    let mut studio = studio.data(data.path()).start_in(Some(&world.creator), "footlight", &output).await;
    studio.live(seconds(30)).await;
    wait::until("the router opens the port", seconds(30), async || world.gets_through(outer).then_some(()))
        .await;
    let link = format!("http://{outer}/main");
    let viewer = Viewer::open_in(Some(&world.viewer), "viewer", &link, Setup::default(), &output).await;
    viewer.playing(seconds(40)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_opens_ports_by_pcp_lets_viewers_in() {
    let _turn = turn().await;
    let output = Output::new("nat-pcp");
    let world = World::new(House::Symmetric, Daemon::Pcp, &output).await;
    let mut stage = world.relay("0.0.0.0:0", "", &output).await;
    let forecast = stage.forecast(&output).await;
    assert_eq!(
        (forecast["internet"].as_str(), reasons(&forecast)),
        (Some("yes"), vec!["port_opened"]),
        "{forecast}"
    );
    assert!(matches!(forecast["opened_by"].as_str(), Some("pcp" | "nat_pmp")), "{forecast}");
    assert_eq!(watch(&world, &stage, link(&forecast), &output).await, "udp");
    stage.relay.process.terminate();
    assert_eq!(stage.relay.process.exit_code(seconds(6)).await, 0);
    let router = world.router.as_ref().expect("this house has a router");
    let rules = router.output(
        &footlight_tests::tool::find("nft", "nftables"),
        &["list", "chain", "inet", "router", "opened_in"],
    );
    assert!(!rules.contains("dnat"), "the port is closed again: {rules}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_refuses_is_named_as_the_reason() {
    let _turn = turn().await;
    let output = Output::new("nat-refused");
    let world = World::new(House::PortRestricted, Daemon::Denying, &output).await;
    let stage = world.relay("0.0.0.0:0", "", &output).await;
    let forecast = stage.forecast(&output).await;
    assert_eq!(reasons(&forecast), ["router_refused"], "{forecast}");
    assert_closed(&world, &stage, &forecast);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symmetric_nat_keeps_everybody_out_and_is_named() {
    let _turn = turn().await;
    let output = Output::new("nat-symmetric");
    let world = World::new(House::Symmetric, Daemon::None, &output).await;
    let stage = world.relay("0.0.0.0:0", "", &output).await;
    let forecast = stage.forecast(&output).await;
    assert_eq!(reasons(&forecast), ["router_silent", "symmetric_nat"], "{forecast}");
    assert_closed(&world, &stage, &forecast);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_udp_is_blocked_at_the_relay_viewers_come_over_tcp() {
    let _turn = turn().await;
    let output = Output::new("nat-no-udp");
    let world = World::new(House::Open, Daemon::None, &output).await;
    world.block_udp_of_the_house();
    let stage = world.relay("0.0.0.0:0", "", &output).await;
    let forecast = stage.forecast(&output).await;
    assert_eq!(
        (forecast["internet"].as_str(), reasons(&forecast)),
        (Some("tcp"), vec!["public_address", "udp_blocked"])
    );
    assert_eq!(watch(&world, &stage, link(&forecast), &output).await, "tcp");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_udp_is_blocked_at_the_viewer_it_comes_over_tcp_through_an_opened_port() {
    let _turn = turn().await;
    let output = Output::new("nat-viewer-no-udp");
    let world = World::new(House::PortRestricted, Daemon::Upnp, &output).await;
    let stage = world.relay("0.0.0.0:0", "", &output).await;
    let forecast = stage.forecast(&output).await;
    assert_eq!(forecast["internet"], "yes", "{forecast}");
    world.block_udp_of_the_viewer();
    assert_eq!(watch(&world, &stage, link(&forecast), &output).await, "tcp");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_comes_over_ipv6() {
    let _turn = turn().await;
    let output = Output::new("nat-ipv6");
    let world = World::new(House::Open, Daemon::None, &output).await;
    let stage = world.relay("[::]:0", "", &output).await;
    let forecast = stage.forecast(&output).await;
    let link = forecast["links"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let link = link.clone().find(|link| link.contains("[2a00:1::2]")).expect("there is a link for IPv6");
    world.block_ipv4_of_the_viewer();
    assert_eq!(watch(&world, &stage, link, &output).await, "udp");
}
