#!/usr/bin/env node
// The bundle (scripts/bundle.mjs) starts in half the time. A bundle older than the build is not used.
import { statSync } from 'node:fs';

const madeAt = (path) => statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const bundle = '../dist/bundle/hearth-claude.js';
const build = ['../dist', '../../producer/dist', '../../shared/dist'].map((folder) => madeAt(`${folder}/.tsbuildinfo`));
await import(madeAt(bundle) >= Math.max(1, ...build) ? bundle : '../dist/main.js');
