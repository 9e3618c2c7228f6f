//! Counters of the whole relay, written without locks from the paths they count, read by `/metrics`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One number that only grows, or a gauge that is set.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident $kind:ident $name:literal;)*) => {
        /// All that the relay counts.
        #[derive(Debug, Default)]
        pub(crate) struct Metrics {
            $($(#[doc = $help])+ pub(crate) $field: Count,)*
        }

        impl Metrics {
            /// Prometheus text exposition format 0.0.4.
            pub(crate) fn render(&self) -> String {
                let mut text = String::new();
                $(
                    let help = concat!($($help),+).trim();
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "# HELP {0} {help}\n# TYPE {0} {1}\n{0} {2}",
                        $name, stringify!($kind), self.$field.get());
                )*
                text
            }
        }
    };
}

metrics! {
    /// WebRTC viewers that are connected now.
    viewers gauge "footlight_viewers";
    /// WebRTC publishers that are connected now.
    publishers gauge "footlight_publishers";
    /// WebRTC sessions, connected or not.
    sessions gauge "footlight_rtc_sessions";
    /// Datagrams and ICE-TCP frames that arrived.
    packets_in counter "footlight_rtc_packets_in_total";
    /// Bytes of those.
    bytes_in counter "footlight_rtc_bytes_in_total";
    /// Datagrams and ICE-TCP frames that left.
    packets_out counter "footlight_rtc_packets_out_total";
    /// Bytes of those.
    bytes_out counter "footlight_rtc_bytes_out_total";
    /// Datagrams that belong to no session.
    strays counter "footlight_rtc_stray_packets_total";
    /// Packets that the socket or an ICE-TCP connection had no room for.
    drops counter "footlight_rtc_send_drops_total";
    /// Times a viewer that fell behind skipped to the next keyframe.
    skips counter "footlight_viewer_skips_total";
    /// Times a viewer went over to another layer of the picture.
    turns counter "footlight_viewer_layer_changes_total";
    /// Keyframe requests by viewers.
    keyframes_wanted counter "footlight_keyframe_requests_in_total";
    /// Keyframe requests that went to a publisher.
    keyframes_asked counter "footlight_keyframe_requests_out_total";
    /// Access units that publishers delivered.
    units_in counter "footlight_access_units_in_total";
    /// Packets that were left out of FLV, HLS and recordings because their muxing was behind.
    mux_drops counter "footlight_mux_drops_total";
    /// Broadcasts that are being recorded now.
    recordings gauge "footlight_recordings";
    /// Bytes of all recordings and clips.
    recording_bytes gauge "footlight_recording_bytes";
    /// Bits a second that recordings take, over the last half minute.
    recording_rate gauge "footlight_recording_bits_per_second";
    /// Seconds until recordings have no more space, after older ones are given up; 4294967295 where none is in sight.
    recording_full_in gauge "footlight_recording_full_in_seconds";
    /// Fragments that were not recorded because the disk was behind.
    recording_drops counter "footlight_recording_drops_total";
    /// Times the disk refused to record.
    recording_errors counter "footlight_recording_errors_total";
    /// Bytes of recordings that were copied into the bucket.
    upload_bytes counter "footlight_upload_bytes_total";
    /// Attempts to copy a recording into the bucket that failed.
    upload_failures counter "footlight_upload_failed_attempts_total";
    /// Finished recordings that are not in the bucket yet.
    uploads_waiting gauge "footlight_uploads_waiting";
    /// Chat sessions that are open now.
    members gauge "footlight_chat_members";
    /// Chat events that got a place in a room's order.
    events counter "footlight_chat_events_total";
    /// Messages handed to chat sessions.
    deliveries counter "footlight_chat_deliveries_total";
    /// Messages not handed out because a session's queue was long.
    shed counter "footlight_chat_shed_total";
    /// Chat sessions closed because they did not read.
    slow counter "footlight_chat_slow_closes_total";
    /// Webhook events that their receivers took.
    hooks_delivered counter "footlight_webhook_delivered_total";
    /// Attempts to deliver a webhook event that failed.
    hooks_failed counter "footlight_webhook_failed_attempts_total";
    /// Webhook events that were never delivered: the queue was full, or patience or the relay ended.
    hooks_lost counter "footlight_webhook_lost_total";
    /// Milliseconds of CPU that the process has taken.
    cpu counter "footlight_process_cpu_milliseconds_total";
    /// Percent of one core that the process took in the last second.
    cpu_percent gauge "footlight_process_cpu_percent";
    /// Resident memory of the process.
    memory gauge "footlight_process_memory_bytes";
    /// Bytes that can still be written where the data folder lies.
    disk_free gauge "footlight_disk_free_bytes";
    /// Size of the disk where the data folder lies.
    disk_total gauge "footlight_disk_size_bytes";
    /// WebRTC media that arrived in the last second, in kbit/s.
    in_kbps gauge "footlight_rtc_in_kbps";
    /// WebRTC media that left in the last second, in kbit/s.
    out_kbps gauge "footlight_rtc_out_kbps";
    /// TCP connections that are open now.
    connections gauge "footlight_tcp_connections";
    /// TCP connections refused because there were too many.
    refused counter "footlight_tcp_refused_total";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_read_as_prometheus_text() {
        let metrics = Metrics::default();
        metrics.packets_in.add(3);
        metrics.viewers.set(2);
        let text = metrics.render();
        assert!(text.contains("# TYPE footlight_viewers gauge\nfootlight_viewers 2\n"), "{text}");
        assert!(text.contains("\nfootlight_rtc_packets_in_total 3\n"), "{text}");
    }
}
