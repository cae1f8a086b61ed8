//! The other process: started, limited, fed, waited for, and in every case ended and reaped.

use std::{
    io::{self, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    io::ioctl_fionbio,
    process::{Pid, Resource, Rlimit, getrlimit, prlimit, setpriority_process},
};

use crate::options::Limits;

/// Variables of the environment that the helper gets: where libraries and temporary files are.
const ENVIRONMENT: [&str; 3] = ["LD_LIBRARY_PATH", "PATH", "TMPDIR"];

/// The lowest priority there is.
const NICE: i32 = 19;

/// Time from one look at the process to the next: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// How a run of the helper ended.
pub(crate) enum End {
    /// By itself, or by a signal.
    Ended(ExitStatus),
    /// It was killed since it took too long.
    TooLong,
    /// It was killed since nobody wants it any more.
    Stopped,
}

/// A process that does not outlive this value, and leaves nothing to reap.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Neither signals nor waits where it is reaped already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command on `input` within `limits`. `pause` waits for a time, and says whether all is to end.
///
/// # Errors
/// The system does not start the process, or not limit it.
pub(crate) fn run(
    command: &mut Command,
    input: &[u8],
    limits: &Limits,
    pause: impl Fn(Duration) -> bool,
) -> io::Result<End> {
    let end = Instant::now() + limits.wall_time;
    let kept = ENVIRONMENT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let command = command.env_clear().envs(kept.collect::<Vec<_>>());
    let command = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running(command.spawn()?);
    // Before it is given anything to read, so nothing hostile runs without them.
    limit(Pid::from_child(&running.0), limits)?;
    let mut feed = Feed::new(running.0.stdin.take(), input)?;
    let mut time = PAUSES.0;
    loop {
        feed.step();
        if let Some(status) = running.0.try_wait()? {
            return Ok(End::Ended(status));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(End::TooLong);
        }
        if pause(time.min(left)) {
            return Ok(End::Stopped);
        }
        time = (2 * time).min(PAUSES.1);
    }
}

/// Limits a process.
fn limit(pid: Pid, limits: &Limits) -> io::Result<()> {
    set(pid, Resource::As, limits.memory_bytes, limits.memory_bytes)?;
    // At the first it gets a signal that tells why, at the second the one that nobody survives.
    set(pid, Resource::Cpu, limits.cpu_seconds, limits.cpu_seconds.saturating_add(1))?;
    set(pid, Resource::Core, 0, 0)?;
    Ok(setpriority_process(Some(pid), NICE)?)
}

/// Sets one limit, or leaves a stricter one of our own, which the process has inherited.
fn set(pid: Pid, resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let ours = getrlimit(resource);
    let within = |limit: u64, ours: Option<u64>| Some(ours.map_or(limit, |ours| ours.min(limit)));
    let maximum = within(maximum, ours.maximum);
    let current = within(current, ours.current).min(maximum);
    Ok(prlimit(Some(pid), resource, Rlimit { current, maximum }).map(drop)?)
}

/// Input on its way into the process, as far as that takes it: waiting is for the loop alone.
struct Feed<'a> {
    pipe: Option<ChildStdin>,
    rest: &'a [u8],
}

impl<'a> Feed<'a> {
    fn new(pipe: Option<ChildStdin>, rest: &'a [u8]) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            ioctl_fionbio(pipe, true)?;
        }
        Ok(Self { pipe, rest })
    }

    /// Writes what there is room for. At the end, or where nobody reads, the pipe is closed.
    fn step(&mut self) {
        while let Some(pipe) = &mut self.pipe {
            match pipe.write(self.rest) {
                Ok(written) if written < self.rest.len() => self.rest = &self.rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => self.pipe = None,
            }
        }
    }
}
