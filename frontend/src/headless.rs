//! No display.

use oldiron_platform::Machine;

use crate::{
    display::{Display, Input, Status},
    outcome::Failure,
};

/// Shows nothing and has no user.
pub struct Headless;

impl Display for Headless {
    fn poll(&mut self) -> Result<Vec<Input>, Failure> {
        Ok(Vec::new())
    }

    fn present(&mut self, _: &mut Machine) -> Result<(), Failure> {
        Ok(())
    }

    fn show_status(&mut self, _: &Status) -> Result<(), Failure> {
        Ok(())
    }

    fn is_live(&self) -> bool {
        false
    }
}
