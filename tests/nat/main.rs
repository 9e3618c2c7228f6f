//! Networks in namespaces: what the lab itself does, and who gets in through which router.

mod lab;
mod reach;
mod turn;
mod world;
