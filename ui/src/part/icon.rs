//! The brand's mark and the few line icons, drawn inline so that the page asks nobody for a picture.

use leptos::prelude::*;

/// A line icon on a 24 × 24 field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Add,
    Back,
    Ban,
    Bell,
    Camera,
    Chat,
    Check,
    Clock,
    Close,
    Coin,
    Compact,
    Copy,
    Danmaku,
    DanmakuOff,
    Down,
    Download,
    Drop,
    Eye,
    EyeOff,
    Film,
    Flag,
    Full,
    FlyBottom,
    FlyScroll,
    FlyTop,
    Gem,
    Gift,
    Globe,
    Headphones,
    Heart,
    Help,
    Layers,
    Lock,
    Microphone,
    MicrophoneOff,
    More,
    Network,
    Pause,
    Pencil,
    Person,
    Picture,
    Pin,
    Play,
    Program,
    Record,
    Replay,
    Reply,
    Right,
    Scissors,
    Screen,
    Search,
    Send,
    Settings,
    Shield,
    Smile,
    Sound,
    Star,
    SoundOff,
    Text,
    Trash,
    Trophy,
    Unlock,
    Up,
    Warning,
    Ways,
    Window,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Add => "M12 5.5v13M5.5 12h13",
            Self::Back => "M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
            Self::Bell => {
                "M18 16H6c1.4-1.5 2-3.2 2-6a4 4 0 0 1 8 0c0 2.8.6 4.5 2 6M10.3 19.5a2 2 0 0 0 3.4 0"
            }
            Self::Ban => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M5.7 5.7l12.6 12.6",
            Self::Camera => {
                "M4 7h10a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1M15 11l6-3.5v9L15 13"
            }
            Self::Chat => "M4 5h16v11H9.5L5 20v-4H4z",
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::Clock => "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M12 7.5V12l3 2",
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::Coin => "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8.5l3.5 3.5-3.5 3.5L8.5 12z",
            Self::Compact => "M4 5h16v14H4zM13.500 5v14",
            Self::Copy => "M9 9h10v11H9zM5 15V4h10",
            Self::Shield => "M12 3l7.5 3v5.5c0 4.5-3 7.5-7.5 9.5-4.5-2-7.5-5-7.5-9.5V6zM9 12l2.2 2.2L15.5 10",
            Self::Down => "M6 9.5l6 6 6-6",
            Self::Download => "M12 4v10.5M7.5 10.5L12 15l4.5-4.5M4.5 19.5h15",
            Self::Drop => "M12 3.5c3.5 4.3 5.5 7 5.5 9.8a5.5 5.5 0 0 1-11 0c0-2.8 2-5.5 5.5-9.8z",
            Self::Eye => {
                "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6"
            }
            Self::EyeOff => {
                "M4 4l16 16M9.5 5.9a8.6 8.6 0 0 1 2.5-.4c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-2.6 3.3M6.2 7.7A17 17 0 0 0 2.5 12S6 18.5 12 18.5a8.7 8.7 0 0 0 4.3-1.2"
            }
            Self::Danmaku => "M3.5 5h17v12.5h-17zM7 9h6M16 9h1.5M7 13h2M12 13h5.5",
            Self::DanmakuOff => "M8 5h12.5v11.5M3.5 6v11.5H16M4 4l16 16M12 9h1M16 9h1.5M7 13h2",
            Self::Film => "M3.5 5h17v14h-17zM8 5v14M16 5v14M3.5 9.7H8M3.5 14.3H8M16 9.7h4.5M16 14.3h4.5",
            Self::Flag => "M6 21V4M6 5c4-2.500 7 2 12 0v8.500c-5 2-8-2.500-12 0",
            Self::Full => "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
            Self::Gem => "M7 4.5h10l4 5-9 10.500-9-10.500zM3 9.500h18M9 9.500l3 10.500 3-10.500",
            Self::Gift => {
                "M4 9h16v4H4zM5.5 13v7.5h13V13M12 9v11.5M12 9C9 9 7 7.5 7.5 5.5S11 4 12 9c1-5 4-5.5 4.5-3.5S15 9 12 9"
            }
            Self::FlyBottom => "M3.5 5h17v14h-17zM8 15.5h8",
            Self::FlyScroll => "M3.5 5h17v14h-17zM16.5 12h-9M10 9.5L7.5 12l2.5 2.5",
            Self::FlyTop => "M3.5 5h17v14h-17zM8 8.5h8",
            Self::Heart => {
                "M12 20.5C5 15 3 11.8 3 8.6A4.8 4.8 0 0 1 12 6.4 4.8 4.8 0 0 1 21 8.6C21 11.8 19 15 12 20.5z"
            }
            Self::Headphones => "M4.5 15v-3a7.5 7.5 0 0 1 15 0v3M4.500 14h3v6h-3zM16.500 14h3v6h-3z",
            Self::More => "M5.500 12v.01M12 12v.01M18.500 12v.01",
            Self::Globe => {
                "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c5 5.5 5 12.5 0 18M12 3c-5 5.5-5 12.5 0 18"
            }
            Self::Help => {
                "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M12 16.8v.2"
            }
            Self::Layers => "M12 4l8.5 4.5L12 13 3.5 8.5zM3.5 13l8.5 4.5 8.5-4.5",
            Self::Lock => "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
            Self::Microphone => {
                "M12 3.5a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0v-5a3 3 0 0 0-3-3M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"
            }
            Self::MicrophoneOff => {
                "M4 4l16 16M9 9v2.5a3 3 0 0 0 4.6 2.5M15 11V6.5a3 3 0 0 0-5.6-1.5M5.5 11.5a6.5 6.5 0 0 0 10.3 5.3M18.5 11.5a6.4 6.4 0 0 1-.6 2.7M12 18v3"
            }
            Self::Network => {
                "M12 13.5v6M8.5 16.5a5 5 0 0 1 0-7M15.5 16.5a5 5 0 0 0 0-7M5.7 19a9 9 0 0 1 0-12M18.3 19a9 9 0 0 0 0-12M12 12.5v.5"
            }
            Self::Person => "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.5 20.5c.7-4 3.6-6 7.5-6s6.8 2 7.5 6",
            Self::Picture => "M3.5 5h17v14h-17zM3.5 16.5l5-5 4.5 4.5 2.5-2.5 5 4.5M15.5 8.8v.01",
            Self::Pin => "M9 4h6l-.8 6.5 3.3 3.5h-11l3.3-3.5zM12 14v6.5",
            Self::Pause => "M8.5 5v14M15.5 5v14",
            Self::Pencil => "M4.5 19.5l1-4L16 5l3 3L8.5 18.5zM13.5 7.5l3 3",
            Self::Play => "M7.5 4.5v15l12-7.5z",
            Self::Record => "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
            Self::Replay => "M5 12a7.5 7.5 0 1 0 2.2-5.3L4.5 9.5M4.5 4.5v5h5",
            Self::Reply => "M9.5 6L4.5 11l5 5M4.5 11H13a6.5 6.5 0 0 1 6.5 6.5V19",
            Self::Scissors => {
                "M6.5 4a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M6.5 15a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M8.6 8L20 18.5M8.6 16L20 5.5"
            }
            Self::Search => "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12M15 15l5 5",
            Self::Send => "M4 12l16-8-5.5 16-3-6.5zM11.5 13.5L20 4",
            Self::Settings => {
                "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6M10.5 3.5h3l.5 2.6 2 1.1 2.5-.9 1.5 2.6-2 1.7v2.8l2 1.7-1.5 2.6-2.5-.9-2 1.1-.5 2.6h-3l-.5-2.6-2-1.1-2.5.9L4 15.1l2-1.7v-2.8L4 8.9l1.5-2.6 2.5.9 2-1.1z"
            }
            Self::Smile => {
                "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M8.5 14a4 4 0 0 0 7 0M9 9.5v.01M15 9.5v.01"
            }
            Self::Sound => "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
            Self::Star => {
                "M12 3.5l2.600 5.400 5.900.8-4.300 4.100 1 5.900-5.200-2.800-5.200 2.800 1-5.900-4.300-4.100 5.900-.8z"
            }
            Self::SoundOff => "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9.5l5 5M20.5 9.5l-5 5",
            Self::Text => "M5 8V5h14v3M12 5v14M9 19h6",
            Self::Trophy => {
                "M8 4h8v6a4 4 0 0 1-8 0zM8 5.5H4.5V7A3.5 3.5 0 0 0 8 10.5M16 5.5h3.5V7a3.5 3.5 0 0 1-3.5 3.5M12 14v4M8.5 20h7M9.5 20c0-1.5 1-2 2.5-2s2.5.5 2.5 2"
            }
            Self::Trash => "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 10.5v6M13.5 10.5v6",
            Self::Unlock => "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 6.8-1.2",
            Self::Up => "M6 14.5l6-6 6 6",
            Self::Warning => "M12 4.5L2.8 20h18.4zM12 10.5v4M12 17v.2",
            Self::Program => "M3 6h8v6H3zM13 12h8v6h-8zM14 7h4v2.5M10 17H6v-2.500",
            Self::Right => "M5 12h13M13 7l5 5-5 5",
            Self::Screen => "M3.5 5h17v11h-17zM8.5 20h7M12 16v4",
            Self::Window => "M3.5 5h17v14h-17zM3.5 9h17M6 7v.01M8.5 7v.01",
            Self::Ways => "M4 7.5h8M18 7.5h2M15 5v5M4 16.5h2M12 16.5h8M9 14v5",
        }
    }

    /// The icon; it says nothing to a screen reader, its button does.
    pub fn view(self) -> AnyView {
        view! {
            <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                <path d=self.path() />
            </svg>
        }
        .into_any()
    }
}

/// Footlight's mark: a lamp at the edge of the stage, shining up.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path class="mark-beam" d="M16 11.5V4M9.2 14.2L4 9M22.8 14.2L28 9" />
            <path class="mark-lamp" d="M7.5 24.5a8.5 8.5 0 0 1 17 0z" />
            <path class="mark-beam" d="M3.5 28.5h25" />
        </svg>
    }
}
