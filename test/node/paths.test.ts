/** Path, temporary files, atomic writes and copies. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import * as asyncio from 'tsyncio';
import { isError, thrown, thrownBy } from '../core/both-kinds.js';
import { interruptedEverywhere, withFiles } from './file-stage.js';

const { Path } = asyncio;
const posix = process.platform !== 'win32';

// ------------------------------------------------------------------------------------------------------- names

test("Path takes names apart as Python's pathlib does", { skip: !posix }, () => {
  const path = new Path('/usr/lib/archive.tar.gz');
  assert.equal(String(path), '/usr/lib/archive.tar.gz');
  assert.equal(inspect(path), "Path('/usr/lib/archive.tar.gz')");
  assert.deepEqual(
    [path.name, path.stem, path.suffix, path.suffixes, path.anchor, path.isAbsolute()],
    ['archive.tar.gz', 'archive.tar', '.gz', ['.tar', '.gz'], '/', true],
  );
  assert.deepEqual(path.parts, ['/', 'usr', 'lib', 'archive.tar.gz']);
  assert.equal(String(path.parent), '/usr/lib');
  assert.deepEqual(path.parents.map(String), ['/usr/lib', '/usr', '/']);
  assert.equal(String(path.parent.joinpath('a', '../b', '/etc', 'hosts')), '/etc/hosts');
  assert.equal(String(new Path()), '.');
  assert.equal(String(new Path('a//b/./c/')), 'a/b/c');
  assert.equal(String(new Path('a/../b')), 'a/../b');
  assert.equal(String(new Path('')), '.');
  assert.equal(new Path('.').name, '');
  assert.equal(new Path('/').name, '');
  assert.equal(String(new Path('/').parent), '/');
  assert.equal(String(new Path('a').parent), '.');
  assert.equal(String(path.withName('x.txt')), '/usr/lib/x.txt');
  assert.equal(String(path.withStem('y')), '/usr/lib/y.gz');
  assert.equal(String(path.withSuffix('.zip')), '/usr/lib/archive.tar.zip');
  assert.equal(String(path.withSuffix('')), '/usr/lib/archive.tar');
  assert.equal(String(path.relativeTo('/usr')), 'lib/archive.tar.gz');
  assert.equal(path.isRelativeTo('/usr/li'), false);
  assert.equal(path.asUri(), 'file:///usr/lib/archive.tar.gz');
  assert.equal(JSON.stringify({ path }), '{"path":"/usr/lib/archive.tar.gz"}');
  for (const [name, suffix, stem] of [
    ['.bashrc', '', '.bashrc'],
    ['a.', '', 'a.'],
    ['.a.b', '.b', '.a'],
    ['..', '', '..'],
    ['a.b.c', '.c', 'a.b'],
  ] as const) {
    assert.deepEqual([new Path(name).suffix, new Path(name).stem], [suffix, stem], name);
  }
  isError(
    thrownBy(() => path.withName('a/b')),
    asyncio.ValueError,
  );
  isError(
    thrownBy(() => path.withSuffix('zip')),
    asyncio.ValueError,
  );
  isError(
    thrownBy(() => path.relativeTo('/etc')),
    asyncio.ValueError,
  );
  isError(
    thrownBy(() => new Path('a').asUri()),
    asyncio.ValueError,
  );
  isError(
    thrownBy(() => new Path(5 as unknown as string)),
    TypeError,
  );
});

test('match() and its wildcards', { skip: !posix }, () => {
  const table: [string, string, boolean][] = [
    ['a/b.py', '*.py', true],
    ['a/b.py', 'a/*.py', true],
    ['a/b.py', 'b/*.py', false],
    ['x', '?', true],
    ['xy', '?', false],
    ['b1', '[a-c][!2-9]', true],
    ['b5', '[a-c][!2-9]', false],
    [']', '[]]', true],
    ['a]', '[!]]]', true],
    ['-', '[a-]', true],
    ['[', '[', true],
    ['a.b', 'a.b', true],
    ['axb', 'a.b', false],
    ['я😀', '?[😀]', true],
    ['z', '[c-a]', false],
    ['a\nb', 'a*b', true],
  ];
  for (const [path, pattern, fits] of table)
    assert.equal(new Path(path).match(pattern), fits, `${path} ${pattern}`);
  assert.equal(new Path('A.PY').match('*.py', { caseSensitive: false }), true);
  isError(
    thrownBy(() => new Path('a').match('')),
    asyncio.ValueError,
  );
});

// --------------------------------------------------------------------------------------------------- operations

withFiles('mkdir(), rmdir(), exists(), isDir(), isFile()', function* ({ wait, at }) {
  const deep = new Path(at('a', 'b', 'c'));
  isError(yield* thrown(wait(deep.mkdir())), asyncio.FileNotFoundError, /^ENOENT.*mkdir/);
  yield* wait(deep.mkdir({ parents: true }));
  isError(yield* thrown(wait(deep.mkdir())), asyncio.FileExistsError);
  isError(yield* thrown(wait(deep.mkdir({ parents: true }))), asyncio.FileExistsError);
  yield* wait(deep.mkdir({ parents: true, existOk: true }));
  assert.equal(yield* wait(deep.isDir()), true);
  assert.equal(yield* wait(deep.isFile()), false);
  const file = deep.joinpath('file');
  assert.equal(yield* wait(file.exists()), false);
  yield* wait(file.touch());
  assert.equal(yield* wait(file.isFile()), true);
  assert.equal(yield* wait(file.joinpath('below').exists()), false);
  isError(yield* thrown(wait(file.mkdir({ existOk: true }))), asyncio.FileExistsError);
  isError(yield* thrown(wait(deep.rmdir())), asyncio.OSError, /^ENOTEMPTY/);
  yield* wait(file.unlink());
  isError(yield* thrown(wait(file.unlink())), asyncio.FileNotFoundError);
  yield* wait(file.unlink({ missingOk: true }));
  yield* wait(deep.rmdir());
  assert.equal(fs.existsSync(at('a', 'b', 'c')), false);
});

withFiles('readText(), writeText(), readBytes(), writeBytes(), touch(), stat()', function* ({ wait, at }) {
  const file = new Path(at('file'));
  assert.equal(yield* wait(file.writeText('hé\n')), 3);
  assert.equal(yield* wait(file.readText()), 'hé\n');
  assert.equal((yield* wait(file.stat())).size, 4);
  assert.equal(yield* wait(file.writeBytes(Buffer.of(0xe9))), 1);
  assert.equal(yield* wait(file.readText({ encoding: 'latin1' })), 'é');
  assert.deepEqual(yield* wait(file.readBytes()), Buffer.of(0xe9));
  isError(yield* thrown(wait(file.readText())), asyncio.ValueError, /not utf-8/);
  fs.utimesSync(at('file'), 1, 1);
  yield* wait(file.touch());
  assert.ok(fs.statSync(at('file')).mtimeMs > 1_000_000);
  isError(yield* thrown(wait(file.touch({ existOk: false }))), asyncio.FileExistsError);
  isError(
    thrownBy(() => file.writeText(5 as unknown as string)),
    TypeError,
  );
  isError(
    thrownBy(() => file.writeBytes('x' as unknown as Uint8Array)),
    TypeError,
  );
});

withFiles('rename(), replace(), links, samefile(), resolve()', function* ({ wait, at }) {
  const a = new Path(fs.realpathSync(at()), 'a');
  yield* wait(a.writeText('A'));
  const b = yield* wait(a.rename(a.parent.joinpath('b')));
  assert.equal(b.name, 'b');
  assert.equal(yield* wait(a.exists()), false);
  yield* wait(a.writeText('new'));
  yield* wait(a.replace(b));
  assert.equal(yield* wait(b.readText()), 'new');
  const gone = yield* thrown(wait(a.rename('x')));
  isError(gone, asyncio.FileNotFoundError, /^ENOENT.*rename '.*' -> 'x'$/);
  assert.deepEqual([(gone as asyncio.OSError).path, (gone as asyncio.OSError).dest], [a.fspath, 'x']);
  if (!posix) return;
  const link = a.parent.joinpath('link');
  yield* wait(link.symlinkTo('b'));
  assert.deepEqual([yield* wait(link.isSymlink()), String(yield* wait(link.readlink()))], [true, 'b']);
  assert.equal(yield* wait(link.samefile(b)), true);
  assert.equal(String(yield* wait(link.resolve())), String(b));
  assert.equal(
    String(yield* wait(link.parent.joinpath('none', '..', 'gone').resolve())),
    String(a.parent.joinpath('gone')),
  );
  isError(yield* thrown(wait(a.resolve({ strict: true }))), asyncio.FileNotFoundError);
  const hard = a.parent.joinpath('hard');
  yield* wait(hard.hardlinkTo(b));
  assert.equal((yield* wait(hard.stat())).nlink, 2);
  yield* wait(b.unlink());
  assert.equal(yield* wait(link.exists()), false);
  assert.equal(yield* wait(link.exists({ followSymlinks: false })), true);
  yield* wait(hard.chmod(0o400));
  assert.equal(fs.statSync(hard.fspath).mode & 0o777, 0o400);
});

function* collect<T>(
  wait: <V>(awaitable: asyncio.Awaitable<V>) => Iterable<asyncio.Suspension, V, unknown>,
  found: { next(): asyncio.Coroutine<IteratorResult<T, undefined>> },
): Generator<asyncio.Suspension, T[], unknown> {
  const all: T[] = [];
  for (;;) {
    const step = yield* wait(found.next());
    if (step.done === true) return all;
    all.push(step.value);
  }
}

withFiles('iterdir(), glob(), rglob(), walk()', function* ({ wait, at }) {
  const root = new Path(at());
  for (const name of ['a/b/one.py', 'a/two.py', 'a/three.txt', 'four.py', 'c/.hidden.py']) {
    yield* wait(root.joinpath(name).parent.mkdir({ parents: true, existOk: true }));
    yield* wait(root.joinpath(name).touch());
  }
  const names = (paths: asyncio.Path[]) => paths.map((path) => path.relativeTo(root).asPosix()).sort();
  const glob = function* (pattern: string): Generator<asyncio.Suspension, string[], unknown> {
    return names(yield* collect(wait, root.glob(pattern)));
  };
  assert.deepEqual(names(yield* collect(wait, root.iterdir())), ['a', 'c', 'four.py']);
  assert.deepEqual(yield* glob('*.py'), ['four.py']);
  assert.deepEqual(yield* glob('*/*.py'), ['a/two.py', 'c/.hidden.py']);
  assert.deepEqual(yield* glob('**/*.py'), ['a/b/one.py', 'a/two.py', 'c/.hidden.py', 'four.py']);
  assert.deepEqual(yield* glob('a/**'), ['a', 'a/b', 'a/b/one.py', 'a/three.txt', 'a/two.py']);
  assert.deepEqual(yield* glob('**/b'), ['a/b']);
  assert.deepEqual(yield* glob('a/two.py'), ['a/two.py']);
  assert.deepEqual(yield* glob('**/a/**/*.py'), ['a/b/one.py', 'a/two.py']);
  assert.deepEqual(yield* glob('nothing/*'), []);
  assert.deepEqual(names(yield* collect(wait, root.rglob('t*.*'))), ['a/three.txt', 'a/two.py']);
  isError(
    thrownBy(() => root.glob('/x')),
    asyncio.ValueError,
  );
  isError(yield* thrown(wait(root.joinpath('none').iterdir().next())), asyncio.FileNotFoundError);

  for (const topDown of [true, false]) {
    const steps = yield* collect(wait, root.walk({ topDown }));
    const shown = steps.map(([folder, folders, files]) => [
      folder.relativeTo(root).asPosix(),
      folders.sort(),
      files.sort(),
    ]);
    assert.deepEqual(
      shown.sort((a, b) => String(a[0]).localeCompare(String(b[0]))),
      [
        ['.', ['a', 'c'], ['four.py']],
        ['a', ['b'], ['three.txt', 'two.py']],
        ['a/b', [], ['one.py']],
        ['c', [], ['.hidden.py']],
      ],
    );
    const order = steps.map(([folder]) => folder.name);
    assert.equal(order.indexOf('b') > order.indexOf('a'), topDown);
  }
  const walk = root.walk();
  const [, folders] = (yield* wait(walk.next())).value as asyncio.WalkStep;
  folders.splice(0, folders.length, 'c');
  assert.deepEqual(
    (yield* collect(wait, walk)).map(([folder]) => folder.name),
    ['c'],
  );
});

interruptedEverywhere('rglob()', {
  prepare({ at }) {
    fs.mkdirSync(at('a', 'b'), { recursive: true });
    for (const name of ['a/x', 'a/b/x', 'y']) fs.writeFileSync(at(name), '');
  },
  *act({ wait, at }) {
    const found = new Path(at()).rglob('*');
    const seen = new Set<string>();
    for (;;) {
      let step: IteratorResult<asyncio.Path, undefined>;
      try {
        step = yield* wait(found.next());
      } catch (error) {
        // A step that was cancelled is made again by the next.
        for (;;) {
          step = yield* wait(found.next());
          if (step.done === true) break;
          seen.add(step.value.name);
        }
        assert.deepEqual([...seen].sort(), ['a', 'b', 'x', 'y']);
        throw error;
      }
      if (step.done === true) break;
      seen.add(step.value.name);
    }
    assert.deepEqual([...seen].sort(), ['a', 'b', 'x', 'y']);
  },
  check() {},
});

// --------------------------------------------------------------------------------------------- temporary things

withFiles('temporaryDirectory() removes what is in it', function* ({ wait, at, go }) {
  const folder = yield* wait(asyncio.temporaryDirectory({ dir: at(), prefix: 'x-', suffix: '.d' }));
  assert.match(folder.path.name, /^x-[a-z0-9]{8}\.d$/);
  if (posix) assert.equal(fs.statSync(folder.path.fspath).mode & 0o777, 0o700);
  yield* wait(folder.path.joinpath('deep', 'er').mkdir({ parents: true }));
  yield* wait(folder.path.joinpath('deep', 'file').touch());
  yield* wait(folder.cleanup());
  yield* wait(folder.cleanup());
  assert.deepEqual(fs.readdirSync(at()), []);
  const inside = yield* wait(
    asyncio.withAsync(asyncio.temporaryDirectory({ dir: at() }), (path) =>
      go(function* () {
        assert.equal(yield* wait(path.isDir()), true);
        return path;
      })(),
    ),
  );
  assert.equal(fs.existsSync((inside as asyncio.Path).fspath), false);
  const kept = yield* wait(asyncio.temporaryDirectory({ dir: at(), delete: false }));
  yield* wait(kept.close());
  assert.equal(fs.existsSync(kept.path.fspath), true);
  isError(
    thrownBy(() => asyncio.temporaryDirectory({ prefix: 'a/b' })),
    asyncio.ValueError,
  );
});

withFiles('namedTemporaryFile() is removed when it is closed', function* ({ wait, at }) {
  const file = yield* wait(asyncio.namedTemporaryFile('w+', { dir: at(), suffix: '.txt' }));
  assert.match(file.name, /\.txt$/);
  if (posix) assert.equal(fs.statSync(file.name).mode & 0o777, 0o600);
  yield* wait(file.write('abc'));
  yield* wait(file.seek(0));
  assert.equal(yield* wait(file.read()), 'abc');
  yield* wait(file.close());
  assert.deepEqual(fs.readdirSync(at()), []);
  const binary = yield* wait(asyncio.namedTemporaryFile('wb', { dir: at(), delete: false }));
  yield* wait(binary.write(Buffer.of(1)));
  yield* wait(binary.close());
  assert.deepEqual(fs.readFileSync(binary.name), Buffer.of(1));
  isError(
    thrownBy(() => asyncio.namedTemporaryFile('r')),
    asyncio.ValueError,
  );
});

interruptedEverywhere('temporary files and folders', {
  *act({ wait, at }) {
    const folder = yield* wait(asyncio.temporaryDirectory({ dir: at() }));
    try {
      const file = yield* wait(asyncio.namedTemporaryFile('w', { dir: folder.path }));
      try {
        yield* wait(file.write('x'));
      } finally {
        yield* wait(file.close());
      }
    } finally {
      yield* wait(folder.cleanup());
    }
  },
  check({ at }, { outcome }) {
    if (outcome !== 'failed') assert.deepEqual(fs.readdirSync(at()), []);
  },
});

// ------------------------------------------------------------------------------------------------ atomic writes

withFiles('atomicWrite() replaces the content and keeps the permissions', function* ({ wait, at }) {
  const path = at('file');
  yield* wait(asyncio.atomicWrite(path, 'first\r\n'));
  assert.equal(fs.readFileSync(path, 'utf8'), 'first\r\n');
  if (posix) fs.chmodSync(path, 0o640);
  const inode = fs.statSync(path).ino;
  yield* wait(asyncio.atomicWrite(path, Buffer.from('second')));
  assert.equal(fs.readFileSync(path, 'utf8'), 'second');
  assert.notEqual(fs.statSync(path).ino, inode);
  if (posix) assert.equal(fs.statSync(path).mode & 0o777, 0o640);
  assert.deepEqual(fs.readdirSync(at()), ['file']);
  isError(
    thrownBy(() => asyncio.atomicWrite(path, 5 as unknown as string)),
    TypeError,
  );
  isError(
    thrownBy(() => asyncio.atomicFile(path, 'r' as 'w')),
    asyncio.ValueError,
  );
  isError(
    thrownBy(() => asyncio.atomicFile(path, 'w', { encoding: 'x' as 'utf-8' })),
    asyncio.ValueError,
  );
  isError(yield* thrown(wait(asyncio.atomicWrite(at('none', 'file'), 'x'))), asyncio.FileNotFoundError);
});

withFiles(
  'atomicFile() leaves the old content alone when its body fails, or is cancelled',
  function* ({ wait, at, go }) {
    const path = at('file');
    fs.writeFileSync(path, 'old');
    const error = yield* thrown(
      wait(
        asyncio.atomicFile(path).run((file) =>
          go(function* () {
            yield* wait(file.write('x'.repeat(100_000)));
            throw new RangeError('mine');
          })(),
        ),
      ),
    );
    isError(error, RangeError, 'mine');
    const task = asyncio.createTask(
      asyncio.atomicFile(path, 'wb').run((file) =>
        go(function* () {
          yield* wait(file.write(Buffer.alloc(100_000)));
          yield* wait(asyncio.sleep(100));
        })(),
      ),
    );
    while (fs.readdirSync(at()).length < 2) yield* wait(asyncio.sleep(0.001));
    task.cancel();
    yield* wait(asyncio.wait([task]));
    assert.equal(task.cancelled(), true);
    assert.equal(fs.readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(fs.readdirSync(at()), ['file']);
    const scope = asyncio.atomicFile(path);
    assert.equal(
      yield* wait(
        scope.run((file) =>
          go(function* () {
            yield* wait(file.write('new'));
            yield* wait(file.close());
            return 7;
          })(),
        ),
      ),
      7,
    );
    assert.equal(fs.readFileSync(path, 'utf8'), 'new');
    isError(yield* thrown(wait(scope.run(() => go(function* () {})()))), asyncio.RuntimeError, /again/);
  },
);

if (posix) {
  withFiles('atomicWrite() through a symbolic link replaces what that leads to', function* ({ wait, at }) {
    fs.mkdirSync(at('there'));
    fs.writeFileSync(at('there', 'file'), 'old');
    fs.symlinkSync('there/file', at('link'));
    yield* wait(asyncio.atomicWrite(at('link'), 'new'));
    assert.equal(fs.lstatSync(at('link')).isSymbolicLink(), true);
    assert.equal(fs.readFileSync(at('there', 'file'), 'utf8'), 'new');
  });
}

interruptedEverywhere('atomicWrite()', {
  prepare({ at }) {
    fs.writeFileSync(at('file'), 'old');
  },
  *act({ wait, at }) {
    yield* wait(asyncio.atomicWrite(at('file'), 'new'.repeat(700_000)));
  },
  check({ at }, { outcome, call, calls }) {
    assert.deepEqual(
      fs.readdirSync(at()).filter((name) => name !== 'file'),
      call === 'rm' && outcome === 'failed' ? fs.readdirSync(at()).filter((name) => name !== 'file') : [],
    );
    const content = fs.readFileSync(at('file'), 'utf8');
    assert.ok(content === 'old' || content === 'new'.repeat(700_000), 'a part of it');
    const renamed = calls.includes('rename');
    if (outcome === 'cancelled' && !renamed) assert.equal(content, 'old');
    if (outcome === 'returned') assert.notEqual(content, 'old');
  },
});

withFiles(
  'atomicWrite() undoes a renaming that failed, also when it was cancelled meanwhile',
  function* ({ wait, at }) {
    fs.mkdirSync(at('folder', 'inside'), { recursive: true });
    const { rename } = fs;
    try {
      const writing = asyncio.createTask(asyncio.atomicWrite(at('folder'), 'data'));
      fs.rename = ((from: string, to: string, done: fs.NoParamCallback) => {
        writing.cancel();
        rename(from, to, done);
      }) as typeof fs.rename;
      yield* wait(asyncio.wait([writing]));
      assert.equal(writing.cancelled(), true);
    } finally {
      fs.rename = rename;
    }
    assert.deepEqual(fs.readdirSync(at()), ['folder']);
  },
);

if (posix) {
  withFiles(
    'atomicWrite() through a link that leads to nothing makes what it leads to',
    function* ({ wait, at }) {
      fs.mkdirSync(at('real'));
      fs.symlinkSync('real', at('folder'));
      fs.symlinkSync('../second', at('real', 'first'));
      fs.symlinkSync(at('file'), at('second'));
      yield* wait(asyncio.atomicWrite(at('folder', 'first'), 'new'));
      assert.equal(fs.readFileSync(at('file'), 'utf8'), 'new');
      assert.equal(fs.readlinkSync(at('second')), at('file'));
      fs.symlinkSync('circle', at('circle'));
      const error = yield* thrown(wait(asyncio.atomicWrite(at('circle'), 'x')));
      assert.equal((error as asyncio.OSError).code, 'ELOOP');
    },
  );
}

test('atomicWrite() on a full disk says ENOSPC or EFBIG, and the old content stays', {
  skip: !posix,
}, async () => {
  const script = `
    import fs from 'node:fs';
    import * as asyncio from 'tsyncio';
    process.on('SIGXFSZ', () => {});
    const folder = fs.mkdtempSync('/tmp/tsyncio-full-');
    try {
      fs.writeFileSync(folder + '/file', 'old');
      // What Node itself opens at first use does not count.
      await asyncio.run(asyncio.atomicWrite(folder + '/file', 'old'));
      console.log('begin');
      const before = fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0;
      await asyncio.run(function* () {
        for (const data of ['x'.repeat(3_000_000), Buffer.alloc(60_000 * 10)]) {
          try {
            yield* asyncio.atomicWrite(folder + '/file', data);
            console.log('written');
          } catch (error) {
            console.log(error.name, error.code, error.syscall);
          }
        }
        try {
          yield* asyncio.atomicFile(folder + '/file').run(function* (file) {
            for (let i = 0; i < 100; i++) yield* file.write('y'.repeat(10_000));
          });
        } catch (error) {
          console.log(error.name, error.code, error.syscall);
        }
        try {
          yield* asyncio.copyFile(process.execPath, folder + '/copy');
        } catch (error) {
          console.log(error.name, error.code);
        }
      });
      console.log(fs.readFileSync(folder + '/file', 'utf8'), fs.readdirSync(folder).join());
      const after = fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0;
      console.log(after - before);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }`;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(
    'sh',
    ['-c', 'ulimit -f 400 && exec "$0" --input-type=module -e "$1"', process.execPath, script],
    {
      cwd: fileURLToPath(new URL('../../../', import.meta.url)),
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, out);
  assert.match(out, /^begin\n(OSError (EFBIG|ENOSPC) write\n){3}OSError (EFBIG|ENOSPC)\nold file\n0\n$/);
});

// ------------------------------------------------------------------------------------------------------- copies

withFiles('copyFile() copies content and permissions, small and large', function* ({ wait, at }) {
  for (const size of [0, 10, 5_000_001]) {
    fs.writeFileSync(at('a'), Buffer.alloc(size, 'abcdefg'));
    if (posix) fs.chmodSync(at('a'), 0o640);
    const progress: number[] = [];
    const copied = yield* wait(
      asyncio.copyFile(at('a'), at('b'), { onProgress: (done) => void progress.push(done) }),
    );
    assert.equal(copied, size);
    assert.equal(progress.at(-1), size);
    assert.ok(fs.readFileSync(at('b')).equals(fs.readFileSync(at('a'))));
    if (posix) assert.equal(fs.statSync(at('b')).mode & 0o777, 0o640);
    isError(
      yield* thrown(wait(asyncio.copyFile(at('a'), at('b'), { exclusive: true }))),
      asyncio.FileExistsError,
    );
    isError(yield* thrown(wait(asyncio.copyFile(at('a'), at('a')))), asyncio.ValueError, /the same file/);
    assert.equal(fs.statSync(at('a')).size, size);
    // Onto something longer.
    fs.writeFileSync(at('b'), Buffer.alloc(6_000_000));
    yield* wait(new Path(at('a')).copy(at('b')));
    assert.equal(fs.statSync(at('b')).size, size);
    fs.rmSync(at('b'));
  }
  isError(yield* thrown(wait(asyncio.copyFile(at('none'), at('b')))), asyncio.FileNotFoundError);
  isError(yield* thrown(wait(asyncio.copyFile(at(), at('b')))), asyncio.IsADirectoryError);
  assert.equal(fs.existsSync(at('b')), false);
});

for (const size of [1000, 5_000_001]) {
  interruptedEverywhere(`copyFile() of ${size} bytes`, {
    prepare({ at }) {
      fs.writeFileSync(at('a'), Buffer.alloc(size, 'x'));
    },
    *act({ wait, at }) {
      yield* wait(asyncio.copyFile(at('a'), at('b')));
    },
    check({ at }, { outcome, call }) {
      assert.equal(fs.statSync(at('a')).size, size);
      // What could not be removed is the one thing that may be left.
      if (call === 'rm') return;
      if (outcome === 'returned') assert.equal(fs.statSync(at('b')).size, size);
      else
        assert.ok(
          !fs.existsSync(at('b')) || (call === 'close' && fs.statSync(at('b')).size === size),
          'half a copy',
        );
    },
  });
}

withFiles('a cancelled copyFile() leaves alone what it may not replace', function* ({ wait, at }) {
  fs.writeFileSync(at('a'), 'new');
  fs.writeFileSync(at('b'), 'precious');
  for (let iterations = 0; iterations < 40; iterations++) {
    const copying = asyncio.createTask(asyncio.copyFile(at('a'), at('b'), { exclusive: true }));
    for (let i = 0; i < iterations; i++) yield* wait(asyncio.sleep(0));
    copying.cancel();
    yield* wait(asyncio.wait([copying]));
    if (!copying.cancelled()) isError(copying.exception(), asyncio.FileExistsError);
    assert.equal(fs.readFileSync(at('b'), 'utf8'), 'precious');
  }
  // The call itself fails, and the cancellation comes during it.
  const { copyFile } = fs;
  try {
    const copying = asyncio.createTask(asyncio.copyFile(at('a'), at('b'), { exclusive: true }));
    fs.copyFile = ((from: string, to: string, flags: number, done: fs.NoParamCallback) => {
      copying.cancel();
      copyFile(from, to, flags, done);
    }) as typeof fs.copyFile;
    yield* wait(asyncio.wait([copying]));
    assert.equal(copying.cancelled(), true);
  } finally {
    fs.copyFile = copyFile;
  }
  assert.equal(fs.readFileSync(at('b'), 'utf8'), 'precious');
});
