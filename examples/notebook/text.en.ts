// What the tour says, in English. text.ru.ts says the same in Russian.

export interface Passage {
  readonly heading: string;
  readonly text: string;
}

export interface TourText {
  readonly title: string;
  readonly intro: string;
  readonly programs: Readonly<Record<Chapter, Passage>>;
  readonly end: string;
}

export type Chapter =
  | '01-yield-from'
  | '02-async-await'
  | '03-future'
  | '04-generator'
  | '05-send'
  | '06-delegation'
  | '07-async-coroutine'
  | '08-future-by-hand'
  | '09-future-unseen'
  | '10-thread-pool';

export const en: TourText = {
  title: 'asyncio, from the generator to the future',
  intro: `\
The programs of a notebook on asyncio, in its order, each printing what it prints in Python.
Where a program waits, it runs in both spellings at once: a generator coroutine with yield*
(Python's "yield from") and an async function with await. The source stands beside this file.`,
  programs: {
    '01-yield-from': {
      heading: 'Coroutines and yield from',
      text: `\
A coroutine is a function that can be suspended and resumed. Before there was await, one coroutine
called another with "yield from", which passes control down and values up. Here it is yield*.`,
    },
    '02-async-await': {
      heading: 'async and await',
      text: 'In modern Python await has taken the place of "yield from". Here both are at home.',
    },
    '03-future': {
      heading: 'Futures',
      text: `\
A future stands for the result of an operation that will be complete later: done() asks whether it is,
result() returns the result, setResult(value) sets it by hand.`,
    },
    '04-generator': {
      heading: '1. Generators',
      text: `\
How coroutines came about, step by step. A generator returns values one by one with yield; in between
it is suspended and remembers where it was.`,
    },
    '05-send': {
      heading: '2. Coroutines',
      text: 'A generator only gives values. A coroutine also receives them: send(value) there, next(value) here.',
    },
    '06-delegation': {
      heading: 'The operator yield from',
      text: 'It delegates to another generator or coroutine, which makes nested calls readable.',
    },
    '07-async-coroutine': {
      heading: 'Asynchronous coroutines with async and await',
      text: 'Code that reads like sequential code and runs asynchronously.',
    },
    '08-future-by-hand': {
      heading: 'What a Future is',
      text: `\
main() creates a future with loop.createFuture(). The long operation is a sleep(): it suspends the
coroutine, not the thread. Then it sets the result, and main() reads it.`,
    },
    '09-future-unseen': {
      heading: 'Futures without making one',
      text: 'Most of what you await makes a future of its own, as sleep() does. You need not see it.',
    },
    '10-thread-pool': {
      heading: 'concurrent.futures.Future',
      text: `\
The future of threads and processes. A pool runs a blocking function in a thread of its own, and result()
blocks until it has returned: no await. The first line is the thread's own, so the tour does not indent it.`,
    },
  },
  end: 'That was the notebook. Next: README.md, then docs/architecture.md.',
};
