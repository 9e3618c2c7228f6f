//! End to end: what Footlight promises, told as stories with real programs, browsers and devices.

mod instruments;
