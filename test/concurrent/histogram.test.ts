import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Histogram } from 'tsyncio/concurrent/lowlevel';
import fc from '../property.js';

const times = fc.array(
  fc.oneof(
    fc.double({ min: 1e-9, max: 1e6, noNaN: true }),
    fc.double({ min: 1e-6, max: 1, noNaN: true }),
    fc.integer({ min: -9, max: 6 }).map((n) => 10 ** n),
    fc.integer({ min: -29, max: 19 }).map((n) => 2 ** n),
  ),
  { minLength: 1, maxLength: 200 },
);

function of(seconds: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const each of seconds) histogram.record(each);
  return histogram;
}

function exact(sorted: readonly number[], p: number): number {
  return sorted[Math.max(1, Math.ceil((p / 100) * sorted.length)) - 1] as number;
}

test('percentile() is at most 1.6 % off, compared with sorting', () => {
  fc.assert(
    fc.property(
      times,
      fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1 }),
      (all, percents) => {
        const histogram = of(all);
        const sorted = [...all].sort((a, b) => a - b);
        for (const p of [0, 50, 99, 100, ...percents]) {
          const wanted = exact(sorted, p);
          const off = Math.abs(histogram.percentile(p) - wanted) / wanted;
          assert.ok(off <= 1 / 64, `p${p}: ${histogram.percentile(p)} for ${wanted}`);
        }
      },
    ),
  );
});

test('count, min, max and mean are exact', () => {
  fc.assert(
    fc.property(times, (all) => {
      const histogram = of(all);
      assert.equal(histogram.count, all.length);
      assert.equal(histogram.min, Math.min(...all));
      assert.equal(histogram.max, Math.max(...all));
      assert.equal(histogram.mean, all.reduce((sum, each) => sum + each, 0) / all.length);
    }),
  );
});

test('merge() gives what recording everything in one would', () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      const merged = of(a);
      merged.merge(of(b));
      const { mean, ...rest } = of([...a, ...b]).toJSON();
      const { mean: mergedMean, ...mergedRest } = merged.toJSON();
      assert.deepEqual(mergedRest, rest);
      assert.ok(Math.abs((mergedMean as number) - (mean as number)) <= 1e-9 * (mean as number));
    }),
  );
});

test('record() takes what is out of range, and leaves NaN out', () => {
  const histogram = of([Number.NaN]);
  assert.equal(histogram.count, 0);
  histogram.record(-1);
  histogram.record(0);
  histogram.record(1e-15);
  histogram.record(1e12);
  histogram.record(Number.POSITIVE_INFINITY);
  assert.equal(histogram.count, 5);
  assert.equal(histogram.min, 0);
  assert.equal(histogram.max, Number.POSITIVE_INFINITY);
  assert.ok(histogram.percentile(30) < 1e-8);
  assert.ok(histogram.percentile(70) > 1e5);
});

test('a histogram without times says so', () => {
  const histogram = new Histogram();
  for (const figure of [histogram.min, histogram.max, histogram.mean, histogram.percentile(50)]) {
    assert.ok(Number.isNaN(figure));
  }
  assert.equal(
    JSON.stringify(histogram),
    '{"count":0,"min":null,"max":null,"mean":null,"p50":null,"p90":null,"p99":null,"p999":null}',
  );
  assert.equal(inspect(histogram), 'Histogram { count: 0 }');
  assert.equal(
    inspect(of([0.001, 0.003])),
    'Histogram { count: 2, mean: 2.00 ms, p50: 1.00 ms, p99: 3.00 ms, max: 3.00 ms }',
  );
});

test('percentile() refuses what is no percentage', () => {
  for (const p of [-1, 100.1, Number.NaN]) assert.throws(() => new Histogram().percentile(p), RangeError);
});
