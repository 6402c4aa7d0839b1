//! The binary `plasma`.

/// Storage and network allocate by the million, from many threads, for months: this one gives memory back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    plasma_node::cli::run(std::env::args_os())
}
