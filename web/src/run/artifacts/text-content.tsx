/** A text file, as much of it as was asked for. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isAborted } from "../../api/transport";
import { formatBytes } from "../../ui/bytes";
import { Markdown } from "../../ui/markdown";
import { readRange } from "./content";
import { prettyJson } from "./json-text";

export const CHUNK_BYTES = 1024 * 1024;

export interface TextContentProps {
  readonly url: string;
  readonly size: number;
  readonly as: "text" | "json" | "markdown";
}

export function TextContent({ url, size, as }: TextContentProps) {
  const chunks = useSignal<readonly string[]>([]);
  const read = useSignal(0);
  const wanted = useSignal(CHUNK_BYTES);
  const failure = useSignal("");
  const raw = useSignal(false);
  const to = Math.min(wanted.value, size);
  useEffect(() => {
    const stop = new AbortController();
    const from = read.peek();
    if (from >= to) return;
    readRange(url, from, to, stop.signal).then(
      ({ bytes }) => {
        const whole = from + bytes.length >= size ? bytes.length : wholeCharacters(bytes);
        chunks.value = [...chunks.peek(), new TextDecoder().decode(bytes.subarray(0, whole))];
        read.value = from + whole;
      },
      (error: unknown) => isAborted(error) || (failure.value = String(error)),
    );
    return () => stop.abort();
  }, [url, size, to, chunks, read, failure]);
  if (failure.value !== "") return <p class="failure">{failure.value}</p>;
  if (chunks.value.length === 0) return <p class="muted">Loading …</p>;
  const complete = read.value >= size;
  return (
    <>
      {as !== "text" && complete && (
        <p class="raw-toggle">
          <label>
            <input type="checkbox" checked={raw.value} onChange={() => (raw.value = !raw.peek())} /> as it is in the file
          </label>
        </p>
      )}
      <Body chunks={chunks.value} as={raw.value || !complete ? "text" : as} />
      {!complete && (
        <p class="more-line">
          {formatBytes(read.value)} of {formatBytes(size)}{" "}
          <button type="button" onClick={() => (wanted.value = read.peek() + CHUNK_BYTES)}>
            Show more
          </button>
        </p>
      )}
    </>
  );
}

function Body({ chunks, as }: { readonly chunks: readonly string[]; readonly as: TextContentProps["as"] }) {
  const text = as === "text" ? "" : chunks.join("");
  if (as === "markdown") return <Markdown text={text} />;
  const pretty = as === "json" ? prettyJson(text) : null;
  return (
    <>
      {as === "json" && pretty === null && <p class="warning">This is not valid JSON; it is shown as it is.</p>}
      <div class="file-text" tabIndex={0} role="region" aria-label="Content">
        {(pretty === null ? chunks : [pretty]).map((chunk, at) => (
          <pre key={at}>{chunk}</pre>
        ))}
      </div>
    </>
  );
}

/** How many bytes are whole characters of UTF-8: the last character may go on in the next part. */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
