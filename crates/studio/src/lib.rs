//! The broadcaster.
