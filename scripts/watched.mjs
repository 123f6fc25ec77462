/** Programs that fetch from elsewhere: a connection that dies without a word is waited for without end (seen: an install of 90 minutes). */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs a program with its output on our stderr, as often as its attempts allow, until it ends well. One that says
 * nothing for `silenceMs` is killed with all it started. Ctrl-C and TERM reach it, too, and nothing is tried after them.
 *
 * @param attempts what to give `spawn` at each attempt, after a pause of `pauseMs` times the attempts before it
 * @returns the exit code of the last attempt; 1 when it was killed
 */
export async function runWatched(command, args, { attempts, silenceMs, pauseMs }) {
  for (const [index, options] of attempts.entries()) {
    if (index > 0) await sleep(pauseMs * index);
    const ending = await runOnce(command, args, options, silenceMs);
    if (ending.kind === 'exited' && ending.code === 0) return 0;
    const why = ending.kind === 'silent' ? `said nothing for ${silenceMs / 1000} s` : `failed (${ending.code})`;
    process.stderr.write(`${command} ${why}: attempt ${index + 1} of ${attempts.length}\n`);
    if (ending.kind === 'told to end') break;
  }
  return 1;
}

function runOnce(command, args, options, silenceMs) {
  return new Promise((resolve) => {
    const isWindows = process.platform === 'win32';
    // A group of its own, so that what npx starts ends with it; a terminal's Ctrl-C then has to be passed on.
    const child = spawn(command, args, {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: !isWindows,
      // npm's tools are .cmd files there.
      shell: isWindows,
    });
    let ending;
    const kill = (signal) => {
      try {
        if (isWindows || child.pid === undefined) child.kill(signal);
        else process.kill(-child.pid, signal);
      } catch {
        // It is gone already.
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
