//! What becomes of a report that this page makes. It is sent again after a break: a repeated one counts once.

use footlight_protocol::report::Report;
use footlight_protocol::{Failure, Nonce};

#[derive(Debug, Clone, Default, PartialEq)]
pub enum Reporting {
    #[default]
    None,
    Sent(Report),
    Done,
    Refused(Failure),
}

impl Reporting {
    pub(super) fn begin(report: Option<Report>) -> Self {
        report.map_or(Self::None, Self::Sent)
    }

    /// What waits for an answer.
    pub fn sent(&self) -> Option<&Report> {
        match self {
            Self::Sent(report) => Some(report),
            _ => None,
        }
    }

    pub(super) fn done(&mut self, nonce: &Nonce) {
        if self.sent().is_some_and(|report| report.nonce == *nonce) {
            *self = Self::Done;
        }
    }

    /// Says whether it was this that was refused.
    pub(super) fn refused(&mut self, nonce: Option<&Nonce>, why: &Failure) -> bool {
        let ours = self.sent().is_some_and(|report| Some(&report.nonce) == nonce);
        if ours {
            *self = Self::Refused(why.clone());
        }
        ours
    }
}
