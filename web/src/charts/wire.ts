/**
 * Reads the columns of charts straight into typed arrays.
 *
 * They are little-endian numbers end to end on the wire already; an object a number would cost many times the drawing.
 */

import { clone, create, createFileRegistry, type DescFile, type DescMethod, type DescMethodServerStreaming, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { FieldDescriptorProto_Type, type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type GetChartRequestSchema, MetricService } from "../api/gen/runstream/v1/metric_service_pb";
import { transport } from "../api/transport";
import { type BucketColumns, Line } from "./line";

/** A message of the answer, whose series are left as bytes. */
interface RawChartResponse {
  readonly series: readonly Uint8Array[];
  readonly cursors: Readonly<Record<string, bigint>>;
}

/** The contract's own method, but for the one field that is to stay bytes. */
function rawMethod(): DescMethodServerStreaming {
  const files = new Map<string, FileDescriptorProto>();
  collect(MetricService.file, files);
  const file = clone(FileDescriptorProtoSchema, MetricService.file.proto);
  const field = file.messageType.find(({ name }) => name === "GetChartResponse")?.field.find(({ name }) => name === "series");
  if (field === undefined) throw new Error("the contract has no GetChartResponse.series");
  field.type = FieldDescriptorProto_Type.BYTES;
  field.typeName = "";
  files.set(file.name, file);
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [...files.values()] }));
  const method = registry.getService(MetricService.typeName)?.method["getChart"];
  if (method === undefined || !isServerStream(method)) throw new Error("the contract has no stream GetChart");
  return method;
}

function isServerStream(method: DescMethod): method is DescMethodServerStreaming {
  return method.methodKind === "server_streaming";
}

/** Files come after those that they import. */
function collect(file: DescFile, into: Map<string, FileDescriptorProto>): void {
  for (const needed of file.dependencies) collect(needed, into);
  into.set(file.proto.name, file.proto);
}

let method: DescMethodServerStreaming | null = null;

/** Asks for a chart; yields lines as they come, and the cursors that they are as of. */
export async function* readChart(
  request: MessageInitShape<typeof GetChartRequestSchema>,
  signal: AbortSignal,
): AsyncIterable<{ readonly lines: Line[]; readonly cursors: ReadonlyMap<string, bigint> }> {
  const found = (method ??= rawMethod());
  const asked = (async function* () {
    await Promise.resolve();
    yield create(found.input, request as Record<string, unknown>);
  })();
  const answer = await transport.stream(found, signal, undefined, undefined, asked);
  for await (const message of answer.message) {
    const { series, cursors } = message as unknown as RawChartResponse;
    yield { lines: series.map(decodeLine), cursors: new Map(Object.entries(cursors)) };
  }
}

const NAMES = { 4: "xFirst", 5: "xLast", 6: "count", 7: "nanCount", 8: "first", 9: "last", 10: "min", 11: "max", 12: "sum" } as const;

/** Reads a ChartSeries. */
export function decodeLine(bytes: Uint8Array): Line {
  const reader = new BinaryReader(bytes);
  const columns: Partial<BucketColumns> = {};
  let runId = "";
  let width = 0;
  let series = { key: "", rank: null as number | null, attempt: 0 };
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) runId = reader.string();
    else if (number === 2) series = decodeSeries(reader.bytes());
    else if (number === 3) width = Number(reader.uint64());
    else if (number in NAMES && wire === WireType.LengthDelimited) {
      const name = NAMES[number as keyof typeof NAMES];
      columns[name] = joined(columns[name], decodeColumn(number, reader.bytes()));
    } else reader.skip(wire, number);
  }
  const size = columns.xFirst?.length ?? 0;
  const whole = Object.fromEntries(Object.values(NAMES).map((name) => [name, columns[name] ?? new Float64Array(size)]));
  return new Line({ runId, ...series }, width, whole as unknown as BucketColumns);
}

function decodeColumn(number: number, bytes: Uint8Array): Float64Array {
  if (number <= 5) return integersOf(bytes);
  return number <= 7 ? countsOf(bytes) : new Float64Array(bytes.slice().buffer);
}

/** Integers beyond 2^53 lose their last digits: good enough for a place on a screen. */
function integersOf(bytes: Uint8Array): Float64Array {
  const halves = new Int32Array(bytes.slice().buffer);
  const result = new Float64Array(halves.length / 2);
  for (let at = 0; at < result.length; at++) {
    result[at] = (halves[2 * at + 1] ?? 0) * 2 ** 32 + ((halves[2 * at] ?? 0) >>> 0);
  }
  return result;
}

function countsOf(bytes: Uint8Array): Float64Array {
  const result = new Float64Array(bytes.length);
  let size = 0;
  for (let at = 0; at < bytes.length; size++) {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    result[size] = value;
  }
  return result.subarray(0, size);
}

function joined(before: Float64Array | undefined, more: Float64Array): Float64Array {
  if (before === undefined || before.length === 0) return more;
  const result = new Float64Array(before.length + more.length);
  result.set(before);
  result.set(more, before.length);
  return result;
}

function decodeSeries(bytes: Uint8Array): { key: string; rank: number | null; attempt: number } {
  const reader = new BinaryReader(bytes);
  const series = { key: "", rank: null as number | null, attempt: 0 };
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) series.key = reader.string();
    else if (number === 2) series.rank = reader.uint32();
    else if (number === 3) series.attempt = reader.uint32();
    else reader.skip(wire, number);
  }
  return series;
}
