/** Makes a failing program small: takes away and simplifies as long as it still fails. */

import type { Block, Operation, Program } from './program.js';

/** Every program that is one step simpler, most radical steps first. */
export function* simpler(program: Program): Generator<Program> {
  const { functions, objects } = program;
  if (program.eager) yield { objects, functions };
  for (const [index, block] of functions.entries()) {
    if (block.length > 0 && index > 0) yield { ...program, functions: replaced(functions, index, []) };
  }
  for (const [index, block] of functions.entries()) {
    for (const smaller of simplerBlocks(block))
      yield { ...program, functions: replaced(functions, index, smaller) };
  }
  const used = JSON.stringify(functions);
  for (const name of Object.keys(objects)) {
    if (
      !used.includes(`"${name}"`) &&
      !Object.values(objects).some((spec) => (spec as readonly unknown[]).includes(name))
    ) {
      const { [name]: _, ...rest } = objects;
      yield { ...program, objects: rest };
    }
  }
  const last = functions.length - 1;
  if (last > 0 && functions[last]?.length === 0) {
    const shorter = functions.slice(0, -1);
    if (!mentions(shorter, last)) yield { ...program, functions: shorter };
  }
}

function* simplerBlocks(block: Block): Generator<Block> {
  // Halves first, then single operations.
  if (block.length > 3) {
    const middle = block.length >> 1;
    yield block.slice(0, middle);
    yield block.slice(middle);
  }
  for (let i = block.length - 1; i >= 0; i -= 1) yield [...block.slice(0, i), ...block.slice(i + 1)];
  for (const [i, op] of block.entries()) {
    for (const inner of blocksOf(op)) yield [...block.slice(0, i), ...inner, ...block.slice(i + 1)];
    for (const smaller of simplerOperations(op)) yield replaced(block, i, smaller);
  }
}

/** The blocks inside an operation, which can stand in its place. */
function blocksOf(op: Operation): Block[] {
  switch (op[0]) {
    case 'try':
      return [op[1], ...op[2].map(([, block]) => block), ...(op[3] === null ? [] : [op[3]])];
    case 'repeat':
    case 'reenter':
    case 'group':
    case 'hold':
      return [op[2]];
    case 'timeout':
    case 'timeoutAt':
      return [op[3]];
    case 'asCompleted':
      return [op[4]];
    default:
      return [];
  }
}

function* simplerOperations(op: Operation): Generator<Operation> {
  switch (op[0]) {
    case 'try': {
      const [, body, handlers, last] = op;
      if (last !== null) yield ['try', body, handlers, null];
      for (const smaller of simplerBlocks(body)) yield ['try', smaller, handlers, last];
      for (const [i, [names, block]] of handlers.entries()) {
        yield ['try', body, handlers.filter((_, j) => j !== i), last];
        for (const smaller of simplerBlocks(block))
          yield ['try', body, replaced(handlers, i, [names, smaller]), last];
      }
      if (last !== null) for (const smaller of simplerBlocks(last)) yield ['try', body, handlers, smaller];
      return;
    }
    case 'repeat':
      if (op[1] > 1) yield ['repeat', op[1] - 1, op[2]];
      for (const smaller of simplerBlocks(op[2])) yield ['repeat', op[1], smaller];
      return;
    case 'reenter':
    case 'group':
    case 'hold':
      for (const smaller of simplerBlocks(op[2])) yield [op[0], op[1], smaller];
      return;
    case 'timeout':
    case 'timeoutAt':
      for (const ticks of simplerNumbers(op[2])) yield [op[0], op[1], ticks, op[3]];
      for (const smaller of simplerBlocks(op[3])) yield [op[0], op[1], op[2], smaller];
      return;
    case 'asCompleted':
      for (let i = 0; i < op[1].length; i += 1)
        yield ['asCompleted', op[1].filter((_, j) => j !== i), op[2], op[3], op[4]];
      if (op[2] !== null) yield ['asCompleted', op[1], null, op[3], op[4]];
      for (const smaller of simplerBlocks(op[4])) yield ['asCompleted', op[1], op[2], op[3], smaller];
      return;
    case 'gather':
      for (let i = 0; i < op[2].length; i += 1)
        yield ['gather', op[1], op[2].filter((_, j) => j !== i), op[3]];
      return;
    case 'wait':
      if (op[1].length > 1) {
        for (let i = 0; i < op[1].length; i += 1)
          yield ['wait', op[1].filter((_, j) => j !== i), op[2], op[3]];
      }
      return;
    case 'addDoneCallback':
      for (let i = 0; i < op[3].length; i += 1)
        yield ['addDoneCallback', op[1], op[2], op[3].filter((_, j) => j !== i)];
      return;
    case 'callSoon':
      for (let i = 0; i < op[2].length; i += 1) yield ['callSoon', op[1], op[2].filter((_, j) => j !== i)];
      return;
    case 'callLater':
      for (let i = 0; i < op[3].length; i += 1)
        yield ['callLater', op[1], op[2], op[3].filter((_, j) => j !== i)];
      return;
    case 'sleep':
      for (const ticks of simplerNumbers(op[1])) yield ['sleep', ticks ?? 0];
      return;
    default:
      return;
  }
}

function* simplerNumbers(value: number | null): Generator<number> {
  if (value === null) return;
  if (value > 1) {
    yield 1;
    yield value - 1;
  }
  if (value !== 0) yield 0;
}

function replaced<T>(items: readonly T[], index: number, item: T): T[] {
  return items.map((each, i) => (i === index ? item : each));
}

/** Whether a function is called by its number: a cautious look at the text. */
function mentions(functions: readonly Block[], index: number): boolean {
  return new RegExp(`[[,]${index}[\\],]`).test(JSON.stringify(functions));
}

/**
 * The smallest program found that still fails. `fails` is asked about many programs at once, and answers with
 * the first that fails, or null.
 */
export async function shrink(
  program: Program,
  fails: (candidates: readonly Program[]) => Promise<Program | null>,
  rounds = 200,
): Promise<Program> {
  let smallest = program;
  for (let round = 0; round < rounds; round += 1) {
    const smaller = await firstFailing(simpler(smallest), fails);
    if (smaller === null) return smallest;
    smallest = smaller;
  }
  return smallest;
}

const BATCH = 16;

async function firstFailing(
  candidates: Iterable<Program>,
  fails: (candidates: readonly Program[]) => Promise<Program | null>,
): Promise<Program | null> {
  let batch: Program[] = [];
  for (const candidate of candidates) {
    batch.push(candidate);
    if (batch.length < BATCH) continue;
    const found = await fails(batch);
    if (found !== null) return found;
    batch = [];
  }
  return batch.length > 0 ? fails(batch) : null;
}
