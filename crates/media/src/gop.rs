//! gop
