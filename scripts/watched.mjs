/** Runs programs that download. A silently dead connection would block them without end (seen: an install of 90 minutes). */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs a program with its output on stderr until it succeeds, at most once per attempt. A program that is silent for `silenceMs` is
 * killed with all its children. Ctrl-C and TERM are passed on, and end the attempts.
 *
 * @param attempts the options of `spawn` for each attempt, after a pause of `pauseMs` times the number of earlier attempts
 * @returns the exit code of the last attempt; 1 when it was killed
 */
export async function runWatched(command, args, { attempts, silenceMs, pauseMs }) {
  for (const [index, options] of attempts.entries()) {
    if (index > 0) await sleep(pauseMs * index);
    const ending = await runOnce(command, args, options, silenceMs);
    if (ending.kind === 'exited' && ending.code === 0) return 0;
    const why = ending.kind === 'silent' ? `was silent for ${silenceMs / 1000} s` : `failed (${ending.code})`;
    process.stderr.write(`${command} ${why}: attempt ${index + 1} of ${attempts.length}\n`);
    if (ending.kind === 'told to end') break;
  }
  return 1;
}

function runOnce(command, args, options, silenceMs) {
  return new Promise((resolve) => {
    const isWindows = process.platform === 'win32';
    // A group of its own, so that the children of npx end with it. Ctrl-C of a terminal must then be passed on.
    const child = spawn(command, args, {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: !isWindows,
      // npm's tools are .cmd files on Windows.
      shell: isWindows,
    });
    let ending;
    const kill = (signal) => {
      try {
        if (isWindows || child.pid === undefined) child.kill(signal);
        else process.kill(-child.pid, signal);
      } catch {
        // The process has ended.
      }
    };
    const silence = setTimeout(() => {
      ending ??= { kind: 'silent' };
      kill('SIGKILL');
    }, silenceMs);
    const passOn = (signal) => {
      ending ??= { kind: 'told to end', code: 1 };
      kill(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, passOn);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        silence.refresh();
        process.stderr.write(chunk);
      });
    }
    child.on('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      finish({ kind: 'exited', code: 1 });
    });
    child.on('close', (code) => finish({ kind: 'exited', code: code ?? 1 }));
    function finish(exited) {
      clearTimeout(silence);
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, passOn);
      resolve(ending ?? exited);
    }
  });
}
