/** A worker thread that holds CPython (pyodide) with interpreter.py loaded: batches of programs in, traces out. */

import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { loadPyodide } from 'pyodide';

const port = parentPort;
if (port === null) throw new Error('Cannot run here: this module is the entry of a worker thread');

const { source } = workerData as { source: string };
// By itself pyodide looks for its files beside the script that its stack trace names: with source maps, the wrong place.
const indexURL = dirname(fileURLToPath(import.meta.resolve('pyodide')));
const python = await loadPyodide({ indexURL, stdout: console.log, stderr: console.error });
// The interpreter looks at asyncio's source, and runs its module body under another name than __main__.
const traceAll = python.runPython(`
import sys, types
interpreter = types.ModuleType('interpreter')
exec(${JSON.stringify(source)}, interpreter.__dict__)
interpreter.trace_all
`) as (batch: string) => string;
const version = python.runPython('sys.version.split()[0]') as string;

port.on('message', ({ id, batch }: { id: number; batch: string }) => {
  try {
    port.postMessage({ id, traces: traceAll(batch) });
  } catch (error) {
    port.postMessage({ id, error: String(error) });
  }
});
port.postMessage({ version });
