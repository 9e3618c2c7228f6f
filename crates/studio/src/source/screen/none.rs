//! Where screens and windows cannot be seen yet.

use std::time::Duration;

use footlight_protocol::Failure;
use footlight_protocol::studio::Captures;

use super::{Target, unseen};
use crate::Clock;
use crate::source::Feed;
use crate::worker::Stop;

const WHY: &str = "Screens and windows cannot be shown on this system yet";

pub(super) fn list() -> Result<Captures, Failure> {
    Err(unseen(WHY))
}

pub(super) fn watch(_: &Target, _: &Feed, _: Clock, _: Duration, _: &Stop) -> Result<(), Failure> {
    Err(unseen(WHY))
}
