/** What has come over a connection and is not parsed yet: fed with pieces, read as lines and as blocks of a known length. */

const NOTHING = Buffer.alloc(0);
const CR = 13;
/** A slice as long as this would keep all that it was cut from alive, where V8 is concerned; shorter ones are copies. */
const LONG = 13;

/** What a peer must not send. The connection cannot go on. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

export class Incoming {
  /** The bytes at hand as characters, and the place of the first one that is not read. */
  #text = '';
  #at = 0;
  /** The same bytes. */
  #bytes: Buffer = NOTHING;
  /** What came later, kept as it is until there is enough to go on: joining it each time would take time in the square. */
  #later: Buffer[] = [];
  #laterSize = 0;

  feed(piece: Buffer): void {
    if (this.#at === this.#text.length && this.#laterSize === 0) {
      this.#put(piece);
    } else {
      this.#later.push(piece);
      this.#laterSize += piece.length;
    }
  }

  #put(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#text = bytes.toString('latin1');
    this.#at = 0;
  }

  /** How many bytes there are. */
  get size(): number {
    return this.#text.length - this.#at + this.#laterSize;
  }

  /** The next byte, or NaN while there is none. */
  peek(): number {
    if (this.#at === this.#text.length && this.#laterSize > 0) this.#join();
    return this.#text.charCodeAt(this.#at);
  }

  #join(): void {
    const rest = this.#bytes.subarray(this.#at);
    this.#put(Buffer.concat([rest, ...this.#later], rest.length + this.#laterSize));
    this.#later = [];
    this.#laterSize = 0;
  }

  /** Reads a line that `\r\n` ends, without it; `null` while the end is missing. */
  line(): string | null {
    let end = this.#text.indexOf('\r', this.#at);
    if (end < 0 || end + 1 >= this.#text.length) {
      if (this.#laterSize === 0) return null;
      this.#join();
      end = this.#text.indexOf('\r', this.#at);
      if (end < 0 || end + 1 >= this.#text.length) return null;
    }
    const line = this.#cut(this.#at, end);
    this.#at = end + 2;
    return line;
  }

  /** The same for lines typed by hand, which `\n` alone may end; a `\r` before it counts as a blank. */
  typedLine(): string | null {
    let end = this.#text.indexOf('\n', this.#at);
    if (end < 0) {
      if (this.#laterSize === 0) return null;
      this.#join();
      end = this.#text.indexOf('\n', this.#at);
      if (end < 0) return null;
    }
    const line = this.#cut(this.#at, end);
    this.#at = end + 1;
    return line;
  }

  /**
   * Reads a line that is a type and a small count (`$16`), and gives the count: nearly every line is one, and needs no string of its
   * own. -1 when it is anything else, or not whole: ask {@link line} then.
   */
  count(): number {
    const text = this.#text;
    let at = this.#at + 1;
    let count = 0;
    for (const end = at + 9; at < end; at += 1) {
      const digit = text.charCodeAt(at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      count = count * 10 + digit;
    }
    if (at === this.#at + 1 || text.charCodeAt(at) !== CR || at + 1 >= text.length) return -1;
    this.#at = at + 2;
    return count;
  }

  /** Reads `length` bytes and the two of the line's end, which are not given; `null` while they have not all come. */
  block(length: number): string | null {
    const end = this.#at + length;
    if (end + 2 <= this.#text.length) {
      const block = this.#cut(this.#at, end);
      this.#at = end + 2;
      return block;
    }
    if (this.size < length + 2) return null;
    // Not through text: a large block would be decoded twice.
    const rest = this.#bytes.subarray(this.#at);
    const joined = Buffer.concat([rest, ...this.#later], rest.length + this.#laterSize);
    this.#later = [];
    this.#laterSize = 0;
    this.#put(joined.subarray(length + 2));
    return joined.toString('latin1', 0, length);
  }

  #cut(from: number, to: number): string {
    return to - from < LONG ? this.#text.slice(from, to) : this.#bytes.toString('latin1', from, to);
  }
}
