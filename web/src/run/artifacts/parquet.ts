/** Reads Parquet files by ranges. Loaded where there is one to show. */

import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";

export interface ParquetFile {
  readonly columns: readonly string[];
  readonly count: number;
  /** The rows from one number to before another, as texts. */
  readonly rows: (from: number, to: number) => Promise<string[][]>;
}

type ReadBytes = (from: number, to: number) => Promise<Uint8Array<ArrayBuffer>>;

/** Opens a file by its size and a way to its bytes. */
export async function openParquet(size: number, read: ReadBytes): Promise<ParquetFile> {
  const file: AsyncBuffer = {
    byteLength: size,
    slice: async (from, to = size) => {
      const bytes = await read(from, to);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    },
  };
  const metadata = await parquetMetadataAsync(file);
  const columns = parquetSchema(metadata).children.map((child) => child.element.name);
  return {
    columns,
    count: Number(metadata.num_rows),
    rows: async (rowStart, rowEnd) => {
      const rows = await parquetReadObjects({ file, metadata, rowStart, rowEnd });
      return rows.map((row) => columns.map((name) => textOf(row[name])));
    },
  };
}

/** A value as a person reads it. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "not a time" : value.toISOString();
  if (typeof value === "object") {
    return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
  }
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : "";
}
