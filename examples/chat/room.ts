/** The room: who is in it under which name, and telling everybody. */

import type { Member } from './member.js';

/** Names that are letters, digits, `_` and `-`. */
const NAME = /^[\p{L}\p{N}_-]{1,20}$/u;

/** Why somebody cannot have a name. */
export class NameRefused extends Error {
  override readonly name = 'NameRefused';
}

export class Room {
  /** By their names in small letters. */
  readonly #members = new Map<string, Member>();

  get names(): string[] {
    return [...this.#members.values()].map(({ name }) => name).sort((a, b) => a.localeCompare(b));
  }

  /** @throws NameRefused */
  join(member: Member, name: string): void {
    this.#take(member, name);
    this.tellOthers(member, `*** ${name} has joined`);
  }

  /** @throws NameRefused */
  rename(member: Member, name: string): void {
    const old = member.name;
    this.#take(member, name);
    if (name.toLowerCase() !== old.toLowerCase()) this.#members.delete(old.toLowerCase());
    this.tellAll(`*** ${old} is now known as ${name}`);
  }

  leave(member: Member, reason: string): void {
    if (this.#members.get(member.name.toLowerCase()) !== member) return;
    this.#members.delete(member.name.toLowerCase());
    this.tellAll(`*** ${member.name} has left (${reason})`);
  }

  tellAll(line: string): void {
    for (const each of this.#members.values()) each.tell(line);
  }

  tellOthers(member: Member, line: string): void {
    for (const each of this.#members.values()) if (each !== member) each.tell(line);
  }

  #take(member: Member, name: string): void {
    if (!NAME.test(name)) throw new NameRefused('a name is 1 to 20 letters, digits, "_" or "-"');
    const owner = this.#members.get(name.toLowerCase());
    if (owner !== undefined && owner !== member) throw new NameRefused(`the name ${owner.name} is taken`);
    this.#members.set(name.toLowerCase(), member);
    member.name = name;
  }
}
