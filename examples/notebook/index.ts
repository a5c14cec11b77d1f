// The tour: runs the notebook's programs in order and explains each. `npm start`, or `npm start -- ru`.

import * as asyncio from 'tsyncio';
import * as yieldFrom from './01-yield-from.js';
import * as asyncAwait from './02-async-await.js';
import * as future from './03-future.js';
import * as generator from './04-generator.js';
import * as send from './05-send.js';
import * as delegation from './06-delegation.js';
import * as asyncCoroutine from './07-async-coroutine.js';
import * as futureByHand from './08-future-by-hand.js';
import * as futureUnseen from './09-future-unseen.js';
import * as threadPool from './10-thread-pool.js';
import type { Print } from './print.js';
import { type Chapter, en, type Passage, type TourText } from './text.en.js';
import { ru } from './text.ru.js';

/** A program of the notebook: plain code, or a coroutine in both spellings. */
export type Program =
  | { main(print?: Print): void }
  | { main(print?: Print): asyncio.Coro<void>; mainAsync(print?: Print): Promise<void> };

/** The programs in the notebook's order. */
export const programs: Readonly<Record<Chapter, Program>> = {
  '01-yield-from': yieldFrom,
  '02-async-await': asyncAwait,
  '03-future': future,
  '04-generator': generator,
  '05-send': send,
  '06-delegation': delegation,
  '07-async-coroutine': asyncCoroutine,
  '08-future-by-hand': futureByHand,
  '09-future-unseen': futureUnseen,
  '10-thread-pool': threadPool,
};

const languages: Readonly<Record<string, TourText>> = { en, ru };

export async function main(language = 'en'): Promise<void> {
  const text = languages[language];
  if (text === undefined) {
    throw new asyncio.SystemExit(
      `There is no tour in ${language}, only in ${Object.keys(languages).join(', ')}`,
    );
  }
  await tour(text, console.log);
}

/** Prints the whole tour. */
export async function tour(text: TourText, print: Print): Promise<void> {
  print(`${text.title}\n\n${text.intro}`);
  for (const [chapter, program] of Object.entries(programs)) {
    introduce(text.programs[chapter as Chapter], `${chapter}.ts`, print);
    if ('mainAsync' in program) {
      await asyncio.gather([
        () => program.main((line) => print(`    yield* | ${line}`)),
        () => program.mainAsync((line) => print(`    await  | ${line}`)),
      ]);
    } else {
      program.main((line) => print(`    ${line}`));
    }
  }
  print(`\n${text.end}`);
}

function introduce({ heading, text }: Passage, file: string, print: Print): void {
  const title = `${heading}  (${file})`;
  print(`\n${title}\n${'-'.repeat(title.length)}\n${text}\n`);
}
