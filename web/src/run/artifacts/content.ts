/** The bytes of artifacts, by plain requests of ranges. */

/** The address of a file, or of a folder with `?zip`. */
export function artifactUrl(runId: string, path: string): string {
  return `/artifacts/${encodeURIComponent(runId)}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

export interface Bytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The size of the whole file. */
  readonly size: number;
}

const OK = 200;
const PARTIAL = 206;
const BEYOND_THE_END = 416;

/**
 * Reads a part of a file; of one that is shorter, what there is.
 *
 * @throws Error with the server's words.
 */
export async function readRange(url: string, from: number, to: number, signal?: AbortSignal): Promise<Bytes> {
  if (to <= from) return { bytes: new Uint8Array(), size: from };
  const answer = await fetch(url, { headers: { Range: `bytes=${from}-${to - 1}` }, signal: signal ?? null, cache: "no-cache" });
  const total = /\/(\d+)$/.exec(answer.headers.get("Content-Range") ?? "")?.[1];
  if (answer.status === BEYOND_THE_END) return { bytes: new Uint8Array(), size: Number(total ?? from) };
  if (answer.status !== OK && answer.status !== PARTIAL) throw new Error(await whyNot(answer));
  const bytes = new Uint8Array(await answer.arrayBuffer());
  // Without a range in the answer it is the whole file.
  if (answer.status === OK) return { bytes: bytes.subarray(from, to), size: bytes.length };
  return { bytes, size: Number(total ?? from + bytes.length) };
}

async function whyNot(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said === "object" && said !== null && "message" in said && typeof said.message === "string") return said.message;
  } catch {
    // It has no more to say than its status.
  }
  return `the server answered ${answer.status} ${answer.statusText}`;
}
