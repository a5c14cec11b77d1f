// What the workers do, and what they are given: hardly anything, so that what is measured is the way there and back.
// Piscina and Tinypool load this file in their workers; the functions use nothing from outside, so that they can also be
// sent by their source text.

export function scalars(number) {
  return number + 1;
}

export function rich(order) {
  return {
    id: order.id,
    customer: order.customer.name,
    total: order.items.length * 9.5,
    tags: ['paid', 'sent'],
  };
}

export function bytes(array) {
  return array.length;
}

export function shared(memory) {
  return memory.byteLength;
}

export const functions = { bytes, rich, scalars, shared };

const MIB = 1024 * 1024;
const megabyte = new Uint8Array(MIB).fill(7);
const large = new SharedArrayBuffer(64 * MIB);

/** By program: the function's name, a value for the n-th call, whether the result is right, and what moves with the value. */
export const works = {
  scalars: { name: 'scalars', value: (n) => n, isRight: (result, n) => result === n + 1 },
  rich: {
    name: 'rich',
    value: (n) => ({
      id: n,
      customer: { name: 'Ada Lovelace', city: 'London', active: true },
      items: [
        { sku: 'A-100', price: 9.5 },
        { sku: 'B-200', price: 12 },
      ],
      note: null,
    }),
    isRight: (result, n) => result.id === n && result.total === 19,
  },
  copied: { name: 'bytes', value: () => megabyte, isRight: (result) => result === MIB },
  moved: {
    name: 'bytes',
    value: () => new Uint8Array(MIB),
    moves: (array) => [array.buffer],
    isRight: (result) => result === MIB,
  },
  shared: { name: 'shared', value: () => large, isRight: (result) => result === 64 * MIB },
};
