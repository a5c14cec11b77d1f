// What a worker thread sees of context variables, which it declares as the owner does.

import { ContextVar } from 'tsyncio';

const travels = new ContextVar<unknown>('travels', { cloneable: true });
const stays = new ContextVar<string>('stays', { default: 'default' });

export function readVariables(): unknown[] {
  const seen = [travels.get(null), stays.get()];
  travels.set('changed');
  return seen;
}
