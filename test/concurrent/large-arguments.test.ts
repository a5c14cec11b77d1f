// Arguments that do not fit into a slot of the queue: beside the slots in shared memory, and through a port where that is full.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import 'tsyncio';
import { ThreadPoolExecutor } from 'tsyncio/concurrent';
import { occupy, onEachPool } from './each-pool.js';

const MIB = 1024 * 1024;

/** What arrives, so that it can be compared: bytes from all over the memory. */
const sample = (bytes: Uint8Array, label: string) =>
  `${label} ${bytes.constructor.name} ${bytes.length} ${bytes[0]} ${bytes[bytes.length >> 1]} ${bytes.at(-1)}`;

/** More than fits beside the slots, in calls that all wait. */
for (const size of [481, 5_000, 16 * 1024, 100_001, MIB, 3 * MIB, 5 * MIB]) {
  onEachPool(
    `arguments of ${size} bytes arrive as they were at submit(), many of them waiting`,
    async (kind) => {
      const pool = kind.make({ maxWorkers: 1 });
      const { release } = occupy(pool);
      const futures = Array.from({ length: size > MIB ? 3 : 9 }, (_, n) => {
        const bytes = new Uint8Array(size).fill(n);
        bytes[0] = 100 + n;
        bytes[size - 1] = 200;
        const future = pool.submit(sample, bytes, `label ${n}`);
        bytes.fill(255);
        return future;
      });
      const cancelled = pool.submit(sample, new Uint8Array(size), 'cancelled');
      assert.equal(cancelled.cancel(), true);
      release();
      for (const [n, future] of futures.entries()) {
        assert.equal(future.result(), `label ${n} Uint8Array ${size} ${100 + n} ${n} 200`);
      }
      // The memory beside the slots is used again.
      for (let n = 0; n < 12; n++) {
        const bytes = new Uint8Array(size).fill(n);
        assert.equal(pool.submit(sample, bytes, 'again').result(), `again Uint8Array ${size} ${n} ${n} ${n}`);
      }
      pool.shutdown();
    },
  );
}

onEachPool('text and plain data beyond a slot arrive, also such as JSON does not know', async (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  const echo = (value: unknown) => value;
  for (const value of [
    'ä€😀'.repeat(150),
    `\ud800${'x'.repeat(400)}`,
    { text: 'ä€😀'.repeat(150), list: Array.from({ length: 30 }, (_, n) => n) },
    { when: new Date(0), map: new Map([[1, 'x'.repeat(600)]]) },
    [undefined, -0, Number.NaN, 'y'.repeat(300)],
    'z'.repeat(3 * MIB),
  ]) {
    assert.deepEqual(pool.submit(echo, value).result(), value);
  }
  pool.shutdown();
});

test('large arrays arrive with the memory that they are views of, in their own class, among scalars', () => {
  using pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  const describe = (before: string, array: Float64Array, after: boolean | undefined) =>
    [
      before,
      array.constructor.name,
      array.byteOffset,
      array.length,
      array.buffer.byteLength,
      array[1],
      after,
    ] as const;
  const memory = new ArrayBuffer(64 * 1024);
  const view = new Float64Array(memory, 16, 4000).fill(2.5);
  assert.deepEqual(pool.submit(describe, 'a', view, undefined).result(), [
    'a',
    'Float64Array',
    16,
    4000,
    64 * 1024,
    2.5,
    undefined,
  ]);
  assert.equal(view.buffer.byteLength, 64 * 1024);
  const write = (array: Uint8Array) => array.fill(1).length;
  const own = new Uint8Array(20_000);
  assert.equal(pool.submit(write, own).result(), 20_000);
  assert.equal(own[0], 0);
});
