import { Piscina } from 'piscina';
import { lanes } from './lanes.mjs';

export function open(workers, { name, moves }) {
  const pool = new Piscina({
    filename: new URL('work.mjs', import.meta.url).href,
    minThreads: workers,
    maxThreads: workers,
  });
  return moves
    ? (value) => pool.run(value, { name, transferList: moves(value) })
    : (value) => pool.run(value, { name });
}

export default lanes(open);
