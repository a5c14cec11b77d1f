/** The ring through which the broker tells an owner things: what its workers say, and what became of them. */

import type { MessagePort } from 'node:worker_threads';
import type { Area } from './area.js';
import { ring } from './bell.js';
import { padded } from './broker-protocol.js';
import { INDEX_WORD, VALUE_AT, WORKER_WORD } from './protocol.js';
import type { RecordRing } from './record-ring.js';

export class OwnerRing {
  readonly #records: RecordRing;
  readonly #bell: Int32Array;
  /** For what is too large for the ring. */
  readonly #port: MessagePort | null;

  constructor(records: RecordRing, bell: Int32Array, port: MessagePort | null) {
    this.#records = records;
    this.#bell = bell;
    this.#port = port;
  }

  /** Writes a record with a short text, and rings. */
  note(kind: number, worker: number, index: number, text: string): void {
    const { area } = this.#records;
    const size = VALUE_AT + 16 + text.length * 2 + 8;
    const offset = this.#records.reserve(padded(size));
    area.i32[(offset >> 2) + INDEX_WORD] = index;
    area.i32[(offset >> 2) + WORKER_WORD] = worker;
    const end = area.writeScalar(text, offset + VALUE_AT, offset + size);
    this.#records.commit(offset, end - offset, kind);
    this.ring();
  }

  /** Writes the record that begins at `start` of `area`; {@link ring} is up to the caller. */
  passOn(area: Area, start: number, size: number, kind: number): void {
    const records = this.#records;
    const record = area.bytes.subarray(start, start + padded(size));
    if (record.length <= records.largest) {
      const offset = records.reserve(record.length);
      records.area.bytes.set(record, offset);
      records.commit(offset, record.length, kind);
      return;
    }
    // Larger values are serialized, always: eight bytes of header, then the serializer's.
    const length = area.i32[((start + VALUE_AT) >> 2) + 1] as number;
    const bytes = new Uint8Array(record.subarray(VALUE_AT + 8, VALUE_AT + 8 + length));
    this.#port?.postMessage({ index: area.i32[(start >> 2) + INDEX_WORD], bytes }, [bytes.buffer]);
    const offset = records.reserve(VALUE_AT + 8);
    records.area.bytes.set(record.subarray(0, VALUE_AT), offset);
    records.area.writeElsewhere(offset + VALUE_AT);
    records.commit(offset, VALUE_AT + 8, kind);
  }

  ring(): void {
    ring(this.#bell);
  }

  close(): void {
    this.#port?.close();
  }
}
