//! One of our own engines at the other end of the protocol.

use std::io::{self, BufRead, Read, Write};

use super::protocol::{MAX_LINE_BYTES, PROTOCOL, Reply, Request};
use crate::{
    bench::{
        answer::{Answer, Digest},
        entrant::{Batch, Entrant, Loaded, Local},
        workload::Workload,
    },
    outcome::Outcome,
};

/// Answers requests until there are no more.
///
/// # Errors
/// Requests cannot be read or answers cannot be written.
pub fn serve(mut engine: Local, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut workload = None;
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let reply = match serde_json::from_slice(&line) {
            Ok(request) => answer(&mut engine, &mut workload, request),
            Err(error) => Err(error.to_string()),
        };
        let reply = reply.unwrap_or_else(|message| Reply::Error { message });
        serde_json::to_writer(&mut output, &reply)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
}

/// The answer to one request, or why there is none.
fn answer(engine: &mut Local, workload: &mut Option<Workload>, request: Request) -> Result<Reply, String> {
    match request {
        Request::Hello { .. } => Ok(Reply::Hello {
            protocol: PROTOCOL.to_owned(),
            name: engine.info().name,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }),
        Request::Load { name, case } => {
            let fork = case.fork.parse().map_err(|_| format!("unknown fork {:?}", case.fork))?;
            let input = case.to_input().ok_or("unknown fork")?;
            let loaded = workload.insert(Workload::new(name, fork, input));
            let Loaded { answer, compilation, .. } =
                engine.load(loaded).map_err(|error| error.to_string())?;
            Ok(Reply::Loaded {
                outcome: digest(answer, loaded)?,
                compile_cpu_ns: compilation.map(|one| one.cpu_ns),
                code_bytes: compilation.and_then(|one| one.artifact_bytes),
            })
        }
        Request::Run { count } => {
            let loaded = workload.as_ref().ok_or("nothing is loaded")?;
            let ran = engine.lane(loaded).run(count.max(1));
            let Batch { cpu, answer } = ran.map_err(|error| error.to_string())?;
            Ok(Reply::Ran { cpu_ns: cpu.as_secs_f64() * 1e9, outcome: digest(answer, loaded)? })
        }
    }
}

/// An answer in hashes.
fn digest(answer: Answer, workload: &Workload) -> Result<Digest, String> {
    let outcome = match answer {
        Answer::Full(result) => Outcome::new(*result, &workload.input.world),
        Answer::Digest(digest) => return Ok(digest),
    };
    Digest::of(&outcome).ok_or_else(|| format!("the transaction is rejected: {}", outcome.describe()))
}
