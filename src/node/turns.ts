/** Tells turns of the loops of this thread apart. */

/** Two things that happen while `count` stays the same happen in one turn; the host counts it up before each. */
export const turns: { count: number } = { count: 0 };
