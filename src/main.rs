//! The command `blastmap`: parse, run, and map the outcome to an exit code. Everything else is in [`cli`].

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
