/** The content of a file, shown as what it is. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Artifact } from "../../api/gen/runstream/v1/artifact_pb";
import { isAborted } from "../../api/transport";
import { artifactUrl, readRange } from "./content";
import { type ArtifactKind, hexDump, kindOf, looksLikeText } from "./kind";
import { ParquetContent } from "./parquet-content";
import { CsvContent } from "./csv-content";
import { TextContent } from "./text-content";

const JUDGED_BYTES = 4096;
const HEX_BYTES = 512;
/** Greater ones are left to programs that are made for them. */
const MEDIA_BYTES = 2 ** 31;

export interface ContentProps {
  readonly runId: string;
  readonly artifact: Artifact;
}

export function Content({ runId, artifact }: ContentProps) {
  const { path } = artifact;
  const url = artifactUrl(runId, path);
  const size = Number(artifact.sizeBytes);
  if (size === 0) return <p class="muted">The file is empty.</p>;
  const kind = kindOf(path);
  if (kind === "unknown") return <Judged url={url} size={size} />;
  return <Shown kind={kind} url={url} path={path} size={size} />;
}

interface ShownProps {
  readonly kind: ArtifactKind;
  readonly url: string;
  readonly path: string;
  readonly size: number;
}

function Shown({ kind, url, path, size }: ShownProps) {
  switch (kind) {
    case "image":
      return <Picture url={url} path={path} />;
    case "video":
      return <video class="file-media" controls preload="metadata" src={url} />;
    case "audio":
      return <audio class="file-media" controls preload="metadata" src={url} />;
    case "pdf":
      return (
        <p>
          <a href={url} target="_blank" rel="noopener">
            Open the PDF in a tab of its own
          </a>
        </p>
      );
    case "html":
      // The empty sandbox: no scripts, no forms, no way out of the frame, an origin of its own.
      return <iframe class="html-frame" sandbox="" title={`Content of ${path}`} src={url} referrerpolicy="no-referrer" />;
    case "table":
      return <CsvContent url={url} path={path} size={size} />;
    case "parquet":
      return <ParquetContent url={url} size={size} />;
    default:
      return <TextContent url={url} size={size} as={kind === "json" || kind === "markdown" ? kind : "text"} />;
  }
}

function Picture({ url, path }: { readonly url: string; readonly path: string }) {
  const failed = useSignal(false);
  const whole = useSignal(false);
  if (failed.value) return <p class="failure">The browser cannot show this picture.</p>;
  return (
    <button
      type="button"
      class={`file-picture ${whole.value ? "whole" : ""}`}
      aria-label={whole.value ? "Fit the picture into the page" : "Show the picture in its own size"}
      onClick={() => (whole.value = !whole.peek())}
    >
      <img src={url} alt={path} onError={() => (failed.value = true)} />
    </button>
  );
}

/** A file whose name says nothing: its first bytes decide. */
function Judged({ url, size }: { readonly url: string; readonly size: number }) {
  const head = useSignal<Uint8Array | null>(null);
  const failure = useSignal("");
  useEffect(() => {
    const stop = new AbortController();
    readRange(url, 0, Math.min(size, JUDGED_BYTES), stop.signal).then(
      ({ bytes }) => (head.value = bytes),
      (error: unknown) => isAborted(error) || (failure.value = String(error)),
    );
    return () => stop.abort();
  }, [url, size, head, failure]);
  if (failure.value !== "") return <p class="failure">{failure.value}</p>;
  if (head.value === null) return <p class="muted">Loading …</p>;
  if (looksLikeText(head.value) && size < MEDIA_BYTES) return <TextContent url={url} size={size} as="text" />;
  return (
    <>
      <p class="muted">Not a text. Its first {Math.min(size, HEX_BYTES)} bytes:</p>
      <pre class="file-text" tabIndex={0} aria-label="First bytes">
        {hexDump(head.value.subarray(0, HEX_BYTES))}
      </pre>
    </>
  );
}
