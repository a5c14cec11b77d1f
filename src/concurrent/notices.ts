/** What the broker tells an owner by itself. */

import { ring } from './bell.js';
import { INDEX_WORD, VALUE_AT, WORKER_WORD } from './protocol.js';
import type { RecordRing } from './record-ring.js';

/** Writes a record with a short text. */
export function note(
  results: RecordRing,
  bell: Int32Array,
  kind: number,
  worker: number,
  index: number,
  text: string,
): void {
  const size = VALUE_AT + 16 + text.length * 2 + 8;
  const offset = results.reserve((size + 7) & ~7);
  results.area.i32[(offset >> 2) + INDEX_WORD] = index;
  results.area.i32[(offset >> 2) + WORKER_WORD] = worker;
  const end = results.area.writeScalar(text, offset + VALUE_AT, offset + size);
  results.commit(offset, end - offset, kind);
  ring(bell);
}
