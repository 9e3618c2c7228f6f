//! Cameras, through nokhwa: V4L2, Media Foundation, AVFoundation.
//!
//! A driver may hang in any call, so each opened camera has a thread of its own and this source's thread only
//! watches it: frames stop ⇒ lost, and the camera is opened again until it is back: at once, and after a while every
//! half second. A thread that never returns is left behind; after a few of those no more are started.
//!
//! A frame is stamped when it is dequeued, by a thread that waits for nothing else. nokhwa knows the driver's own
//! stamp only together with a copy of the picture, and the two differ by less than the copy takes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use footlight_media::{Frame, PicturePool};
use footlight_protocol::studio::{Device, SourceState};
use footlight_protocol::{Code, Failure};
use nokhwa::Camera;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType,
};

use super::convert::{self, Converter};
use super::{Feed, Wanted};
use crate::platform;
use crate::worker::{self, Stop, Worker};
use crate::{Clock, Error};

/// Between two tries to open a camera.
const RETRY: Duration = Duration::from_millis(500);
/// Between the first ones after it ran: a plug that sits loose is back at once.
const SOON: Duration = Duration::from_millis(100);
const SOON_TRIES: u32 = 20;
/// A camera without a frame that can be read for this long is lost to viewers, though it may still come back by itself.
const STALLED: Duration = Duration::from_secs(1);
/// Opening takes some cameras seconds.
const OPENING: Duration = Duration::from_secs(5);
/// A stalled camera is given up and opened anew after this.
const HUNG: Duration = Duration::from_secs(4);
/// How often the thread is looked at.
const GLANCE: Duration = Duration::from_millis(100);
/// Threads that may hang in drivers at a time. One more would not bring the picture back either.
const MOST_HUNG: usize = 4;

const FORMATS: [FrameFormat; 3] = [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG];

/// Lists the cameras; a driver that panics lists none.
pub(crate) fn list() -> Vec<Device> {
    known().into_iter().map(|(_, device)| device).collect()
}

fn known() -> Vec<(CameraIndex, Device)> {
    // nokhwa unwraps the number in `/dev/videoN`, so one oddly named node there would end the process.
    let found =
        catch_unwind(|| nokhwa::query(ApiBackend::Auto)).ok().and_then(Result::ok).unwrap_or_default();
    let mut known: Vec<(CameraIndex, Device)> = Vec::new();
    for info in found {
        let node = match info.index() {
            CameraIndex::Index(index) => platform::node(*index),
            CameraIndex::String(id) => platform::Node { stable: Some(id.clone()), captures: true },
        };
        if !node.captures {
            continue;
        }
        let name = info.human_name();
        let mut id = node.stable.unwrap_or_else(|| name.clone());
        let twins = known.iter().filter(|(_, device)| device.name == name).count();
        if known.iter().any(|(_, device)| device.id == id) {
            id = format!("{id} #{}", twins + 1);
        }
        known.push((info.index().clone(), Device { id, name }));
    }
    known
}

/// By id, or by what people type: the number or the path of its node.
fn find(id: &str) -> Option<CameraIndex> {
    let known = known();
    let number = id.strip_prefix("/dev/video").unwrap_or(id).parse().ok().map(CameraIndex::Index);
    let by_number = number.and_then(|number| known.iter().find(|(index, _)| *index == number));
    let found = known.iter().find(|(_, device)| device.id == id).or(by_number);
    found.map(|(index, _)| index.clone())
}

pub(crate) fn start(id: String, feed: Feed, clock: Clock, wanted: Wanted) -> Result<Worker, Error> {
    Ok(Worker::spawn("camera", move |stop| {
        let mut tries = 0;
        while !stop.is_set() {
            let ran = worker::left_behind() < MOST_HUNG && attend(&id, &feed, clock, wanted, stop);
            tries = if ran { 0 } else { tries + 1 };
            if stop.wait(if tries < SOON_TRIES { SOON } else { RETRY }) {
                return;
            }
        }
    })?)
}

/// Runs the camera once, until it is lost or `stop`; says to the feed how it does. True if it sent pictures.
fn attend(id: &str, feed: &Feed, clock: Clock, wanted: Wanted, stop: &Stop) -> bool {
    let beat = Arc::new(AtomicU64::new(0));
    let (say, said) = sync_channel(1);
    let device = {
        let (id, to, beat) = (id.to_owned(), feed.clone(), Arc::clone(&beat));
        let body = move |stop: &Stop| {
            let run = AssertUnwindSafe(|| run(&id, &to, clock, wanted, &beat, stop));
            // v4l panics when it closes a camera that answers strangely; that is a lost camera, nothing more.
            let failure = catch_unwind(run).unwrap_or_else(|_| Err(failed("The camera's driver failed")));
            if let Err(failure) = failure {
                // The receiver may have given this thread up.
                drop(say.try_send(failure));
            }
        };
        match Worker::spawn("camera device", body) {
            Ok(device) => device,
            Err(error) => {
                feed.state(SourceState::Lost { failure: Error::Thread(error).failure() });
                return false;
            }
        }
    };
    if let Some(failure) = watch(&beat, &said, feed, clock, stop) {
        feed.state(SourceState::Lost { failure });
    }
    drop(device);
    beat.load(Ordering::Relaxed) > 0
}

/// Looks after a running camera; `None` if it shall stop.
fn watch(
    beat: &AtomicU64,
    said: &Receiver<Failure>,
    feed: &Feed,
    clock: Clock,
    stop: &Stop,
) -> Option<Failure> {
    let start = clock.now();
    loop {
        match said.recv_timeout(GLANCE) {
            Ok(failure) => return Some(failure),
            Err(RecvTimeoutError::Disconnected) => return Some(failed("The camera stopped")),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if stop.is_set() {
            return None;
        }
        let last = beat.load(Ordering::Relaxed);
        let quiet = clock.now().since(start.max(footlight_media::Time::from_micros(last)));
        let opening = last == 0;
        if quiet > if opening { OPENING } else { STALLED } {
            feed.state(SourceState::Lost { failure: failed("The camera sends no pictures") });
        }
        if quiet > if opening { OPENING } else { HUNG } {
            return Some(failed("The camera sends no pictures"));
        }
    }
}

fn failed(message: &str) -> Failure {
    Failure::new(Code::CameraFailed, message)
}

/// Opens the camera and feeds its frames until it fails, is replaced, or `stop`.
fn run(
    id: &str,
    feed: &Feed,
    clock: Clock,
    wanted: Wanted,
    beat: &AtomicU64,
    stop: &Stop,
) -> Result<(), Failure> {
    let index = find(id).ok_or_else(|| Failure::new(Code::CameraMissing, "The camera is not there"))?;
    let mut camera = open(&index, wanted).map_err(|error| {
        tracing::debug!(%error, "open the camera");
        match error.to_string().contains("busy") {
            true => Failure::new(Code::CameraBusy, "Another app is using this camera"),
            false => failed("The camera cannot be opened"),
        }
    })?;
    let format = camera.camera_format();
    tracing::info!(%format, "camera");
    let pool = PicturePool::new(format.width(), format.height());
    let mut converter = Converter::default();
    let mut damaged = 0u32;
    while !stop.is_set() {
        let raw = camera.frame_raw().map_err(|error| {
            tracing::debug!(%error, "read the camera");
            failed("The camera was unplugged or failed")
        })?;
        let captured = clock.now();
        if stop.is_set() {
            break;
        }
        if !feed.is_seen() {
            beat.store(captured.as_micros(), Ordering::Relaxed);
            if !feed.pass() {
                break;
            }
            continue;
        }
        let mut picture = pool.take();
        let read = match format.format() {
            FrameFormat::MJPEG => converter.mjpeg(&raw, &mut picture),
            FrameFormat::NV12 => convert::nv12(&raw, &mut picture),
            _ => convert::yuyv(&raw, &mut picture),
        };
        if let Err(error) = read {
            // A torn frame is normal at the start of a stream; its absence is what the viewer sees least. A camera of
            // which nothing can be read is as good as one that sends nothing.
            damaged += 1;
            if damaged.is_power_of_two() {
                tracing::debug!(%error, damaged, "a damaged frame");
            }
            continue;
        }
        beat.store(captured.as_micros(), Ordering::Relaxed);
        if !feed.frame(Frame { captured, picture: Arc::new(picture) }) {
            break;
        }
    }
    Ok(())
}

fn open(index: &CameraIndex, wanted: Wanted) -> Result<Camera, nokhwa::NokhwaError> {
    // One open at a time: two threads of ours that race for a camera would each see it busy.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = worker::lock(&ONE);
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let best = {
        let mut camera = Camera::new(index.clone(), any)?;
        let formats = camera.compatible_camera_formats()?;
        formats.into_iter().filter(|f| FORMATS.contains(&f.format())).min_by_key(|f| cost(f, wanted))
    };
    let Some(best) = best else {
        return Err(nokhwa::NokhwaError::GeneralError("no format that can be read".into()));
    };
    let kind = [best.format()];
    let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(best), &kind);
    let mut camera = Camera::new(index.clone(), exact)?;
    camera.open_stream()?;
    Ok(camera)
}

/// How badly a format fits: size first, then rate, then the work of reading it.
fn cost(format: &CameraFormat, wanted: Wanted) -> (u32, u32, u32) {
    let short = wanted.width.saturating_sub(format.width()) + wanted.height.saturating_sub(format.height());
    let over = format.width().saturating_sub(wanted.width) + format.height().saturating_sub(wanted.height);
    let slow = wanted.fps.saturating_sub(format.frame_rate());
    let fast = format.frame_rate().saturating_sub(wanted.fps);
    // Half the wanted rate is worse than a picture of another size.
    let size = short * 3 + over + if slow * 2 > wanted.fps { 10_000 } else { 0 };
    let work = match format.format() {
        FrameFormat::NV12 => 0,
        FrameFormat::YUYV => 1,
        _ => 2,
    };
    (size, slow * 4 + fast, work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nokhwa::utils::Resolution;

    #[test]
    fn the_format_that_fits_best_is_chosen() {
        let format = |w, h, kind, fps| CameraFormat::new(Resolution::new(w, h), kind, fps);
        use FrameFormat::{MJPEG, YUYV};
        let formats = [
            format(640, 480, YUYV, 30),
            format(1280, 720, YUYV, 10),
            format(1280, 720, MJPEG, 30),
            format(1280, 720, MJPEG, 60),
            format(1920, 1080, MJPEG, 30),
        ];
        let best = |width, height, fps, formats: &[CameraFormat]| {
            *formats.iter().min_by_key(|f| cost(f, Wanted { width, height, fps })).expect("formats")
        };
        assert_eq!(best(1280, 720, 30, &formats), formats[2], "YUYV at 10 fps is too slow");
        assert_eq!(best(1280, 720, 60, &formats), formats[3]);
        assert_eq!(best(1920, 1080, 30, &formats), formats[4]);
        let both = [format(1280, 720, MJPEG, 30), format(1280, 720, YUYV, 30)];
        assert_eq!(best(1280, 720, 30, &both), both[1], "uncompressed where both run");
    }
}
