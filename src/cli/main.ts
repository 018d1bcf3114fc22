#!/usr/bin/env node
/** Where the `bitnet` program starts. The process ends by itself once all is written: no exit cuts output off. */
import { runProgram } from './program.ts';

process.exitCode = await runProgram(process.argv.slice(2));
