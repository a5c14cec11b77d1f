/**
 * Members in the order of their scores; those with the same score in the order of their bytes.
 *
 * The order is kept in blocks of a few hundred: a search is two binary ones, an insertion moves a part of one block. That does what
 * the skip list of Redis does, in fewer objects.
 */

export interface Scored {
  readonly member: string;
  readonly score: number;
}

/** A place in the order; behind all members with that score if there is none. */
interface Place {
  readonly member: string | null;
  readonly score: number;
}

const LARGEST_BLOCK = 512;

function isBefore(a: Scored, b: Place): boolean {
  return a.score < b.score || (a.score === b.score && (b.member === null || a.member < b.member));
}

export class SortedSet {
  readonly #scores = new Map<string, number>();
  /** None is empty. */
  readonly #blocks: Scored[][] = [];

  get size(): number {
    return this.#scores.size;
  }

  score(member: string): number | undefined {
    return this.#scores.get(member);
  }

  /** Gives the member this score; whether it was new. */
  set(member: string, score: number): boolean {
    const old = this.#scores.get(member);
    if (old === score) return false;
    if (old !== undefined) this.#remove({ member, score: old });
    this.#scores.set(member, score);
    this.#insert({ member, score });
    return old === undefined;
  }

  /** Whether it was there. */
  delete(member: string): boolean {
    const score = this.#scores.get(member);
    if (score === undefined) return false;
    this.#scores.delete(member);
    this.#remove({ member, score });
    return true;
  }

  /** Takes the lowest out. The caller knows that there is one. */
  popMin(): Scored {
    const block = this.#blocks[0] as Scored[];
    const lowest = block.shift() as Scored;
    if (block.length === 0) this.#blocks.shift();
    this.#scores.delete(lowest.member);
    return lowest;
  }

  /** Takes the highest out. The caller knows that there is one. */
  popMax(): Scored {
    const block = this.#blocks.at(-1) as Scored[];
    const highest = block.pop() as Scored;
    if (block.length === 0) this.#blocks.pop();
    this.#scores.delete(highest.member);
    return highest;
  }

  /** How many come before a place. */
  rank(target: Place): number {
    const index = this.#blockOf(target);
    let before = 0;
    for (let i = 0; i < index; i += 1) before += (this.#blocks[i] as Scored[]).length;
    const block = this.#blocks[index];
    return block === undefined ? before : before + placeIn(block, target);
  }

  /** Those at the ranks from `start` up to, not including, `end`; both within the set. */
  slice(start: number, end: number): Scored[] {
    const found: Scored[] = [];
    let base = 0;
    for (const block of this.#blocks) {
      if (base >= end) break;
      if (base + block.length > start)
        for (const each of block.slice(Math.max(0, start - base), end - base)) found.push(each);
      base += block.length;
    }
    return found;
  }

  /** The first block whose last one is not before the place. */
  #blockOf(target: Place): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore((this.#blocks[middle] as Scored[]).at(-1) as Scored, target)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(scored: Scored): void {
    const blocks = this.#blocks;
    if (blocks.length === 0) {
      blocks.push([scored]);
      return;
    }
    const index = Math.min(this.#blockOf(scored), blocks.length - 1);
    const block = blocks[index] as Scored[];
    block.splice(placeIn(block, scored), 0, scored);
    if (block.length > LARGEST_BLOCK) blocks.splice(index + 1, 0, block.splice(LARGEST_BLOCK / 2));
  }

  #remove(scored: Scored): void {
    const index = this.#blockOf(scored);
    const block = this.#blocks[index] as Scored[];
    block.splice(placeIn(block, scored), 1);
    if (block.length === 0) this.#blocks.splice(index, 1);
  }
}

function placeIn(block: readonly Scored[], target: Place): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(block[middle] as Scored, target)) low = middle + 1;
    else high = middle;
  }
  return low;
}
