//! Storage and log of a process that dies, on a machine that loses power, and on a disk that refuses.
//!
//! The rules: what was reported durable or acknowledged is there again, whole and as the model says; what was not may be
//! there or not; and the operator goes on from it by itself.

pub(crate) mod books;
pub(crate) mod disk;
pub(crate) mod kill;
pub(crate) mod power;

use plasma_node::storage::embedded::Fjall;

macro_rules! every_engine {
    ($($module:ident::$rule:ident),* $(,)?) => {
        mod in_fjall {
            $(#[test] fn $rule() { super::$module::$rule::<super::Fjall>(&super::own_name(module_path!(), stringify!($rule))); })*
        }
    };
}

every_engine!(
    disk::refusal_anywhere_ends_commits_and_loses_nothing,
    disk::full_disk_stops_and_goes_on_with_room,
    disk::slow_disk_holds_commits_back,
    kill::kill_anywhere_loses_nothing_durable,
    power::cut_loses_nothing_durable,
);

/// How the test binary calls a test.
fn own_name(module: &str, rule: &str) -> String {
    let (_, module) = module.split_once("::").expect("a module lies in a crate");
    format!("{module}::{rule}")
}
