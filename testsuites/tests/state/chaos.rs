//! `--chaos`: caches are dropped, slices split, dispatchers exchanged and states saved and restored at
//! random instants.

use super::{
    Outcome,
    guest::{Guest, same},
};

fn seeds(guest: &Guest, seeds: std::ops::RangeInclusive<u64>) -> Outcome {
    let plain = guest.stats(&[])?;
    for seed in seeds {
        let seed = seed.to_string();
        let disturbed = guest.stats(&["--chaos", &seed])?;
        same(&plain, &disturbed, &format!("--chaos {seed}"))?;
    }
    Ok(())
}

pub fn one_seed(guest: &Guest) -> Outcome {
    seeds(guest, 11..=11)
}

pub fn ten_seeds(guest: &Guest) -> Outcome {
    seeds(guest, 1..=10)
}
