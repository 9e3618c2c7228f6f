//! Credentials for TURN: those that the relay hands to a viewer are good at a real TURN server.

use footlight_tests::wait::seconds;
use footlight_tests::{Output, tool, turn};

use crate::world::{Daemon, House, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_server_takes_the_credentials_that_viewers_get() {
    let _turn = turn().await;
    let output = Output::new("turn");
    let world = World::new(House::Open, Daemon::None, &output).await;
    let servers = "ice_servers = [{ url = \"turn:20.0.3.2:3478?transport=udp\" }]";
    let stage = world.relay("0.0.0.0:0", servers, &output).await;
    let client = reqwest::Client::builder().no_proxy().timeout(seconds(10)).build().expect("plain settings");
    let url = format!("{}/whep/main", stage.door.http());
    let request = client.request(reqwest::Method::OPTIONS, url);
    let answer = request.send().await.expect("the relay answers");
    let link = answer.headers()["link"].to_str().expect("the header is text").to_owned();
    let part = |name: &str| {
        let rest = link.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("{name} in {link}"));
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    assert!(link.starts_with("<turn:20.0.3.2:3478?transport=udp>; rel=\"ice-server\""), "{link}");
    let (user, password) = (part("username"), part("credential"));

    // coturn's own client: allocates, sends ten messages to itself through the server, counts what came back.
    let uclient = tool::find("turnutils_uclient", "coturn");
    let ask = |password: &str| {
        let mut command = world.viewer.command(&uclient);
        command.args(["-y", "-c", "-m", "1", "-n", "10", "-u", &user, "-w", password, "20.0.3.2"]);
        let done = command.output().expect("the client starts");
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    let said = ask(&password);
    output.write("turnutils_uclient.txt", &said);
    assert!(said.contains("Total lost packets 0 "), "{said}");
    assert!(!ask("wrong").contains("Total lost packets 0 "), "a wrong password is refused");
}
