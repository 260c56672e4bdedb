//! The CPU time of processes, where the system reports it in `/proc`.

use std::fs;

/// `USER_HZ`, which is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of a process, in seconds.
pub(crate) fn seconds(pid: u32) -> Option<f64> {
    let stat = Stat::of(pid)?;
    Some(stat.ticks / TICKS_PER_SECOND)
}

/// The same for a process and its descendants, e.g. a whole PostgreSQL.
pub(crate) fn seconds_of_family(pid: u32) -> Option<f64> {
    let stat = Stat::of(pid)?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children = processes.filter_map(Stat::of).filter(|stat| stat.parent == pid);
    let running: f64 = children.map(|stat| stat.ticks).sum();
    Some((stat.ticks + stat.ticks_of_ended + running) / TICKS_PER_SECOND)
}

struct Stat {
    parent: u32,
    /// User and system.
    ticks: f64,
    /// The time of children that have ended.
    ticks_of_ended: f64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name is in parentheses and may contain anything. After it the parent is field 1; from field 11 on come
        // utime, stime, and the same of ended children.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |n: usize| fields.get(n)?.parse::<f64>().ok();
        let parent = fields.get(1)?.parse().ok()?;
        Some(Self { parent, ticks: ticks(11)? + ticks(12)?, ticks_of_ended: ticks(13)? + ticks(14)? })
    }
}
