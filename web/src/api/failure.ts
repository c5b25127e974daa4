/** What the server says about a failed call beside its message. */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ConnectError } from "@connectrpc/connect";

export interface Failure {
  /** A name of ErrorReason without its prefix; empty when the server gave none. */
  readonly reason: string;
  readonly metadata: ReadonlyMap<string, string>;
}

const NONE: Failure = { reason: "", metadata: new Map() };
const ERROR_INFO = "google.rpc.ErrorInfo";

/** Reads the `google.rpc.ErrorInfo` of an error; an empty one when it has none. */
export function failureOf(error: unknown): Failure {
  const details = ConnectError.from(error).details;
  for (const detail of details) {
    if ("type" in detail && detail.type === ERROR_INFO && detail.value instanceof Uint8Array) {
      return errorInfo(detail.value);
    }
  }
  return NONE;
}

function errorInfo(bytes: Uint8Array): Failure {
  const metadata = new Map<string, string>();
  let reason = "";
  eachField(bytes, (field, reader) => {
    if (field === 1) reason = reader.string();
    else if (field === 3) metadata.set(...entry(reader.bytes()));
    else return false;
    return true;
  });
  return { reason, metadata };
}

function entry(bytes: Uint8Array): [string, string] {
  const pair: [string, string] = ["", ""];
  eachField(bytes, (field, reader) => {
    if (field !== 1 && field !== 2) return false;
    pair[field - 1] = reader.string();
    return true;
  });
  return pair;
}

/** Calls `read` at every field that has a length, and passes over those that it does not read. */
function eachField(bytes: Uint8Array, read: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type !== WireType.LengthDelimited || !read(field, reader)) reader.skip(type, field);
  }
}
