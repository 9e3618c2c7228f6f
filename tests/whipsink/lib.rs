//! Nothing of its own: it pins the plugin, which `cargo xtask test` builds for `gst-launch-1.0` to load.
