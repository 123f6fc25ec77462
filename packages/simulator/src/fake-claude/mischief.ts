import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Control } from './control.js';
import type { CrashPoint, Hazards } from './hazards.js';
import type { Output } from './output.js';
import type { Permissions } from './permissions.js';
import type { Surroundings } from './surroundings.js';

/** How often memory grows, ms. */
const growthStepMs = 100;

/** Plays hazards of the process around a turn. Owns the memory that has grown. */
export class Mischief {
  private readonly grown: Buffer[] = [];
  private growth: NodeJS.Timeout | undefined;

  constructor(
    private readonly output: Output,
    private readonly control: Control,
    private readonly permissions: Permissions,
    private readonly surroundings: Surroundings,
  ) {}

  /** Plays hazards that come before any output. */
  begin(hazards: Hazards): void {
    const { output, surroundings } = this;
    if (hazards.split) output.cutCharacters();
    output.halve(hazards.half);
    if (hazards.deaf) this.control.goDeaf();
    if (hazards.permissionDead) this.permissions.isDead = true;
    if (hazards.orphan !== undefined) this.leaveBehind(hazards.orphan.holdsStdout, hazards.orphan.forMs);
    if (hazards.grow !== undefined) this.grow(hazards.grow.bytesPerSecond, hazards.grow.most);
    if (hazards.stderrBytes !== undefined) surroundings.stderr(`${'stderr '.repeat(hazards.stderrBytes / 7)}\n`);
    for (let line = 0; line < hazards.garbageLines; line += 1) output.raw(`{"type":"assistant","garbage ${line}\n`);
    if (hazards.lineBytes !== undefined)
      output.line({ type: 'system', subtype: 'large_line', data: 'x'.repeat(hazards.lineBytes) });
  }

  /** Ends the process when it is time. `of` names the prompt, so that its retries are counted together. */
  crash(at: CrashPoint, { crash }: Hazards, of: string): void {
    if (crash?.at !== at) return;
    if (this.surroundings.counter.strikes(JSON.stringify(['crash', at, of]), crash.times))
      this.surroundings.die(crash.how);
  }

  /** Stops the output for good. Not even an interrupt helps. */
  async stall(): Promise<never> {
    this.output.fallSilent();
    // A timer keeps the process alive when stdin has ended.
    for (;;) await sleep(60_000);
  }

  /** Leaves a process in a session of its own, which only the marks in its environment identify. */
  private leaveBehind(holdsStdout: boolean, forMs: number): void {
    spawn('sleep', [String(forMs / 1000)], {
      detached: true,
      stdio: ['ignore', holdsStdout ? 'inherit' : 'ignore', 'ignore'],
    }).unref();
  }

  private grow(bytesPerSecond: number, most: number): void {
    clearInterval(this.growth);
    const step = Math.ceil((bytesPerSecond * growthStepMs) / 1000);
    let held = 0;
    this.growth = setInterval(() => {
      // Filled, so that the memory is resident.
      this.grown.push(Buffer.alloc(Math.min(step, most - held), 1));
      held += step;
      if (held >= most) clearInterval(this.growth);
    }, growthStepMs);
    this.growth.unref();
  }
}
