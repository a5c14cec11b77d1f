import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type WorkerRef, workerRef } from 'tsyncio/concurrent';
import { isWorkerRef } from 'tsyncio/concurrent/lowlevel';

test('workerRef() takes import.meta.url, a URL, an absolute path, data:, node: and package names', () => {
  const named = (module: string | URL) => workerRef(module, 'f').module;
  assert.equal(named(import.meta.url), import.meta.url);
  assert.equal(named(new URL('./x.js', import.meta.url)), new URL('./x.js', import.meta.url).href);
  assert.equal(named('/a b/c.js'), pathToFileURL('/a b/c.js').href);
  assert.equal(named('data:text/javascript,export default 1'), 'data:text/javascript,export default 1');
  assert.equal(named('node:zlib'), 'node:zlib');
  for (const name of ['lodash', '@scope/name/sub', 'name/sub.js', '#internal'])
    assert.equal(named(name), name);
});

test('workerRef() is frozen, and known as one', () => {
  const ref = workerRef(import.meta.url, 'Class.method');
  assert.ok(Object.isFrozen(ref));
  assert.deepEqual({ ...ref }, { module: import.meta.url, name: 'Class.method' });
  assert.ok(isWorkerRef(ref));
  assert.ok(!isWorkerRef({ ...ref }));
  assert.ok(!isWorkerRef(null));
});

test('workerRef() has the types of the function that it is given', () => {
  const ref: WorkerRef<[n: number, s: string], boolean> = workerRef(
    import.meta.url,
    'f',
    async (n: number, s: string) => n > s.length,
  );
  assert.equal(ref.name, 'f');
  // @ts-expect-error: another argument
  const other: WorkerRef<[n: string], boolean> = workerRef(import.meta.url, 'f', (n: number) => n > 0);
  assert.equal(other.name, 'f');
});

test('workerRef() refuses a relative path at once, and says what to write', () => {
  assert.throws(() => workerRef('./work.js', 'f'), {
    name: 'TypeError',
    message:
      "Cannot make a worker reference to './work.js': nothing says where a relative path starts: " +
      "write new URL('./work.js', import.meta.url), or import.meta.url for the module itself",
  });
  assert.throws(() => workerRef('..', 'f'), /relative path/);
});

test('workerRef() refuses other schemes, what is no module, and what is no name', () => {
  assert.throws(() => workerRef('https://example.org/x.js', 'f'), /not from https:/);
  assert.throws(() => workerRef('file://[/x', 'f'), /not a valid URL/);
  assert.throws(() => workerRef('', 'f'), /expected import\.meta\.url/);
  assert.throws(() => workerRef(3 as never, 'f'), /reference to 3: expected import\.meta\.url/);
  assert.throws(() => workerRef('two words', 'f'), /no package can be named so/);
  for (const name of ['', '.a', 'a..b', 'a.', undefined, 3]) {
    assert.throws(() => workerRef(import.meta.url, name as never), /expected the name of an export/);
  }
  assert.throws(() => workerRef(import.meta.url, 'f', 3 as never), /must be the function, got 3/);
});
