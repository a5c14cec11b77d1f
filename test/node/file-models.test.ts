/** Files against models: random operations on bytes against node:fs, and on text against CPython's own files where it is installed. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import fc from '../property.js';
import { inFolder } from './file-stage.js';

// ------------------------------------------------------------------------------------------------------- bytes

/** One operation; sizes reach past every buffer. */
const size = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 200_000 }));
const bytesOperation = fc.oneof(
  fc.record({ call: fc.constant('read' as const), size }),
  fc.record({ call: fc.constant('readAll' as const) }),
  fc.record({ call: fc.constant('readline' as const) }),
  fc.record({ call: fc.constant('write' as const), size, letter: fc.integer({ min: 97, max: 122 }) }),
  fc.record({ call: fc.constant('seek' as const), size, whence: fc.constantFrom(0, 1, 2) }),
  fc.record({ call: fc.constant('truncate' as const), size: fc.option(size) }),
  fc.record({ call: fc.constant('tell' as const) }),
  fc.record({ call: fc.constant('flush' as const) }),
);
type BytesOperation = typeof bytesOperation extends fc.Arbitrary<infer T> ? T : never;

/** What `write` writes: lines of uneven length. */
function content(size: number, letter: number): Buffer {
  const bytes = Buffer.alloc(size, letter);
  for (let at = letter % 7; at < size; at += 11 + (at % 90)) bytes[at] = 10;
  return bytes;
}

/** The same with synchronous calls of node:fs and no buffer. */
class Model {
  readonly #fd: number;
  readonly #append: boolean;
  #position: number;

  constructor(path: string, flags: string) {
    this.#fd = fs.openSync(path, flags);
    this.#append = flags.startsWith('a');
    this.#position = this.#append ? this.#size() : 0;
  }

  #size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  #read(size: number): Buffer {
    const bytes = Buffer.alloc(Math.max(0, Math.min(size, this.#size() - this.#position)));
    let got = 0;
    while (got < bytes.length)
      got += fs.readSync(this.#fd, bytes, got, bytes.length - got, this.#position + got);
    this.#position += got;
    return bytes;
  }

  do(operation: BytesOperation): unknown {
    switch (operation.call) {
      case 'read':
        return this.#read(operation.size);
      case 'readAll':
        return this.#read(Number.MAX_SAFE_INTEGER);
      case 'readline': {
        const from = this.#position;
        const rest = this.#read(Number.MAX_SAFE_INTEGER);
        const end = rest.indexOf(10);
        const line = end < 0 ? rest : rest.subarray(0, end + 1);
        this.#position = from + line.length;
        return line;
      }
      case 'write': {
        const bytes = content(operation.size, operation.letter);
        if (bytes.length === 0) return 0;
        fs.writeSync(this.#fd, bytes, 0, bytes.length, this.#append ? null : this.#position);
        this.#position = this.#append ? this.#size() : this.#position + bytes.length;
        return bytes.length;
      }
      case 'seek':
        this.#position = operation.size + [0, this.#position, this.#size()][operation.whence]!;
        return this.#position;
      case 'truncate': {
        const length = operation.size ?? this.#position;
        fs.ftruncateSync(this.#fd, length);
        return length;
      }
      case 'tell':
        return this.#position;
      default:
        return undefined;
    }
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

function perform(file: asyncio.BinaryFile, operation: BytesOperation): asyncio.Coroutine<unknown> {
  switch (operation.call) {
    case 'read':
      return file.read(operation.size);
    case 'readAll':
      return file.read();
    case 'readline':
      return file.readline();
    case 'write':
      return file.write(content(operation.size, operation.letter));
    case 'seek':
      return file.seek(operation.size, operation.whence as asyncio.Whence);
    case 'truncate':
      return file.truncate(operation.size);
    case 'tell':
      return file.tell();
    default:
      return file.flush();
  }
}

for (const [mode, flags] of [
  ['r+b', 'r+'],
  ['w+b', 'w+'],
  ['a+b', 'a+'],
] as const) {
  test(`random operations on a file opened with ${mode} do what node:fs does`, async () => {
    await inFolder(async (at) => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: 300_000 }),
          fc.array(bytesOperation, { maxLength: 25 }),
          async (initial, operations) => {
            for (const name of ['ours', 'model']) fs.writeFileSync(at(name), content(initial, 65));
            const model = new Model(at('model'), flags);
            try {
              await asyncio.run(function* () {
                const file = yield* asyncio.openFile(at('ours'), mode);
                for (const operation of operations) {
                  const given = yield* perform(file, operation);
                  assert.deepEqual(given, model.do(operation), JSON.stringify(operation));
                }
                yield* file.close();
              });
            } finally {
              model.close();
            }
            assert.ok(fs.readFileSync(at('ours')).equals(fs.readFileSync(at('model'))), 'the contents');
          },
        ),
        { numRuns: 60 },
      );
    });
  });
}

test('random reads, each cancelled at random and made again, lose nothing', async () => {
  await inFolder(async (at) => {
    const whole = content(500_000, 66);
    fs.writeFileSync(at('file'), whole);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(size, fc.integer({ min: 0, max: 3 })), { maxLength: 30 }),
        async (steps) => {
          await asyncio.run(async () => {
            await using file = await asyncio.openFile(at('file'), 'rb');
            let position = 0;
            for (const [size, ticks] of steps) {
              const task = asyncio.createTask(size % 3 === 0 ? file.readline() : file.read(size));
              for (let tick = 0; tick < ticks; tick++) await asyncio.sleep(0);
              task.cancel();
              await asyncio.wait([task]);
              if (task.cancelled()) continue;
              const got = task.result();
              assert.ok(got.equals(whole.subarray(position, position + got.length)), 'what was read');
              position += got.length;
            }
            assert.equal(await file.tell(), position);
            assert.ok((await file.read()).equals(whole.subarray(position)), 'the rest');
          });
        },
      ),
      { numRuns: 40 },
    );
  });
});

// -------------------------------------------------------------------------------------------------------- text

/** Does the operations with Python's own files, in the same modes. */
const PYTHON = `
import json, sys
results = []
for case in json.load(sys.stdin):
    with open(case['path'], 'wb') as f: f.write(bytes.fromhex(case['content']))
    given = []
    marks = [0]
    with open(case['path'], 'r+', encoding=case['encoding'], errors=case['errors'], newline=case['newline']) as f:
        for op in case['operations']:
            call = op['call']
            if call == 'read': given.append(f.read(op['size']))
            elif call == 'readAll': given.append(f.read())
            elif call == 'readline': given.append(f.readline())
            elif call == 'mark': marks.append(f.tell())
            elif call == 'back': f.seek(marks[op['size'] % len(marks)])
            elif call == 'end':
                f.seek(0, 2)
                given.append(f.write(op['text']))
            elif call == 'flush': f.flush()
    with open(case['path'], 'rb') as f: results.append([given, f.read().hex()])
json.dump(results, sys.stdout)
`;

function python(): string | null {
  for (const name of ['python3', 'python3.13', 'python3.14', 'python']) {
    try {
      execFileSync(name, ['-c', 'import sys; assert sys.version_info >= (3, 8)'], { stdio: 'ignore' });
      return name;
    } catch {
      // The next one.
    }
  }
  return null;
}

const letters = fc.constantFrom('a', 'bc', 'я', 'あ', '😀', '\n', '\r', '\r\n', '\n\r', ' ', 'long word ');
const text = fc.oneof(
  fc.array(letters, { maxLength: 30 }).map((parts) => parts.join('')),
  // Past the buffers of either side.
  fc
    .tuple(fc.array(letters, { minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 20_000 }))
    .map(([parts, times]) => parts.join('').repeat(times)),
);
const textOperation = fc.oneof(
  fc.record({
    call: fc.constant('read'),
    size: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 70_000 })),
  }),
  fc.record({ call: fc.constant('readline') }),
  fc.record({ call: fc.constant('readAll') }),
  fc.record({ call: fc.constant('mark') }),
  fc.record({ call: fc.constant('back'), size: fc.nat(5) }),
  fc.record({ call: fc.constant('end'), text }),
  fc.record({ call: fc.constant('flush') }),
);

interface TextCase {
  readonly path: string;
  readonly content: string;
  readonly encoding: 'utf-8' | 'utf-16le';
  readonly errors: 'strict' | 'replace';
  readonly newline: asyncio.Newline;
  readonly operations: readonly { call: string; size?: number; text?: string }[];
}

function* play(path: string, each: TextCase): asyncio.Coro<unknown> {
  fs.writeFileSync(path, Buffer.from(each.content, 'hex'));
  const { encoding, errors, newline } = each;
  const given: unknown[] = [];
  const marks = [0];
  const file = yield* asyncio.openFile(path, 'r+', { encoding, errors, newline });
  for (const { call, size = 0, text = '' } of each.operations) {
    if (call === 'read') given.push(yield* file.read(size));
    else if (call === 'readAll') given.push(yield* file.read());
    else if (call === 'readline') given.push(yield* file.readline());
    else if (call === 'mark') marks.push(yield* file.tell());
    else if (call === 'back') yield* file.seek(marks[size % marks.length] as number);
    else if (call === 'flush') yield* file.flush();
    else {
      yield* file.seek(0, 2);
      yield* file.write(text);
      // Python counts characters, JavaScript units.
      given.push([...text].length);
    }
  }
  yield* file.close();
  return [given, fs.readFileSync(path).toString('hex')];
}

test('random operations on text do what CPython does, in every newline mode', {
  skip: python() === null,
}, async () => {
  await inFolder(async (at) => {
    const arbitrary = fc.record({
      path: fc.constant(at('theirs')),
      encoding: fc.constantFrom('utf-8' as const, 'utf-16le' as const),
      errors: fc.constantFrom('strict' as const, 'replace' as const),
      newline: fc.constantFrom<asyncio.Newline>(null, '', '\n', '\r', '\r\n'),
      start: text,
      // Half a character, and a byte that begins none.
      bad: fc.constantFrom('', '', 'ff', 'e381'),
      operations: fc.array(textOperation, { maxLength: 12 }),
    });
    const cases: TextCase[] = fc.sample(arbitrary, 300).map(({ start, bad, ...rest }) => ({
      ...rest,
      content:
        Buffer.from(start, rest.encoding === 'utf-8' ? 'utf8' : 'utf16le').toString('hex') +
        (rest.errors === 'replace' && rest.encoding === 'utf-8' ? bad : ''),
    }));
    const theirs = JSON.parse(
      execFileSync(python() as string, ['-c', PYTHON], {
        input: JSON.stringify(cases),
        maxBuffer: 2 ** 30,
        encoding: 'utf8',
      }),
    ) as unknown[];
    await asyncio.run(function* () {
      for (const [i, each] of cases.entries()) {
        const ours = yield* play(at('ours'), each);
        const shown = {
          ...each,
          content: each.content.slice(0, 200),
          operations: each.operations.map((op) => ({ ...op, text: op.text?.slice(0, 40) })),
        };
        assert.deepEqual(ours, theirs[i], JSON.stringify(shown));
      }
    });
  });
});
