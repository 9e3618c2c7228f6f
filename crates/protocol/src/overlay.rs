//! What the owner tells the overlay pages of a room: those that other broadcasting programs show over their picture.

use serde::{Deserialize, Serialize};

/// What the gifts on the overlay shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Nothing more comes up until `resume`; it waits.
    Pause,
    Resume,
    /// The one that has been up for longest goes.
    Skip,
    /// The one that went last comes up again.
    Again,
    /// One that nobody sent, to see where it is.
    Test,
}
