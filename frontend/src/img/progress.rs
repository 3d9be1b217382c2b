//! A bar for what takes long, if someone is looking.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for `bytes` on standard error, which shows nothing where that is no terminal.
pub fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar
}
