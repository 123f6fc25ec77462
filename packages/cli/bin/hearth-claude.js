#!/usr/bin/env node
// A file that exists before the build, so that the package manager can link the command.
import '../dist/drop-in/main.js';
