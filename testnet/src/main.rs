//! The binary `plasma-testnet`: everything is in the library.

fn main() -> std::process::ExitCode {
    plasma_testnet::cli::run()
}
