#[expect(clippy::print_stdout, reason = "how a build script speaks to cargo")]
fn main() {
    // The migrations are compiled in.
    println!("cargo:rerun-if-changed=migrations");
}
