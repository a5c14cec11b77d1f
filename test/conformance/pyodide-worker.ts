/** A worker thread that holds CPython (pyodide) with interpreter.py loaded: batches of programs in, traces out. */

import { parentPort, workerData } from 'node:worker_threads';
import { loadPyodide } from 'pyodide';

const port = parentPort;
if (port === null) throw new Error('Cannot run here: this module is the entry of a worker thread');

const { source } = workerData as { source: string };
const python = await loadPyodide({ stdout: console.log, stderr: console.error });
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
