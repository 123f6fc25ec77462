/**
 * The gate's reporter for vitest. It prints a line of progress now and then, each failure at once and in full at the end, then the
 * slowest tests; a test that passes has no line. It writes its counts to the file that HEARTH_GATE_REPORT names.
 */
import { writeFileSync } from 'node:fs';
import { DefaultReporter } from 'vitest/node';
import { Durations } from './durations.mjs';
import { Progress, slowest } from './progress.mjs';

/** How often progress is printed, ms: a terminal shows one line that changes, a log a new line each time. */
const tellEveryMs = process.stderr.isTTY ? 1_000 : 20_000;

export default class GateReporter extends DefaultReporter {
  constructor() {
    super({ summary: false });
    this.durations = new Durations();
    this.tests = [];
    this.files = {};
  }

  onTestRunStart(specifications) {
    super.onTestRunStart(specifications);
    const files = specifications.map(({ moduleId }) => this.relative(moduleId));
    const expected = new Map(files.map((file) => [file, this.durations.of(file)]));
    this.progress = new Progress(expected, Number(this.ctx.config.maxWorkers));
    this.timer = setInterval(() => this.tell(), tellEveryMs);
    this.tell();
  }

  onTestModuleStart(module) {
    this.progress.begin(this.relative(module.moduleId));
  }

  onTestCaseResult(test) {
    super.onTestCaseResult(test);
    const { state } = test.result();
    const file = this.relative(test.module.moduleId);
    this.progress.count(state);
    this.tests.push({ file, title: test.fullName, seconds: (test.diagnostic()?.duration ?? 0) / 1_000 });
    if (state === 'failed') this.say(`✗ ${file} › ${test.fullName}`);
  }

  onTestModuleEnd(module) {
    super.onTestModuleEnd(module);
    const file = this.relative(module.moduleId);
    this.progress.end(file);
    this.files[file] = module.diagnostic().duration / 1_000;
  }

  printTestModule() {
    // The base class prints the failures of all files at the end.
  }

  onTestRunEnd(modules, errors, reason) {
    clearInterval(this.timer);
    this.say(this.progress.line);
    super.onTestRunEnd(modules, errors, reason);
    // A part of a file's tests says nothing about how long the file takes.
    if (this.ctx.config.testNamePattern === undefined) this.durations.record(this.files);
    const file = process.env['HEARTH_GATE_REPORT'];
    if (file) writeFileSync(file, JSON.stringify(this.progress.counts));
  }

  reportTestSummary() {
    const lines = slowest(this.tests);
    if (lines.length > 0) this.say(`The slowest tests:\n${lines.join('\n')}`);
  }

  tell() {
    if (process.stderr.isTTY)
      process.stderr.write(`\r\u001b[2K${this.progress.line.slice(0, process.stderr.columns - 1)}`);
    else this.say(this.progress.line);
  }

  say(text) {
    process.stderr.write(`${process.stderr.isTTY ? '\r\u001b[2K' : ''}${text}\n`);
  }
}
