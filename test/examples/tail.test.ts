/** The log tailer: what is there, what is added, rotation, truncation, and that it lets go. */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { follow } from '../../examples/tail/index.js';
import { lastLines, tail } from '../../examples/tail/tail.js';
import { descriptors, inFolder, quiet } from '../node/file-stage.js';
import fc from '../property.js';

test('lastLines() finds where the last lines begin', async () => {
  await inFolder(async (at) => {
    const text = fc.array(fc.constantFrom('\n', 'a', 'bc', 'x'.repeat(40_000)), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 0, max: 6 }), async (parts, count) => {
        const whole = parts.join('');
        fs.writeFileSync(at('log'), whole);
        const lines = whole.match(/[^\n]*\n|[^\n]+$/g) ?? [];
        const expected = whole.length - (count === 0 ? '' : lines.slice(-count).join('')).length;
        await asyncio.run(async () => {
          await using file = await asyncio.openFile(at('log'), 'rb');
          assert.equal(await lastLines(file, count), expected);
        });
      }),
      { numRuns: 60 },
    );
  });
});

test('tail gives the last lines, then new ones, across rotation and truncation, and closes everything', async () => {
  // What Node itself opens for its first watcher stays open.
  fs.watch('.').close();
  const before = descriptors();
  await inFolder(async (at) => {
    const log = at('log');
    fs.writeFileSync(log, 'one\ntwo\nthree\n');
    await asyncio.run(async () => {
      const seen = new asyncio.Queue<string>();
      const task = asyncio.createTask(async () => {
        // Watching tells nothing on some file systems: then it looks from time to time.
        for await (const line of tail(log, { lines: 2, interval: 0.02 })) seen.putNowait(line);
      });
      const expect = async (...lines: string[]) => {
        for (const line of lines) {
          assert.equal(await asyncio.timeout(60).run(() => seen.get()), line);
        }
      };
      await expect('two', 'three');
      fs.appendFileSync(log, 'fo');
      await asyncio.sleep(0.01);
      fs.appendFileSync(log, 'ur\nfive\n');
      await expect('four', 'five');
      fs.renameSync(log, at('log.1'));
      await asyncio.sleep(0.01);
      fs.writeFileSync(log, 'six\n');
      await expect('six');
      fs.appendFileSync(log, 'seven\n');
      await expect('seven');
      fs.writeFileSync(log, '8\n');
      await expect('8');
      task.cancel();
      await asyncio.wait([task]);
      assert.equal(task.cancelled(), true);
    });
    await quiet(before);
  });
});

test('a character that is written in two parts is one', async () => {
  await inFolder(async (at) => {
    const log = at('log');
    fs.writeFileSync(log, Buffer.from([0x61, 0xc3]));
    await asyncio.run(async () => {
      let looks = 0;
      const stat = asyncio.Path.prototype.stat;
      // It looks at the file's name when it has read all there is: the second half comes then.
      asyncio.Path.prototype.stat = function (options) {
        if (looks++ === 0) fs.appendFileSync(log, Buffer.from([0xa9, 10]));
        return stat.call(this, options);
      };
      const lines = tail(log, { interval: 0.02 });
      try {
        assert.equal((await asyncio.timeout(60).run(() => lines.next())).value, 'aé');
      } finally {
        await lines.return(undefined);
        asyncio.Path.prototype.stat = stat;
      }
    });
  });
});

test('a file that is moved away while tail looks at it is waited for', async () => {
  await inFolder(async (at) => {
    const log = at('log');
    fs.writeFileSync(log, 'one\n');
    const { stat, open } = asyncio.Path.prototype;
    await asyncio.run(async () => {
      const lines = tail(log, { interval: 0.02 });
      const expect = async (line: string) =>
        assert.equal((await asyncio.timeout(60).run(() => lines.next())).value, line);
      try {
        await expect('one');
        // It is there at the first look, and another one is at the third, which is gone when it is opened.
        let looks = 0;
        asyncio.Path.prototype.stat = function (options) {
          looks += 1;
          if (looks === 2) fs.renameSync(log, at('log.1'));
          if (looks === 3) fs.writeFileSync(log, 'never seen\n');
          return stat.call(this, options);
        };
        let opened = 0;
        asyncio.Path.prototype.open = function (this: asyncio.Path, ...told: Parameters<typeof open>) {
          opened += 1;
          if (opened === 1) fs.renameSync(log, at('log.2'));
          return open.apply(this, told);
        } as typeof open;
        const next = asyncio.createTask(() => expect('two'));
        while (opened === 0 && !next.done()) await asyncio.sleep(0.001);
        asyncio.Path.prototype.open = open;
        fs.writeFileSync(log, 'two\n');
        await next;
      } finally {
        Object.assign(asyncio.Path.prototype, { stat, open });
        await lines.return(undefined);
      }
    });
  });
});

test('what is written just before a file is moved away is not lost', async () => {
  await inFolder(async (at) => {
    const log = at('log');
    fs.writeFileSync(log, 'one\n');
    const { stat } = asyncio.Path.prototype;
    await asyncio.run(async () => {
      const lines = tail(log, { interval: 0.02 });
      const expect = async (line: string) =>
        assert.equal((await asyncio.timeout(60).run(() => lines.next())).value, line);
      try {
        await expect('one');
        // tail has read the file to its end, and looks whether it is the same one still.
        asyncio.Path.prototype.stat = function (options) {
          asyncio.Path.prototype.stat = stat;
          fs.appendFileSync(log, 'late\nlater');
          fs.renameSync(log, at('log.1'));
          fs.writeFileSync(log, 'two\n');
          return this.stat(options);
        };
        await expect('late');
        await expect('later');
        await expect('two');
      } finally {
        asyncio.Path.prototype.stat = stat;
        await lines.return(undefined);
      }
    });
  });
});

test('a file that is not there is an error, and nothing stays watched', async () => {
  // What is watched keeps the process alive.
  const watchers = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('FSEvent')).length;
  await inFolder(async (at) => {
    const before = watchers();
    const watcher = fs.watch(at());
    assert.equal(watchers(), before + 1);
    watcher.close();
    await asyncio.run(async () => {
      await assert.rejects(tail(at('missing')).next(), asyncio.FileNotFoundError);
    });
    for (let turn = 0; turn < 1000 && watchers() > before; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(watchers(), before);
  });
});

test('several files are followed side by side, each line with its name', async () => {
  await inFolder(async (at) => {
    fs.writeFileSync(at('a'), '1\n2\n');
    fs.writeFileSync(at('b'), '3\n');
    await asyncio.run(async () => {
      const lines: string[] = [];
      const all = new asyncio.Event();
      const task = asyncio.createTask(() =>
        follow(['-n', '1', at('a'), at('b')], (line) => {
          lines.push(line);
          if (lines.length === 2) all.set();
        }),
      );
      await asyncio.timeout(60).run(() => all.wait());
      task.cancel();
      await asyncio.wait([task]);
      assert.deepEqual(lines.sort(), [`${at('a')}: 2`, `${at('b')}: 3`]);
    });
    await assert.rejects(
      asyncio.run(() => follow([], () => {})),
      asyncio.SystemExit,
    );
  });
});
