//! The program at the other end.
//!
//! Two threads stand between it and us, one that writes and one that reads, so that neither a program that
//! does not read nor one that does not write can hold us up: every answer has a time limit. The program runs in
//! a process group of its own, all of which is ended when we are done with it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::CommandExt,
    process::{self, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{
    ExternalError,
    protocol::{MAX_LINE_BYTES, PROTOCOL, Reply, Request},
    shown,
};
use crate::bench::{
    answer::Answer,
    entrant::{Batch, Entrant, Lane, Loaded, Problem},
    format::Case,
    report::{Compilation, EngineInfo},
    workload::Workload,
};

/// How long a program may take to end after its standard input has.
const GRACE: Duration = Duration::from_secs(1);

/// Longest name of an engine, in characters.
const MAX_NAME: usize = 24;

/// CPU time may be beyond the time that we waited by this much: clocks differ.
const CLOCK_SLACK: Duration = Duration::from_millis(1);

/// A program that takes part.
pub struct Child {
    command: String,
    info: EngineInfo,
    process: process::Child,
    /// Requests for the thread that writes; gone when the program is to end.
    requests: Option<Sender<Vec<u8>>>,
    lines: Receiver<Vec<u8>>,
    /// Lines that were read.
    line: u64,
    timeout: Duration,
}

impl Child {
    /// Starts a program by the shell, and asks for its name. Every answer may take as long as `timeout`.
    ///
    /// # Errors
    /// See [`ExternalError`].
    pub fn start(command: &str, timeout: Duration) -> Result<Self, ExternalError> {
        let fail = |source| ExternalError::Start { command: command.to_owned(), source };
        let mut process = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(fail)?;
        let (requests, to_write) = channel();
        let (read, lines) = channel();
        if let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) {
            let name = |what: &str| thread::Builder::new().name(format!("external-{what}"));
            name("write").spawn(|| write_all(stdin, to_write)).map_err(fail)?;
            name("read").spawn(|| read_all(stdout, read)).map_err(fail)?;
        }
        let (command, requests) = (command.to_owned(), Some(requests));
        let info = EngineInfo::new("", "");
        let mut child = Self { command, info, process, requests, lines, line: 0, timeout };
        child.info = child.hello()?;
        Ok(child)
    }

    /// Gives the engine another name, where another one has it already.
    pub fn rename(&mut self, name: String) {
        self.info.name = name;
    }

    /// Asks for the name.
    fn hello(&mut self) -> Result<EngineInfo, ExternalError> {
        let (reply, line) = self.ask(&Request::Hello { protocol: PROTOCOL.to_owned() })?;
        match reply {
            Reply::Hello { protocol, name, version } if protocol == PROTOCOL => {
                if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
                    let reason = format!("a name has 1 to {MAX_NAME} printable characters");
                    return Err(self.wrong(&line, reason));
                }
                let what = format!("{name} {version}, an external program: {}", self.command);
                Ok(EngineInfo::new(name, what))
            }
            Reply::Hello { .. } => Err(self.wrong(&line, format!("the protocol is not {PROTOCOL}"))),
            _ => Err(self.wrong(&line, "this does not answer hello")),
        }
    }

    /// Sends a request and waits for the answer, which comes with its text.
    fn ask(&mut self, request: &Request) -> Result<(Reply, Vec<u8>), ExternalError> {
        match self.lines.try_recv() {
            Ok(line) => {
                self.line += 1;
                return Err(self.wrong(&line, "nobody asked for this line"));
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Err(self.ended(request)),
        }
        let mut text = serde_json::to_vec(request).unwrap_or_default();
        text.push(b'\n');
        // If the writer is gone so is the program, which shows when its answer is read.
        let _ = self.requests.as_ref().map(|requests| requests.send(text));
        let line = match self.lines.recv_timeout(self.timeout) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return Err(self.ended(request)),
            Err(RecvTimeoutError::Timeout) => {
                let (command, seconds) = (self.command.clone(), self.timeout.as_secs_f64());
                return Err(ExternalError::Timeout { command, request: request.name(), seconds });
            }
        };
        self.line += 1;
        if line.last() != Some(&b'\n') {
            return Err(self.wrong(&line, "the line has no end"));
        }
        match serde_json::from_slice(&line) {
            Ok(reply) => Ok((reply, line)),
            Err(error) => Err(self.wrong(&line, error.to_string())),
        }
    }

    /// The program has ended.
    fn ended(&mut self, request: &Request) -> ExternalError {
        let status = wait(&mut self.process, GRACE);
        let status = status.map_or("it closed its output".to_owned(), |status| status.to_string());
        ExternalError::Ended { command: self.command.clone(), request: request.name(), status }
    }

    /// The line that was read last is wrong.
    fn wrong(&self, line: &[u8], reason: impl Into<String>) -> ExternalError {
        let (command, reason) = (self.command.clone(), reason.into());
        ExternalError::Line { command, line: self.line, reason, text: shown(line) }
    }
}

impl Entrant for Child {
    fn info(&self) -> EngineInfo {
        self.info.clone()
    }

    fn load(&mut self, workload: &Workload) -> Result<Loaded, Problem> {
        let case = Box::new(Case::from_input(&workload.input, workload.fork));
        let (reply, line) = self.ask(&Request::Load { name: workload.name.clone(), case })?;
        match reply {
            Reply::Loaded { outcome, compile_cpu_ns, code_bytes } => {
                let is_time = |time: &f64| time.is_finite() && *time >= 0.0;
                let compilation = compile_cpu_ns.filter(is_time).map(|cpu_ns| Compilation {
                    cpu_ns,
                    codes: None,
                    artifact_bytes: code_bytes,
                });
                Ok(Loaded { answer: Answer::Digest(outcome), compilation, frames_interpreted: 0 })
            }
            Reply::Error { message } => Err(Problem::Refused(message)),
            _ => Err(self.wrong(&line, "this does not answer load").into()),
        }
    }

    fn lane<'a>(&'a mut self, _: &'a Workload) -> Box<dyn Lane + 'a> {
        Box::new(ChildLane(self))
    }
}

/// A lane of a program.
struct ChildLane<'a>(&'a mut Child);

impl Lane for ChildLane<'_> {
    fn run(&mut self, count: u32) -> Result<Batch, Problem> {
        let start = Instant::now();
        let (reply, line) = self.0.ask(&Request::Run { count })?;
        let possible = start.elapsed() + CLOCK_SLACK;
        match reply {
            Reply::Ran { cpu_ns, outcome } => {
                let cpu = Duration::try_from_secs_f64(cpu_ns / 1e9).ok();
                let is_possible = |cpu: &Duration| !cpu.is_zero() && *cpu <= possible;
                let Some(cpu) = cpu.filter(is_possible) else {
                    let reason = format!("the CPU time is impossible, as the answer took {possible:?}");
                    return Err(self.0.wrong(&line, reason).into());
                };
                Ok(Batch { cpu, answer: Answer::Digest(outcome) })
            }
            Reply::Error { message } => Err(Problem::Refused(message)),
            _ => Err(self.0.wrong(&line, "this does not answer run").into()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.requests = None;
        if wait(&mut self.process, GRACE).is_none() {
            // Errors mean that it has gone meanwhile.
            let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
            let _ = self.process.wait();
        }
    }
}

/// Waits for a process to end, for a limited time.
fn wait(process: &mut process::Child, limit: Duration) -> Option<process::ExitStatus> {
    let start = Instant::now();
    loop {
        match process.try_wait() {
            Ok(None) if start.elapsed() < limit => thread::sleep(Duration::from_millis(5)),
            Ok(status) => return status,
            Err(_) => return None,
        }
    }
}

/// Writes requests until there are no more or nobody reads them.
fn write_all(mut stdin: ChildStdin, requests: Receiver<Vec<u8>>) {
    for request in requests {
        if stdin.write_all(&request).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

/// Reads lines until there are no more or nobody wants them. A line without end is the last.
fn read_all(stdout: ChildStdout, lines: Sender<Vec<u8>>) {
    let mut reader = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        let is_last = line.last() != Some(&b'\n');
        if read.is_err() || line.is_empty() || lines.send(line).is_err() || is_last {
            return;
        }
    }
}
