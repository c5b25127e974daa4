/** The end of a text file that goes on growing, by ranges. */

import { signal } from "@preact/signals";
import type { Bytes } from "../artifacts/content";
import { plainLine } from "./lines";

export type ReadRange = (from: number, to: number) => Promise<Bytes>;

const CHUNK_BYTES = 1024 * 1024;
/** A file is replaced as a whole: whether it only grew is seen by these bytes before its former end. */
const OVERLAP_BYTES = 64;
const MOST_LINES = 200_000;

export class Tail {
  readonly lines = signal<readonly string[]>([]);
  /** Where in the file the first line begins. */
  readonly start = signal(0);
  readonly size = signal(0);
  readonly #read: ReadRange;
  #end = -1;
  #held = new Uint8Array();
  #decoder = new TextDecoder();
  #busy = false;

  constructor(read: ReadRange) {
    this.#read = read;
  }

  /** Reads what is new; all of it anew when the file became another one. */
  async poll(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      if (this.#end < 0) await this.#begin();
      else await this.#goOn();
    } finally {
      this.#busy = false;
    }
  }

  /** Reads a part before the first line. */
  async earlier(): Promise<void> {
    const to = this.start.peek();
    if (this.#busy || to === 0) return;
    this.#busy = true;
    try {
      const from = Math.max(0, to - CHUNK_BYTES);
      const { bytes } = await this.#read(from, to);
      const skipped = from === 0 ? 0 : afterLine(bytes);
      const text = new TextDecoder().decode(bytes.subarray(skipped));
      this.start.value = from + skipped;
      this.lines.value = [...text.replace(/\n$/, "").split("\n").map(plainLine), ...this.lines.peek()];
    } finally {
      this.#busy = false;
    }
  }

  async #begin(): Promise<void> {
    const { size } = await this.#read(0, 1);
    const from = Math.max(0, size - CHUNK_BYTES);
    const { bytes } = await this.#read(from, size);
    const skipped = from === 0 ? 0 : afterLine(bytes);
    this.#decoder = new TextDecoder();
    this.start.value = from + skipped;
    this.#end = from;
    this.#held = new Uint8Array();
    this.#take(bytes, skipped, size, []);
  }

  async #goOn(): Promise<void> {
    const from = this.#end - this.#held.length;
    const { bytes, size } = await this.#read(from, this.#end + CHUNK_BYTES);
    const same = size >= this.#end && this.#held.every((byte, at) => bytes[at] === byte);
    if (!same) {
      this.#end = -1;
      await this.#begin();
      return;
    }
    if (bytes.length > this.#held.length) this.#take(bytes, this.#held.length, size, this.lines.peek());
  }

  /** Appends bytes, of which the first ones are known or not wanted. */
  #take(bytes: Uint8Array, skipped: number, size: number, before: readonly string[]): void {
    const text = this.#decoder.decode(bytes.subarray(skipped), { stream: true });
    const [first = "", ...rest] = text.split("\n");
    const joined = [...before.slice(0, -1), plainLine((before.at(-1) ?? "") + first), ...rest.map(plainLine)];
    this.lines.value = joined.length > MOST_LINES ? joined.slice(-MOST_LINES) : joined;
    this.#end += bytes.length - this.#held.length;
    this.#held = bytes.slice(-OVERLAP_BYTES);
    this.size.value = size;
  }
}

/** Where the first whole line begins. */
function afterLine(bytes: Uint8Array): number {
  const at = bytes.indexOf(0x0a);
  return at < 0 ? 0 : at + 1;
}
