//! Puts the relay together, runs it, and takes it apart in order.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use footlight_protocol::RoomId;
use footlight_protocol::room::{Presence, RoomState, StreamState};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::acme::{self, Answers, Renewer};
use crate::auth::Auth;
use crate::bus::{self, Home, HomeSetup};
use crate::chat::history::TAIL;
use crate::clock;
use crate::config::Config;
use crate::drain::Drain;
use crate::egress::hls::Audience;
use crate::error::Error;
use crate::gift::receipt::Signer;
use crate::hook;
use crate::http::account::Accounts;
use crate::http::listener::Listener;
use crate::http::{App, Shared, router};
use crate::keys::NotMade;
use crate::metrics::Metrics;
use crate::mux::{self, Intake, Mux};
use crate::ports::{bind_both, reachable};
use crate::reach;
use crate::record::{self, Archive, Uploader};
use crate::renditions::{self, Maker, Program, Renditions, Tap};
use crate::retention::Keeper;
use crate::room::{self, Actor, Door};
use crate::rtc::{Answerer, Engine, RoomSetup, host_addresses};
use crate::rtmp;
use crate::secret::Secret;
use crate::store::{Place, Store, Writer};
use crate::stripe::Cashier;
use crate::throttle::{Patience, Throttle};
use crate::tls;
use crate::usage::{Sampler, raise_open_files};

/// What each step of the shutdown may take; together below five seconds.
const STEP: Duration = Duration::from_secs(1);

/// Of those who show links that are none, by address.
const KNOCKS: Patience = Patience { free: 10, longest: 15 * 60_000 };

/// What a relay that is bound says of itself.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Base URL, `http://127.0.0.1:PORT` where the relay listens on every address; `https` where it has a
    /// certificate.
    pub http: String,
    /// The room's viewer page.
    pub watch: String,
    /// UDP port of all media; the number is that of the TCP port. 0 at a [`crate::Branch`], which takes none.
    pub udp: u16,
    /// What an encoder takes as its server, `rtmp://127.0.0.1:PORT/live`, where RTMP is taken.
    pub rtmp: Option<String>,
    /// Likewise, `rtmps`.
    pub rtmps: Option<String>,
    pub room: RoomId,
    /// Set when the key was made by this start or handed in; otherwise only its hash is known.
    pub stream_key: Option<Secret>,
    /// As with `stream_key`.
    pub owner_token: Option<Secret>,
}

/// What the relay's room does right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    pub stream: StreamState,
    /// Viewers, members, and the viewers' own measured latency.
    pub presence: Presence,
}

/// Looks into a running relay from outside; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    state: watch::Receiver<RoomState>,
    drain: Drain,
    /// Not held: the store goes with the relay, however long somebody looks into it.
    auth: Weak<Auth>,
}

impl Handle {
    pub(crate) fn new(state: watch::Receiver<RoomState>, drain: Drain, auth: Weak<Auth>) -> Self {
        Self { state, drain, auth }
    }

    /// Waits to be asked to end, and for the drain after that.
    pub(crate) async fn over(self, asked: &CancellationToken) {
        self.drain.over(asked, self.state).await;
    }

    pub fn stats(&self) -> Stats {
        let state = self.state.borrow();
        Stats { stream: state.stream.clone(), presence: state.presence }
    }

    /// Ends a drain that is under way: what [`Config::drain`] still leaves to those who are here is over.
    pub fn hurry(&self) {
        self.drain.hurry();
    }

    /// A stream key for the program that bundles the relay: `known` where that is still good, else a new one named
    /// `studio`, since the owner can replace keys and take them back while the program is not looking.
    pub async fn stream_key(&self, known: Secret) -> Result<Secret, Error> {
        let room = self.state.borrow().room.clone();
        let auth = self.auth.upgrade().ok_or(Error::Stopped { part: "the relay" })?;
        auth.keys.for_bundler(&room, known).await.map_err(|why| match why {
            NotMade::Fault(error) => error,
            NotMade::NameTaken | NotMade::TooMany | NotMade::NoSuchKey => {
                Error::System { what: "a stream key" }
            }
        })
    }

    /// Resolves when [`Handle::stats`] has changed since the last call; false when the relay is gone.
    pub async fn changed(&mut self) -> bool {
        self.state.changed().await.is_ok()
    }
}

/// A relay whose ports are bound and whose database is open. [`Relay::run`] serves.
pub struct Relay {
    ready: Ready,
    handle: Handle,
    engine: Engine,
    muxes: Vec<Mux>,
    makers: Vec<Maker>,
    archive: Archive,
    uploader: Option<Uploader>,
    rooms: Vec<room::Setup>,
    /// The room's end of the bus, where there is one.
    home: Option<Home>,
    rooms_cancel: CancellationToken,
    sockets: TaskTracker,
    listener: Listener,
    encoders: Vec<rtmp::Listener>,
    tls: Option<tls::Acceptor>,
    renewer: Option<Renewer>,
    lanes: hook::Lanes,
    keeper: Option<Keeper>,
    sampler: Sampler,
    reaching: reach::Task,
    writer: Writer,
}

impl Relay {
    /// Opens the data folder and binds both ports. Nothing is served before [`Relay::run`], but connections
    /// already wait.
    pub async fn bind(config: Config) -> Result<Self, Error> {
        raise_open_files();
        std::fs::create_dir_all(&config.data)
            .map_err(|source| Error::File { path: config.data.clone(), source })?;
        let answers = Answers::default();
        let names = config.acme.as_ref().map(|acme| acme.domains.clone()).unwrap_or_default();
        let (tls, renewer) = match (&config.tls, config.acme.clone()) {
            (Some(files), None) => (Some(tls::Acceptor::load(files, None)?), None),
            (None, Some(acme)) => {
                let files = acme::prepare(&config.data)?;
                let tls = tls::Acceptor::load(&files, Some(answers.clone()))?;
                (Some(tls), Some(Renewer::new(acme, &files, answers.clone())))
            }
            (None, None) => (None, None),
            (Some(_), Some(_)) => {
                let message = "the certificate is either in files or had by ACME".to_owned();
                return Err(Error::Setting { setting: "tls, acme", message });
            }
        };
        if config.turn_secret.is_none()
            && let Some(server) = config.ice_servers.iter().find(|server| server.needs_secret())
        {
            let message =
                format!("{} needs a username and a credential, or FOOTLIGHT_TURN_SECRET", server.url);
            return Err(Error::Setting { setting: "ice_servers", message });
        }
        let cashier = config.stripe.as_ref().map(Cashier::new).transpose()?;
        let (tcp, udp, address) = bind_both(config.listen)?;
        let (rtmp, rtmps) = rtmp::bind(&config, tls.as_ref())?;
        let (store, writer) = Store::open(Place::of(&config.data, config.database)).await?;
        let (auth, shown) = Auth::open(&store, &config.room, config.stream_key, config.owner_token).await?;
        let auth = Arc::new(auth);
        let signer = Signer::open(&store).await?;
        let metrics = Arc::new(Metrics::default());
        let (hooks, lanes) = hook::open(&config.webhooks, hook::Pace::default(), &metrics)?;
        let drain = Drain::new(config.drain);
        let hosts = host_addresses(address.ip(), &config.advertise);
        let (externals_sender, externals) = watch::channel(Vec::new());
        let answerer = Answerer::new(hosts.clone(), address.port(), externals)?;

        let past = store.past(config.room.clone(), TAIL).await?;
        let (inbox_sender, inbox) = mpsc::channel(room::INBOX);
        let (notices_sender, notices) = mpsc::channel(room::NOTICES);
        let (packets_sender, packets) = mpsc::channel(mux::PACKETS);
        let (tap, made) = match (config.renditions, config.maker.or_else(Program::beside)) {
            (Renditions::Made(limit), Some(program)) => {
                let (tap, messages) = Tap::new();
                (Some(tap), Some((limit, program, messages)))
            }
            (Renditions::Off, _) | (_, None) => (None, None),
        };
        let seat = RoomSetup {
            id: config.room.clone(),
            notices: notices_sender,
            mux: Intake::new(packets_sender, metrics.clone()),
            tap,
        };
        let engine = Engine::start(udp, hosts, vec![seat], metrics.clone())?;
        let maker = made.map(|(limit, program, messages)| {
            let (room, engine) = (config.room.clone(), engine.commands());
            Maker::new(renditions::Setup { room, limit, program, messages, engine })
        });
        let (reach, reaching) = reach::new(reach::Setup {
            settings: config.reach,
            room: config.room.clone(),
            listen: address,
            secure: tls.is_some(),
            advertised: config.advertise,
            media: engine.commands(),
            externals: externals_sender,
        });
        let (card, followers) = (past.card.clone(), past.followers);
        let offline = RoomState { card, followers, ..room::offline(config.room.clone()) };
        let (state_sender, state) = watch::channel(offline);
        let recording = record::start(record::Setup {
            config: config.recording,
            data: config.data.clone(),
            store: store.clone(),
            engine: engine.commands(),
            metrics: metrics.clone(),
            rooms: vec![(config.room.clone(), inbox_sender.clone())],
            upload: config.upload,
            room: state.clone(),
        })?;
        let (outlets, mut sinks) = mux::outlets(&config.room, &engine.commands(), config.hls_window);
        sinks.extend(recording.sinks.into_iter().flatten());
        let mux = Mux::start(mux::Setup {
            room: config.room.clone(),
            packets,
            state: state.clone(),
            engine: engine.commands(),
            sinks,
        })?;
        let rooms_cancel = CancellationToken::new();
        let bus = match &config.bus {
            Some(url) => Some((bus::connect(url).await?, Home::trunk())),
            None => None,
        };
        let setup = room::Setup {
            id: config.room.clone(),
            limits: config.limits,
            past,
            store: store.clone(),
            auth: auth.clone(),
            engine: engine.commands(),
            sessions: Arc::new(AtomicU64::new(0)),
            metrics: metrics.clone(),
            inbox,
            notices,
            state: state_sender,
            hooks,
            drain: drain.clone(),
            trunk: bus.as_ref().map(|(_, trunk)| trunk.clone()),
            cards: cashier.is_some(),
            cancel: rooms_cancel.clone(),
        };
        let door = Door { id: config.room.clone(), inbox: inbox_sender, state: state.clone(), outlets };
        let home = bus.map(|(client, trunk)| {
            let (door, auth, store) = (door.clone(), auth.clone(), store.clone());
            Home::new(HomeSetup { client, trunk, door, auth, store })
        });
        let home = home.transpose()?;
        let sockets = TaskTracker::new();
        let handed = Arc::downgrade(&auth);
        let keeper = (config.keep_chat_days > 0).then(|| Keeper {
            store: store.clone(),
            rooms: vec![config.room.clone()],
            days: config.keep_chat_days,
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let http = format!("{scheme}://{}", reachable(address));
        let shared = Shared {
            rooms: BTreeMap::from([(config.room.clone(), door)]),
            auth,
            answerer,
            ice_servers: config.ice_servers,
            turn_secret: config.turn_secret,
            reach,
            store,
            signer,
            shelf: recording.shelf,
            metrics: metrics.clone(),
            drain: drain.clone(),
            started: clock::now_millis(),
            sockets: sockets.clone(),
            audience: Audience::default(),
            answers,
            backups: config.data.join("backups"),
            appeal: config.appeal,
            pass: home.as_ref().map(Home::pass),
            accounts: Accounts::new(),
            knocks: Mutex::new(Throttle::new(KNOCKS)),
            cashier,
            hosts: names,
            origin: http.clone(),
        };
        let app = App(Arc::new(shared));
        let server =
            |scheme: &str, port: &rtmp::Port| format!("{scheme}://{}/{}", reachable(port.address), rtmp::APP);
        let (rtmp_server, rtmps_server) = (
            rtmp.as_ref().map(|port| server("rtmp", port)),
            rtmps.as_ref().map(|port| server("rtmps", port)),
        );
        let encoders = rtmp.into_iter().chain(rtmps).map(|port| rtmp::Listener::new(port, app.clone()));
        let encoders = encoders.collect();
        let listener = Listener {
            tcp,
            router: router(app),
            tls: tls.clone(),
            media: Some(engine.commands()),
            connections: config.limits.connections,
            metrics: metrics.clone(),
        };
        let sampler = Sampler { folder: config.data, metrics };
        let ready = Ready {
            watch: format!("{http}/{}", config.room),
            http,
            udp: address.port(),
            rtmp: rtmp_server,
            rtmps: rtmps_server,
            room: config.room,
            stream_key: shown.stream_key,
            owner_token: shown.owner_token,
        };
        let handle = Handle::new(state, drain, handed);
        Ok(Self {
            ready,
            handle,
            engine,
            muxes: vec![mux],
            makers: maker.into_iter().collect(),
            archive: recording.archive,
            uploader: recording.uploader,
            rooms: vec![setup],
            home,
            rooms_cancel,
            sockets,
            listener,
            encoders,
            tls,
            renewer,
            lanes,
            keeper,
            sampler,
            reaching,
            writer,
        })
    }

    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until cancelled. Then drains for as long as [`Config::drain`] says, and ends in order within five
    /// seconds: stop accepting, tell the members, end the sessions, write what is left, close. Returns early with an error where a part dies by itself.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), Error> {
        let Self {
            mut engine,
            mut muxes,
            makers,
            archive,
            uploader,
            rooms,
            home,
            rooms_cancel,
            sockets,
            listener,
            encoders,
            tls,
            renewer,
            lanes,
            ..
        } = self;
        let Self { handle, sampler, keeper, reaching, writer, .. } = self;
        let accepting = CancellationToken::new();
        let mut listening = JoinSet::new();
        listening.spawn(listener.run(accepting.clone()));
        listening.spawn(sampler.run(accepting.clone()));
        for encoders in encoders {
            listening.spawn(encoders.run(accepting.clone()));
        }
        if let Some(uploader) = uploader {
            listening.spawn(uploader.run(accepting.clone()));
        }
        if let Some(keeper) = keeper {
            listening.spawn(keeper.run(accepting.clone()));
        }
        if let Some(renewer) = renewer {
            listening.spawn(renewer.run(accepting.clone()));
        }
        if let Some(tls) = tls {
            listening.spawn(tls.keep_current(accepting.clone()));
        }
        let delivering = CancellationToken::new();
        let mut lanes = tokio::spawn(lanes.run(delivering.clone()));
        let mut surroundings = JoinSet::new();
        surroundings.spawn(reaching.run(accepting.clone()));
        let mut acting = JoinSet::new();
        for setup in rooms {
            acting.spawn(Actor::run(setup));
        }
        // Beside the rooms, so that the branches hear their goodbye; it ends with the sockets.
        let leaving = CancellationToken::new();
        let mut spanning = JoinSet::new();
        if let Some(home) = home {
            spanning.spawn(home.run(leaving.clone()));
        }
        let mut making = JoinSet::new();
        for maker in makers {
            making.spawn(maker.run(accepting.clone()));
        }
        let mut keeping = JoinSet::new();
        keeping.spawn(archive.run());
        let died = tokio::select! {
            () = handle.over(&cancel) => None,
            () = engine.ended() => Some("the media thread"),
            () = muxes[0].ended() => Some("a room's muxing"),
            _ = listening.join_next() => Some("the listener"),
            _ = surroundings.join_next() => Some("the look at the network"),
            _ = acting.join_next() => Some("a room"),
            Some(_) = spanning.join_next() => Some("the bus"),
        };

        let mut late: Vec<&'static str> = Vec::new();
        accepting.cancel();
        rooms_cancel.cancel();
        sockets.close();
        engine.stop();
        within("the media thread", &mut late, engine.ended()).await;
        muxes.iter().for_each(Mux::stop);
        within("the muxing", &mut late, async {
            for mux in &mut muxes {
                mux.ended().await;
            }
        })
        .await;
        within("the maker of lower layers", &mut late, async { while making.join_next().await.is_some() {} })
            .await;
        // The writers went with the muxing; what they said last is booked.
        within("the recordings", &mut late, async { while keeping.join_next().await.is_some() {} }).await;
        keeping.shutdown().await;
        within("the rooms", &mut late, async { while acting.join_next().await.is_some() {} }).await;
        // The rooms have said their last.
        delivering.cancel();
        within("the chat sockets", &mut late, sockets.wait()).await;
        leaving.cancel();
        within("the bus", &mut late, async { while spanning.join_next().await.is_some() {} }).await;
        within("the router", &mut late, async { while surroundings.join_next().await.is_some() {} }).await;
        within("the listener", &mut late, async { while listening.join_next().await.is_some() {} }).await;
        within("the webhooks", &mut late, async { drop((&mut lanes).await) }).await;
        lanes.abort();
        acting.shutdown().await;
        surroundings.shutdown().await;
        listening.shutdown().await;
        let joined = tokio::task::spawn_blocking(move || {
            drop(engine);
            drop(muxes);
            writer.join();
        });
        within("the database", &mut late, async { drop(joined.await) }).await;
        match died {
            Some(part) => Err(Error::Stopped { part }),
            None if late.is_empty() => Ok(()),
            None => Err(Error::Overdue { parts: late.join(", ") }),
        }
    }
}

async fn within(part: &'static str, late: &mut Vec<&'static str>, end: impl Future<Output = ()>) {
    if tokio::time::timeout(STEP, end).await.is_err() {
        tracing::warn!(part, "still running after its share of the shutdown");
        late.push(part);
    }
}
