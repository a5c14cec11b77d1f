import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { VirtualHost } from 'tsyncio/testing';
import { main, programs, tour } from '../../examples/notebook/index.js';
import type { Print } from '../../examples/notebook/print.js';
import { type Chapter, en } from '../../examples/notebook/text.en.js';
import { ru } from '../../examples/notebook/text.ru.js';

/** What the notebook's cells print in Python, and how many seconds they sleep. */
const cells: Readonly<Record<Chapter, { output: string; seconds: number }>> = {
  '01-yield-from': { output: '0\n1\n2\n', seconds: 0 },
  '02-async-await': { output: 'Hello\n', seconds: 1 },
  '03-future': { output: 'result completed\n', seconds: 2 },
  '04-generator': { output: '1\n2\n3\n', seconds: 0 },
  '05-send': { output: 'coroutine started\nReceived value: 10\nReceived value: 20\n', seconds: 0 },
  '06-delegation': { output: '1\n2\n3\n4\n', seconds: 0 },
  '07-async-coroutine': { output: 'start coro1\nend coro1\n', seconds: 1 },
  '08-future-by-hand': { output: 'start of long operation\noperation completed\n', seconds: 2 },
  '09-future-unseen': { output: 'the end\n', seconds: 2 },
  '10-thread-pool': { output: 'start blocking task\nresult\n', seconds: 0 },
};

/** Runs a program on a virtual clock; returns what it printed, and how many seconds passed. */
async function record(program: (print: Print) => asyncio.CoroutineLike<void>) {
  let output = '';
  const host = new VirtualHost({ host: getDefaultHost() });
  const print: Print = (line) => {
    output += `${line}\n`;
  };
  await asyncio.run(program(print), { loopFactory: () => new asyncio.EventLoop({ host }) });
  return { output, seconds: host.time() };
}

/** What a process prints in which a function of an example is called: threads write to it directly. */
function outputOf(file: string, name: string): string {
  const url = new URL(`../../examples/notebook/${file}`, import.meta.url);
  const program = `import(${JSON.stringify(url.href)}).then((module) => module.${name}())`;
  return execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' });
}

test('the tour has every program of the notebook, in its order', () => {
  assert.deepEqual(Object.keys(programs), Object.keys(cells));
});

for (const [chapter, program] of Object.entries(programs)) {
  const cell = cells[chapter as Chapter];
  if ('mainAsync' in program) {
    test(`${chapter} prints what its cell prints, as a generator coroutine`, async () => {
      assert.deepEqual(await record((print) => () => program.main(print)), cell);
    });
    test(`${chapter} prints what its cell prints, as an async function`, async () => {
      assert.deepEqual(await record((print) => () => program.mainAsync(print)), cell);
    });
  } else if (chapter === '10-thread-pool') {
    test(`${chapter} prints what its cell prints, the thread's line before the result`, () => {
      assert.equal(outputOf('10-thread-pool.js', 'main'), cell.output);
    });
  } else {
    test(`${chapter} prints what its cell prints`, async () => {
      assert.deepEqual(await record((print) => async () => program.main(print)), cell);
    });
  }
}

test('the tour prints, for each program, its heading, its text and its output in both spellings', async () => {
  const { output, seconds } = await record((print) => () => tour(en, print));
  let rest = output;
  const skipTo = (part: string) => {
    assert.ok(
      rest.includes(part),
      `${JSON.stringify(part)} is missing after\n${output.slice(0, -rest.length)}`,
    );
    rest = rest.slice(rest.indexOf(part) + part.length);
  };
  skipTo(en.title);
  for (const [chapter, program] of Object.entries(programs)) {
    const { heading, text } = en.programs[chapter as Chapter];
    skipTo(heading);
    skipTo(`${text}\n\n`);
    for (const line of cells[chapter as Chapter].output.trimEnd().split('\n')) {
      if (line === 'start blocking task') continue; // the thread's own, which does not pass through print
      if ('mainAsync' in program) skipTo(`    yield* | ${line}\n    await  | ${line}\n`);
      else skipTo(`    ${line}\n`);
    }
  }
  skipTo(en.end);
  assert.equal(seconds, 8, 'both spellings of a program should sleep at the same time');
});

test('the Russian tour runs the same programs and says everything in Russian', async () => {
  const { output } = await record((print) => () => tour(ru, print));
  const inRussian = ({ heading, text }: { heading: string; text: string }) =>
    /[а-яё]/i.test(text) && output.includes(heading) && output.includes(text);
  for (const [chapter, passage] of Object.entries(ru.programs)) {
    assert.ok(inRussian(passage), chapter);
    assert.notEqual(passage.text, en.programs[chapter as Chapter].text);
  }
  assert.match(output, /^ {4}await {2}\| operation completed$/m);
});

test('the whole tour ends with the lines of the thread and of its owner, in this order', () => {
  const output = outputOf('index.js', 'main');
  assert.ok(
    output.endsWith(
      `${en.programs['10-thread-pool'].text}\n\nstart blocking task\n    result\n\n${en.end}\n`,
    ),
    output,
  );
});

test('a language that the tour does not speak ends it with the list of those that it does', async () => {
  await assert.rejects(main('fr'), (error) => {
    assert.ok(error instanceof asyncio.SystemExit);
    assert.equal(error.exitCode, 'There is no tour in fr, only in en, ru');
    return true;
  });
});
