//! The binary `plasma`.

fn main() -> std::process::ExitCode {
    plasma_node::cli::run(std::env::args_os())
}
