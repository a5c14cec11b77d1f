/** Has Node show what an exception group holds, however deeply groups are nested: by itself it stops at the second one. */

import type { inspect as Inspect, InspectOptions } from 'node:util';
import { BaseExceptionGroup } from '../core/index.js';

/** Whether the group that is being shown stands in one that has made room for it. */
let inside = false;

/** How many groups stand in one another below `group`. */
function nesting(group: BaseExceptionGroup, outer: readonly unknown[] = []): number {
  const inner = group.exceptions.filter(
    (each): each is BaseExceptionGroup => each instanceof BaseExceptionGroup && !outer.includes(each),
  );
  return Math.max(0, ...inner.map((each) => 1 + nesting(each, [...outer, group])));
}

function show(
  this: BaseExceptionGroup,
  depth: number | null,
  options: InspectOptions,
  inspect: typeof Inspect,
): unknown {
  const groups = inside || depth === null ? 0 : nesting(this);
  // Itself stands for what Node would write.
  if (groups === 0 || depth === null) return this;
  inside = true;
  try {
    // A group and the array of its members are two levels.
    return inspect(this, { ...options, depth: depth + 2 * groups });
  } finally {
    inside = false;
  }
}

/** Makes it so; not on Bun, whose console does not take the object itself for an answer. */
export function showGroupsWhole(): void {
  if (process.versions.bun !== undefined) return;
  Object.defineProperty(BaseExceptionGroup.prototype, Symbol.for('nodejs.util.inspect.custom'), {
    value: show,
    configurable: true,
    writable: true,
  });
}
