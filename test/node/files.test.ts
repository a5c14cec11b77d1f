/** Files: modes, buffers, positions, text, turns, wrong use, and interruptions of all kinds. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { test } from 'node:test';
import v8 from 'node:v8';
import * as asyncio from 'tsyncio';
import { isError, thrown, thrownBy } from '../core/both-kinds.js';
import { descriptors, inFolder, interruptedEverywhere, quiet, withFiles } from './file-stage.js';

const { openFile } = asyncio;
const bytes = (text: string) => Buffer.from(text);

// ------------------------------------------------------------------------------------------------------- modes

withFiles('openFile() writes with w, reads with r, appends with a, makes with x', function* ({ wait, at }) {
  const path = at('file');
  let file = yield* wait(openFile(path, 'w'));
  assert.equal(yield* wait(file.write('one\n')), 4);
  yield* wait(file.close());
  file = yield* wait(openFile(path, 'a'));
  assert.equal(yield* wait(file.tell()), 4);
  yield* wait(file.write('two\n'));
  assert.equal(yield* wait(file.tell()), 8);
  yield* wait(file.close());
  file = yield* wait(openFile(path));
  assert.equal(yield* wait(file.read()), 'one\ntwo\n');
  assert.equal(yield* wait(file.read()), '');
  yield* wait(file.close());
  const there = yield* thrown(wait(openFile(path, 'x')));
  isError(there, asyncio.FileExistsError, /^EEXIST: .*open '/);
  file = yield* wait(openFile(at('new'), 'x'));
  yield* wait(file.write('made'));
  yield* wait(file.close());
  assert.equal(fs.readFileSync(at('new'), 'utf8'), 'made');
  file = yield* wait(openFile(path, 'w'));
  yield* wait(file.close());
  assert.equal(fs.statSync(path).size, 0);
});

withFiles('openFile() with + reads and writes at one position', function* ({ wait, at }) {
  const path = at('file');
  fs.writeFileSync(path, '0123456789');
  const file = yield* wait(openFile(path, 'r+'));
  assert.equal(yield* wait(file.read(3)), '012');
  yield* wait(file.write('abc'));
  assert.equal(yield* wait(file.tell()), 6);
  assert.equal(yield* wait(file.read(2)), '67');
  yield* wait(file.seek(0));
  assert.equal(yield* wait(file.read()), '012abc6789');
  yield* wait(file.close());
});

withFiles('openFile() with a+ reads anywhere and writes at the end', function* ({ wait, at }) {
  const path = at('file');
  fs.writeFileSync(path, 'abc');
  const file = yield* wait(openFile(path, 'a+b'));
  yield* wait(file.seek(0));
  assert.deepEqual(yield* wait(file.read(1)), bytes('a'));
  yield* wait(file.write(bytes('def')));
  // Somebody else appends, too: only the system knows where that leads.
  yield* wait(file.flush());
  fs.appendFileSync(path, '!');
  assert.equal(yield* wait(file.tell()), 7);
  yield* wait(file.seek(0));
  assert.deepEqual(yield* wait(file.read()), bytes('abcdef!'));
  yield* wait(file.close());
});

test('openFile() refuses at once what is no mode, no encoding, no path', () => {
  for (const mode of ['', 'rw', 'rr', 'b', '+', 'tb', 'rtb', 'q', 'r++']) {
    isError(
      thrownBy(() => openFile('x', mode as 'r')),
      asyncio.ValueError,
      /invalid mode/,
    );
  }
  isError(
    thrownBy(() => openFile('x', 'rb', { encoding: 'utf-8' })),
    asyncio.ValueError,
    /takes no encoding/,
  );
  isError(
    thrownBy(() => openFile('x', 'r', { encoding: 'klingon' as 'utf-8' })),
    asyncio.ValueError,
    /unknown encoding/,
  );
  isError(
    thrownBy(() => openFile('x', 'r', { newline: 'x' as '\n' })),
    asyncio.ValueError,
    /illegal newline/,
  );
  isError(
    thrownBy(() => openFile('x', 'r', { errors: 'ignore' as 'strict' })),
    asyncio.ValueError,
    /errors/,
  );
  isError(
    thrownBy(() => openFile('a\0b')),
    asyncio.ValueError,
    /null character/,
  );
  isError(
    thrownBy(() => openFile(7 as unknown as string)),
    TypeError,
    /for a path/,
  );
});

withFiles('openFile() takes a URL and a Path, and sets permissions', function* ({ wait, at }) {
  const url = new URL(`file://${at('a file')}`);
  const file = yield* wait(openFile(url, 'w', { permissions: 0o600 }));
  yield* wait(file.close());
  assert.equal(fs.statSync(at('a file')).mode & 0o777, 0o600);
  assert.equal(file.name, at('a file'));
  const again = yield* wait(openFile(new asyncio.Path(at('a file'))));
  yield* wait(again.close());
});

withFiles("errors are Python's, with Node's code, and name the call and the file", function* ({ wait, at }) {
  const missing = yield* thrown(wait(openFile(at('no', 'such'))));
  isError(
    missing,
    asyncio.FileNotFoundError,
    `ENOENT: no such file or directory, open '${at('no', 'such')}'`,
  );
  assert.equal((missing as asyncio.OSError).code, 'ENOENT');
  assert.equal((missing as asyncio.OSError).syscall, 'open');
  assert.equal((missing as asyncio.OSError).path, at('no', 'such'));
  assert.equal(((missing as Error).cause as NodeJS.ErrnoException).code, 'ENOENT');
  fs.mkdirSync(at('folder'));
  const folder = yield* thrown(wait(openFile(at('folder'))));
  isError(folder, asyncio.IsADirectoryError, /^EISDIR: .*open '/);
  const writing = yield* thrown(wait(openFile(at('folder'), 'w')));
  isError(writing, asyncio.IsADirectoryError, /^EISDIR: /);
});

withFiles(
  'wrong use throws at once: the other direction, the other type, a closed file',
  function* ({ wait, at }) {
    const output = yield* wait(openFile(at('file'), 'w'));
    isError(
      thrownBy(() => output.read()),
      asyncio.UnsupportedOperation,
      /open for writing only/,
    );
    isError(
      thrownBy(() => output.readline()),
      asyncio.UnsupportedOperation,
    );
    isError(
      thrownBy(() => output.next()),
      asyncio.UnsupportedOperation,
    );
    isError(
      thrownBy(() => output.write(bytes('x') as unknown as string)),
      TypeError,
      /open as text/,
    );
    isError(
      thrownBy(() => output.writelines('x')),
      TypeError,
    );
    isError(
      thrownBy(() => output.seek(1, 1)),
      asyncio.UnsupportedOperation,
      /from the beginning only/,
    );
    isError(
      thrownBy(() => output.seek(-1)),
      asyncio.ValueError,
    );
    isError(
      thrownBy(() => output.seek(0.5)),
      asyncio.ValueError,
    );
    isError(
      thrownBy(() => output.truncate(-1)),
      asyncio.ValueError,
    );
    yield* wait(output.close());
    yield* wait(output.close());
    assert.equal(output.closed, true);
    for (const call of [
      () => output.write('x'),
      () => output.flush(),
      () => output.tell(),
      () => output.fsync(),
      () => output.fileno(),
    ]) {
      isError(thrownBy(call), asyncio.ValueError, /it is closed$/);
    }
    const input = yield* wait(openFile(at('file'), 'rb'));
    isError(
      thrownBy(() => input.write(bytes('x'))),
      asyncio.UnsupportedOperation,
      /open for reading only/,
    );
    isError(
      thrownBy(() => input.truncate()),
      asyncio.UnsupportedOperation,
    );
    isError(
      thrownBy(() => input.read(1.5)),
      asyncio.ValueError,
    );
    yield* wait(input.close());
    const binary = yield* wait(openFile(at('file'), 'wb'));
    isError(
      thrownBy(() => binary.write('x' as unknown as Uint8Array)),
      TypeError,
      /open as binary/,
    );
    yield* wait(binary.close());
  },
);

withFiles(
  'a piece of the wrong type stops writelines(); the ones before it are written',
  function* ({ wait, at }) {
    const file = yield* wait(openFile(at('file'), 'w'));
    const error = yield* thrown(wait(file.writelines(['a', 5 as unknown as string, 'c'])));
    isError(error, TypeError);
    yield* wait(file.write('d'));
    yield* wait(file.close());
    assert.equal(fs.readFileSync(at('file'), 'utf8'), 'ad');
  },
);

withFiles('await using and withAsync() close the file, also after an error', function* ({ wait, at, go }) {
  const file = yield* wait(
    asyncio.withAsync(openFile(at('file'), 'w'), (file) =>
      go(function* () {
        yield* wait(file.write('x'));
        return file;
      })(),
    ),
  );
  assert.equal(file?.closed, true);
  const opened: asyncio.TextFile[] = [];
  const error = yield* thrown(
    wait(
      asyncio.coroutine(async () => {
        await using file = await openFile(at('file'));
        opened.push(file);
        throw new RangeError('mine');
      })(),
    ),
  );
  isError(error, RangeError, 'mine');
  assert.equal(opened[0]?.closed, true);
  const inner = yield* wait(openFile(at('file')));
  yield* wait(
    asyncio.withAsync(inner, (same) =>
      go(function* () {
        assert.equal(same, inner);
      })(),
    ),
  );
  assert.equal(inner.closed, true);
});

// ------------------------------------------------------------------------------------------------------ reading

withFiles('read(n), readline(), next() and read() go on from each other', function* ({ wait, at }) {
  fs.writeFileSync(at('file'), 'first\nsecond\nthird\nfourth');
  const file = yield* wait(openFile(at('file')));
  assert.equal(yield* wait(file.read(2)), 'fi');
  assert.equal(yield* wait(file.readline()), 'rst\n');
  assert.equal(yield* wait(file.tell()), 6);
  assert.deepEqual(yield* wait(file.next()), { value: 'second\n', done: false });
  assert.equal(yield* wait(file.tell()), 13);
  assert.equal(yield* wait(file.read()), 'third\nfourth');
  assert.equal(yield* wait(file.readline()), '');
  assert.deepEqual(yield* wait(file.next()), { value: undefined, done: true });
  yield* wait(file.close());
});

test('for await gives the lines, and leaves the file open when it ends early', async () => {
  await inFolder(async (at) => {
    fs.writeFileSync(at('file'), 'a\nb\nc');
    await asyncio.run(async () => {
      await using file = await openFile(at('file'));
      for await (const line of file) {
        assert.equal(line, 'a\n');
        break;
      }
      const rest: string[] = [];
      for await (const line of file) rest.push(line);
      assert.deepEqual(rest, ['b\n', 'c']);
      await file.seek(0);
      await using binary = await openFile(at('file'), 'rb');
      const lines: Buffer[] = [];
      for await (const line of binary) lines.push(line);
      assert.deepEqual(lines, [bytes('a\n'), bytes('b\n'), bytes('c')]);
    });
  });
});

withFiles('readlines() gives all lines; a hint ends it early', function* ({ wait, at }) {
  fs.writeFileSync(at('file'), 'aa\nbb\ncc\n');
  const file = yield* wait(openFile(at('file')));
  assert.deepEqual(yield* wait(file.readlines(4)), ['aa\n', 'bb\n']);
  assert.deepEqual(yield* wait(file.readlines()), ['cc\n']);
  assert.deepEqual(yield* wait(file.readlines()), []);
  yield* wait(file.close());
});

withFiles('a line may be longer than every buffer', function* ({ wait, at }) {
  const long = `${'я'.repeat(150_000)}\n`;
  fs.writeFileSync(at('file'), `short\n${long}${long}end`);
  const file = yield* wait(openFile(at('file')));
  assert.equal(yield* wait(file.readline()), 'short\n');
  assert.equal(yield* wait(file.readline()), long);
  assert.equal(yield* wait(file.tell()), 6 + 300_001);
  assert.equal(yield* wait(file.readline()), long);
  assert.equal(yield* wait(file.readline()), 'end');
  yield* wait(file.close());
  const binary = yield* wait(openFile(at('file'), 'rb'));
  yield* wait(binary.readline());
  assert.deepEqual(yield* wait(binary.readline()), bytes(long));
  yield* wait(binary.close());
});

withFiles('what is read belongs to the reader: later reads change nothing in it', function* ({ wait, at }) {
  fs.writeFileSync(at('file'), Buffer.alloc(300_000, 'abcdefg\n'));
  const file = yield* wait(openFile(at('file'), 'rb'));
  const first = yield* wait(file.read(8));
  const line = yield* wait(file.readline());
  const large = yield* wait(file.read(100_000));
  const copies = [first, line, large].map((each) => Buffer.from(each));
  while ((yield* wait(file.read(4096))).length > 0);
  assert.deepEqual([first, line, large], copies);
  first.fill(0);
  yield* wait(file.seek(0));
  assert.deepEqual(yield* wait(file.read(8)), bytes('abcdefg\n'));
  yield* wait(file.close());
});

withFiles('readinto() fills an array, less at the end of the file', function* ({ wait, at }) {
  fs.writeFileSync(at('file'), 'abcde');
  const file = yield* wait(openFile(at('file'), 'rb'));
  const target = new Uint8Array(3);
  assert.equal(yield* wait(file.readinto(target)), 3);
  assert.deepEqual(Buffer.from(target), bytes('abc'));
  assert.equal(yield* wait(file.readinto(target)), 2);
  assert.deepEqual(Buffer.from(target), bytes('dec'));
  assert.equal(yield* wait(file.readinto(target)), 0);
  yield* wait(file.close());
});

withFiles('a file that grows is read on, and files of /proc are read to their end', function* ({ wait, at }) {
  fs.writeFileSync(at('log'), 'one\ntw');
  const file = yield* wait(openFile(at('log')));
  assert.equal(yield* wait(file.readline()), 'one\n');
  assert.equal(yield* wait(file.readline()), 'tw');
  assert.equal(yield* wait(file.readline()), '');
  fs.appendFileSync(at('log'), 'o\nthree\n');
  assert.equal(yield* wait(file.readline()), 'o\n');
  assert.equal(yield* wait(file.read()), 'three\n');
  yield* wait(file.close());
  if (!fs.existsSync('/proc/self/status')) return;
  const status = yield* wait(openFile('/proc/self/status'));
  assert.match(yield* wait(status.read()), /^Name:.*\nnonvoluntary_ctxt_switches:\t\d+\n$/s);
  yield* wait(status.close());
});

// ------------------------------------------------------------------------------------------------------ writing

withFiles('write() collects, and flush(), tell(), seek() and close() write', function* ({ wait, at }) {
  const file = yield* wait(openFile(at('file'), 'w'));
  const size = () => fs.statSync(at('file')).size;
  yield* wait(file.write('abc'));
  assert.equal(size(), 0);
  assert.equal(yield* wait(file.tell()), 3);
  yield* wait(file.flush());
  assert.equal(size(), 3);
  yield* wait(file.write('de'));
  yield* wait(file.seek(1));
  assert.equal(size(), 5);
  yield* wait(file.write('X'));
  yield* wait(file.close());
  assert.equal(fs.readFileSync(at('file'), 'utf8'), 'aXcde');
});

withFiles('write() takes much at once, and writelines() everything', function* ({ wait, at }) {
  const large = Buffer.alloc(3_000_001, 'abc');
  const file = yield* wait(openFile(at('file'), 'wb'));
  yield* wait(file.write(bytes('head')));
  assert.equal(yield* wait(file.write(large)), large.length);
  yield* wait(file.writelines([bytes('x'), large, bytes('tail')]));
  assert.equal(yield* wait(file.tell()), 2 * large.length + 9);
  yield* wait(file.fsync());
  yield* wait(file.fsync({ dataOnly: true }));
  yield* wait(file.close());
  assert.deepEqual(
    fs.readFileSync(at('file')),
    Buffer.concat([bytes('head'), large, bytes('x'), large, bytes('tail')]),
  );
});

withFiles('truncate() cuts or lengthens, and keeps the position', function* ({ wait, at }) {
  fs.writeFileSync(at('file'), '0123456789');
  const file = yield* wait(openFile(at('file'), 'r+'));
  yield* wait(file.read(4));
  assert.equal(yield* wait(file.truncate()), 4);
  assert.equal(fs.readFileSync(at('file'), 'utf8'), '0123');
  assert.equal(yield* wait(file.truncate(6)), 6);
  assert.equal(yield* wait(file.tell()), 4);
  assert.equal(yield* wait(file.read()), '\0\0');
  yield* wait(file.close());
});

// --------------------------------------------------------------------------------------------------------- text

withFiles('text is decoded across every border of the buffers', function* ({ wait, at }) {
  // Characters of one to four bytes, in an uneven period.
  const text = 'aяあ😀\n'.repeat(20_000);
  fs.writeFileSync(at('file'), text);
  for (const size of [1000, 65_535, 70_001]) {
    const file = yield* wait(openFile(at('file')));
    let all = '';
    for (;;) {
      const part = yield* wait(file.read(size));
      if (part === '') break;
      assert.ok([...part].length === size || all.length + part.length === text.length);
      all += part;
    }
    assert.ok(all === text, `in pieces of ${size}`);
    yield* wait(file.close());
  }
});

for (const [newline, lines] of [
  [null, ['a\n', 'b\n', 'c\n', '\n', 'd']],
  ['', ['a\n', 'b\r', 'c\r\n', '\r', 'd']],
  ['\n', ['a\n', 'b\rc\r\n', '\rd']],
  ['\r', ['a\nb\r', 'c\r', '\n\r', 'd']],
  ['\r\n', ['a\nb\rc\r\n', '\rd']],
] as const) {
  withFiles(`newline ${JSON.stringify(newline)} splits lines as in Python`, function* ({ wait, at }) {
    fs.writeFileSync(at('file'), 'a\nb\rc\r\n\rd');
    const file = yield* wait(openFile(at('file'), 'r', { newline }));
    assert.deepEqual(yield* wait(file.readlines()), lines);
    yield* wait(file.seek(0));
    assert.equal(yield* wait(file.read()), newline === null ? 'a\nb\nc\n\nd' : 'a\nb\rc\r\n\rd');
    yield* wait(file.close());
  });

  withFiles(`newline ${JSON.stringify(newline)} writes line ends as in Python`, function* ({ wait, at }) {
    const file = yield* wait(openFile(at('file'), 'w', { newline }));
    yield* wait(file.write('a\nb\r\n'));
    yield* wait(file.close());
    const end = newline === '\r' || newline === '\r\n' ? newline : '\n';
    if (process.platform !== 'win32') {
      assert.equal(fs.readFileSync(at('file'), 'utf8'), `a${end}b\r${end}`);
    }
  });
}

withFiles('encodings: what is written in one is read in it', function* ({ wait, at }) {
  for (const [encoding, text] of [
    ['utf-8', 'aяあ😀'],
    ['utf-8-sig', 'aяあ😀'],
    ['utf-16le', 'aяあ😀'],
    ['latin1', 'aéÿ'],
    ['ascii', 'a~'],
  ] as const) {
    const file = yield* wait(openFile(at('file'), 'w', { encoding }));
    yield* wait(file.write(`${text}\n`));
    yield* wait(file.write(`${text}\n`));
    yield* wait(file.close());
    const input = yield* wait(openFile(at('file'), 'r', { encoding }));
    assert.equal(yield* wait(input.readline()), `${text}\n`, encoding);
    const position = yield* wait(input.tell());
    assert.equal(yield* wait(input.read()), `${text}\n`, encoding);
    yield* wait(input.seek(position));
    assert.equal(yield* wait(input.read(1)), 'a', encoding);
    yield* wait(input.seek(0));
    assert.equal(yield* wait(input.read()), `${text}\n${text}\n`, encoding);
    yield* wait(input.close());
    const mark = fs.readFileSync(at('file')).subarray(0, 3).equals(Buffer.from('\ufeff'));
    assert.equal(mark, encoding === 'utf-8-sig');
  }
  fs.writeFileSync(at('file'), '\ufeffx');
  const plain = yield* wait(openFile(at('file')));
  assert.equal(yield* wait(plain.read()), '\ufeffx');
  yield* wait(plain.close());
});

withFiles('what is no text is refused where it stands, or replaced', function* ({ wait, at }) {
  fs.writeFileSync(
    at('file'),
    Buffer.concat([bytes('good\nfine\n'), Buffer.of(0xff, 0x41, 10), bytes('last\n')]),
  );
  let file = yield* wait(openFile(at('file')));
  assert.equal(yield* wait(file.readline()), 'good\n');
  assert.equal(yield* wait(file.readline()), 'fine\n');
  for (let twice = 0; twice < 2; twice++) {
    isError(yield* thrown(wait(file.readline())), asyncio.ValueError, /bytes that are not utf-8/);
    assert.equal(yield* wait(file.tell()), 10);
  }
  isError(yield* thrown(wait(file.read())), asyncio.ValueError, /not utf-8/);
  assert.equal(yield* wait(file.tell()), 10);
  isError(yield* thrown(wait(file.read(2))), asyncio.ValueError, /not utf-8/);
  yield* wait(file.seek(13));
  assert.equal(yield* wait(file.readline()), 'last\n');
  yield* wait(file.close());
  file = yield* wait(openFile(at('file'), 'r', { errors: 'replace' }));
  assert.equal(yield* wait(file.readline()), 'good\n');
  assert.equal(yield* wait(file.tell()), 5);
  assert.equal(yield* wait(file.read(6)), 'fine\n\ufffd');
  assert.equal(yield* wait(file.tell()), 11);
  assert.equal(yield* wait(file.read()), 'A\nlast\n');
  yield* wait(file.close());
  const ascii = yield* wait(openFile(at('file'), 'w', { encoding: 'ascii' }));
  isError(yield* thrown(wait(ascii.write('aя'))), asyncio.ValueError, /"я" is not ascii/);
  yield* wait(ascii.close());
  assert.equal(fs.statSync(at('file')).size, 0);
  const replacing = yield* wait(openFile(at('file'), 'w', { encoding: 'latin1', errors: 'replace' }));
  yield* wait(replacing.write('aя😀é'));
  yield* wait(replacing.close());
  assert.deepEqual(fs.readFileSync(at('file')), Buffer.of(0x61, 0x3f, 0x3f, 0xe9));
  const surrogate = yield* wait(openFile(at('file'), 'w'));
  isError(yield* thrown(wait(surrogate.write('a\ud800'))), asyncio.ValueError, /surrogate/);
  yield* wait(surrogate.close());
});

// -------------------------------------------------------------------------------------------- pipes and turns

if (process.platform !== 'win32') {
  withFiles(
    'a pipe is read as it comes, has no positions, and loses nothing to a cancellation',
    function* ({ wait, at, go }) {
      execFileSync('mkfifo', [at('pipe')]);
      const writing = asyncio.createTask(
        go(function* () {
          return yield* wait(openFile(at('pipe'), 'w'));
        }),
      );
      const reader = yield* wait(openFile(at('pipe')));
      const writer = yield* wait(writing);
      assert.equal(reader.seekable(), false);
      isError(
        thrownBy(() => reader.tell()),
        asyncio.UnsupportedOperation,
        /no positions/,
      );
      const line = asyncio.createTask(reader.readline());
      yield* wait(asyncio.sleep(0));
      line.cancel();
      yield* wait(asyncio.wait([line]));
      assert.equal(line.cancelled(), true);
      yield* wait(writer.write('hello\nworld'));
      yield* wait(writer.flush());
      assert.equal(yield* wait(reader.readline()), 'hello\n');
      assert.equal(yield* wait(reader.read(3)), 'wor');
      yield* wait(writer.close());
      assert.equal(yield* wait(reader.read()), 'ld');
      yield* wait(reader.close());
    },
  );
}

withFiles(
  'operations of several tasks on one file take turns, in the order of the calls',
  function* ({ wait, at, go }) {
    const file = yield* wait(openFile(at('file'), 'w+b'));
    const large = (letter: string) => Buffer.alloc(200_000, letter);
    const writers = ['a', 'b', 'c', 'd'].map((letter) =>
      asyncio.createTask(
        go(function* () {
          yield* wait(file.write(large(letter)));
          yield* wait(file.writelines([bytes(letter), large(letter)]));
        }),
      ),
    );
    yield* wait(asyncio.gather(writers));
    yield* wait(file.seek(0));
    const parts = 'abcdabcd';
    for (const [i, letter] of [...parts].entries()) {
      const part = yield* wait(file.read(i < 4 ? 200_000 : 200_001));
      assert.ok(
        part.every((byte) => byte === letter.charCodeAt(0)),
        `part ${i}`,
      );
    }
    yield* wait(file.seek(0));
    const readers = Array.from({ length: 8 }, () => asyncio.createTask(file.read(100_000)));
    const read = yield* wait(asyncio.gather(readers));
    assert.deepEqual(read.map((each) => String.fromCharCode(each[0] as number)).join(''), 'aabbccdd');
    // close() comes last, and what is called after it is refused.
    const late = asyncio.createTask(file.write(large('z')));
    const closing = asyncio.createTask(file.close());
    yield* wait(asyncio.sleep(0));
    isError(
      thrownBy(() => file.write(bytes('no'))),
      asyncio.ValueError,
    );
    assert.equal(yield* wait(late), 200_000);
    yield* wait(closing);
  },
);

test('a file that nobody closed is written and closed when it is collected', async () => {
  v8.setFlagsFromString('--expose-gc');
  const { runInNewContext } = await import('node:vm');
  const collect = runInNewContext('gc') as () => void;
  const before = descriptors();
  const warnings: string[] = [];
  const note = (message: string) => void warnings.push(message);
  const outer = asyncio.setLogger({ debug: note, info: note, warn: note, error: note });
  try {
    await inFolder(async (at) => {
      await asyncio.run(async () => {
        const file = await openFile(at('file'), 'w');
        await file.write('kept');
      });
      for (let turn = 0; turn < 200 && warnings.length === 0; turn++) {
        collect();
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await quiet(before);
      assert.equal(fs.readFileSync(at('file'), 'utf8'), 'kept');
      assert.match(warnings[0] as string, /^unclosed file '.*file'/);
    });
  } finally {
    asyncio.setLogger(outer);
  }
});

// ---------------------------------------------------------------------------------------------- interruptions

interruptedEverywhere('reading a file', {
  prepare({ at }) {
    fs.writeFileSync(at('file'), 'line\n'.repeat(50_000));
  },
  *act({ wait, at }) {
    const file = yield* wait(openFile(at('file'), 'rb'));
    try {
      let all = '';
      const read = function* (step: () => asyncio.Coroutine<Buffer>): asyncio.Coro<void> {
        // A read that fails or is cancelled takes nothing.
        try {
          all += yield* step();
        } catch (error) {
          const rest = yield* file.read();
          assert.equal(all + rest, 'line\n'.repeat(50_000));
          throw error;
        }
      };
      yield* wait(asyncio.coroutine(() => read(() => file.readline()))());
      yield* wait(asyncio.coroutine(() => read(() => file.read(100_000)))());
      yield* wait(asyncio.coroutine(() => read(() => file.readline()))());
      yield* wait(asyncio.coroutine(() => read(() => file.read()))());
      assert.equal(all, 'line\n'.repeat(50_000));
    } finally {
      yield* wait(file.close());
    }
  },
  check() {},
});

interruptedEverywhere('writing a file', {
  *act({ wait, at }) {
    const file = yield* wait(openFile(at('file'), 'w+'));
    try {
      try {
        yield* wait(file.write('head\n'));
        yield* wait(file.flush());
        yield* wait(file.write('x'.repeat(2_500_000)));
        yield* wait(file.write('tail\n'));
        yield* wait(file.flush());
        yield* wait(file.truncate(2_500_010));
      } catch (error) {
        // Whatever happened: the position is where the next piece goes to.
        const position = yield* wait(file.tell());
        yield* wait(file.write('END'));
        yield* wait(file.seek(0));
        const all = yield* wait(file.read());
        assert.equal(all.slice(position, position + 3), 'END');
        assert.match(all.slice(0, position), /^(head\n)?x*(tail\n)?$/);
        throw error;
      }
    } finally {
      yield* wait(file.close());
    }
  },
  check({ at }, { outcome }) {
    if (outcome !== 'returned') return;
    assert.equal(fs.readFileSync(at('file'), 'utf8'), `head\n${'x'.repeat(2_500_000)}tail\n`);
  },
});

interruptedEverywhere('closing a file with something left to write', {
  *act({ wait, at }) {
    const file = yield* wait(openFile(at('file'), 'w'));
    yield* wait(file.write('accepted'));
    yield* wait(file.close());
  },
  check({ at }, { outcome, call, calls }) {
    // Once the file was open, a cancellation loses nothing that was accepted.
    if (outcome === 'failed' || call === 'open' || call === 'fstat') return;
    assert.equal(fs.readFileSync(at('file'), 'utf8'), 'accepted', calls.join());
  },
});

test('openFile() for text: blocks that are not ASCII are decoded as toString() decodes them', async () => {
  await asyncio.run(async () => {
    await using folder = await asyncio.temporaryDirectory();
    const path = folder.path.joinpath('text');
    const lines: string[] = [];
    for (const piece of ['ascii only', 'строка', 'é', '€', '🙂 pair', '\ufeff mark', 'ÿ'.repeat(40)])
      for (let i = 0; i < 60; i += 1) lines.push(`${i} ${piece.repeat(1 + (i % 7))}\n`);
    const bytes = Buffer.from(lines.join(''));
    await path.writeBytes(bytes);
    const whole = await asyncio.openFile(path);
    const got: string[] = [];
    for await (const line of whole) got.push(line);
    await whole.close();
    assert.deepEqual(got, lines);
    // Bytes that are no text, in the middle of such a block.
    await path.writeBytes(Buffer.concat([bytes, Buffer.from([0xd0]), bytes]));
    const file = await asyncio.openFile(path, 'r', { errors: 'replace' });
    const text = await file.read();
    await file.close();
    assert.equal(text, `${bytes}\ufffd${bytes}`);
    const loose = await asyncio.openFile(path, 'r', { errors: 'replace' });
    let joined = '';
    for await (const line of loose) joined += line;
    await loose.close();
    assert.equal(joined, text);
  });
});
