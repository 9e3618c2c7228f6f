//! The last lines of the log, kept in memory for who reports that something went wrong.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// Lines. The oldest goes when a newer comes: what went wrong is at the end.
const LINES: usize = 400;
/// Characters of a line; what is beyond is cut off.
const LINE: usize = 600;

/// Cheap to copy; all copies are one journal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<VecDeque<String>>>);

impl Journal {
    /// Oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl io::Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(line.chars().take(LINE).collect());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_no_more() {
        let journal = Journal::default();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(journal.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            for n in 0..LINES + 5 {
                tracing::info!("line {n}");
            }
            tracing::info!("{}", "x".repeat(10 * LINE));
        });
        let lines = journal.lines();
        assert_eq!(lines.len(), LINES);
        assert!(lines[0].ends_with("line 6"), "{}", lines[0]);
        assert_eq!(lines[LINES - 1].chars().count(), LINE);
    }
}
