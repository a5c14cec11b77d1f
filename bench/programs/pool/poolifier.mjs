import { fileURLToPath } from 'node:url';
import { FixedThreadPool } from 'poolifier';
import { lanes } from './lanes.mjs';

export function open(workers, { name, moves }) {
  const pool = new FixedThreadPool(workers, fileURLToPath(new URL('poolifier-worker.mjs', import.meta.url)));
  return moves
    ? (value) => pool.execute(value, name, undefined, moves(value))
    : (value) => pool.execute(value, name);
}

export default lanes(open);
