fn main() {
    // The migrations are compiled in.
    println!("cargo:rerun-if-changed=migrations");
}
