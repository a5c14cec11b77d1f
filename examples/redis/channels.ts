/** Channels: who is subscribed to which, and what is published in them. */

import { matches } from './glob.js';
import { encode, type Protocol, Push } from './reply.js';

export interface Subscriber {
  readonly protocol: Protocol;
  /** Sends something that is no answer. */
  deliver(text: string): void;
}

/** Names or patterns, and who wants what. */
class Subscriptions {
  readonly #of = new Map<string, Set<Subscriber>>();

  add(name: string, subscriber: Subscriber): void {
    const all = this.#of.get(name) ?? new Set();
    all.add(subscriber);
    this.#of.set(name, all);
  }

  delete(name: string, subscriber: Subscriber): void {
    const all = this.#of.get(name);
    if (all?.delete(subscriber) === true && all.size === 0) this.#of.delete(name);
  }

  get(name: string): Iterable<Subscriber> {
    return this.#of.get(name) ?? [];
  }

  get size(): number {
    return this.#of.size;
  }

  [Symbol.iterator](): IterableIterator<[string, Set<Subscriber>]> {
    return this.#of[Symbol.iterator]();
  }
}

export class Channels {
  readonly byName = new Subscriptions();
  readonly byPattern = new Subscriptions();

  /** How many have got it; who is subscribed twice gets it twice. */
  publish(channel: string, message: string): number {
    let count = send(this.byName.get(channel), new Push(['message', channel, message]));
    for (const [pattern, subscribers] of this.byPattern) {
      if (matches(pattern, channel))
        count += send(subscribers, new Push(['pmessage', pattern, channel, message]));
    }
    return count;
  }
}

function send(subscribers: Iterable<Subscriber>, message: Push): number {
  /** Written once for each protocol. */
  const written: Partial<Record<Protocol, string>> = {};
  let count = 0;
  for (const subscriber of subscribers) {
    const { protocol } = subscriber;
    written[protocol] ??= encode(message, protocol);
    subscriber.deliver(written[protocol]);
    count += 1;
  }
  return count;
}
