//! The processor time that processes have used, where the system tells it in `/proc`.

use std::fs;

/// `USER_HZ`, which is 100 on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Of a process, user and system, in seconds.
pub(crate) fn seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything; behind it, utime and stime are fields 12 and 13.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}
