//! Random instructions: no panic, and both dispatchers agree. Repeatable by seed.
//!
//! `OLDIRON_SOAK_SEED` and `OLDIRON_SOAK_INSTRUCTIONS` choose where to start and how long to go on.

use oldiron_testsuites::soak::soak;

fn check(default_instructions: u64) {
    let from_env = |name: &str| std::env::var(name).ok()?.parse().ok();
    let seed = from_env("OLDIRON_SOAK_SEED").unwrap_or(1);
    let instructions = from_env("OLDIRON_SOAK_INSTRUCTIONS").unwrap_or(default_instructions);
    let outcome = soak(seed, instructions, 5);
    println!(
        "{} instructions, {} deliveries, {} cases",
        outcome.instructions, outcome.deliveries, outcome.cases
    );
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
}

#[test]
fn random_instructions_do_not_panic_and_both_dispatchers_agree() {
    check(1_000_000);
}

#[test]
#[ignore = "long: cargo xtask long"]
fn a_hundred_million_random_instructions_do_not_panic_and_both_dispatchers_agree() {
    check(100_000_000);
}
