import { fileURLToPath } from 'node:url';
import workerpool from 'workerpool';
import { lanes } from './lanes.mjs';

const open =
  (workerType) =>
  (workers, { name, moves }) => {
    const pool = workerpool.pool(fileURLToPath(new URL('workerpool-worker.mjs', import.meta.url)), {
      workerType,
      minWorkers: workers,
      maxWorkers: workers,
    });
    return moves
      ? (value) => pool.exec(name, [value], { transfer: moves(value) })
      : (value) => pool.exec(name, [value]);
  };

export const openThreads = open('thread');
export const openProcesses = open('process');

export default (args) => lanes(args.processes ? openProcesses : openThreads)(args);
