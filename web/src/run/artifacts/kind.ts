/** What kind of file an artifact is, which decides how it is shown. */

export type ArtifactKind =
  | "image"
  | "video"
  | "audio"
  | "pdf"
  | "html"
  | "markdown"
  | "json"
  | "table"
  | "parquet"
  | "text"
  | "unknown";

const KINDS: ReadonlyArray<readonly [ArtifactKind, readonly string[]]> = [
  ["image", ["png", "jpg", "jpeg", "gif", "webp", "svg", "bmp", "ico", "avif"]],
  ["video", ["mp4", "webm", "ogv", "m4v", "mov"]],
  ["audio", ["wav", "mp3", "ogg", "oga", "flac", "m4a", "opus", "aac"]],
  ["pdf", ["pdf"]],
  ["html", ["html", "htm"]],
  ["markdown", ["md", "markdown"]],
  ["json", ["json", "ipynb", "geojson"]],
  ["table", ["csv", "tsv", "tab"]],
  ["parquet", ["parquet", "pq"]],
  [
    "text",
    ["txt", "log", "out", "err", "py", "yaml", "yml", "toml", "ini", "cfg", "conf", "jsonl", "ndjson", "sh", "xml", "rst"],
  ],
];

const BY_ENDING = new Map(KINDS.flatMap(([kind, endings]) => endings.map((ending) => [ending, kind] as const)));

/** Judges by the name alone; "unknown" is to be judged by its bytes. */
export function kindOf(path: string): ArtifactKind {
  const ending = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  return BY_ENDING.get(ending) ?? "unknown";
}

/** Whether bytes are a text, as far as one can tell: UTF-8 (maybe cut off at its end) without control characters. */
export function looksLikeText(bytes: Uint8Array): boolean {
  for (const byte of bytes) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c && byte !== 0x1b) return false;
  }
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Whether a file is one that a job writes its output to. */
export function isLog(path: string): boolean {
  return /(^|\/)logs?\//i.test(path) || /\.(log|out|err)$/i.test(path) || /(^|\/)std(out|err)(\.\w+)?$/i.test(path);
}

const HEX_ROW = 16;

/** Writes bytes as a hex editor does: offset, 16 bytes, and what they are in ASCII. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += HEX_ROW) {
    const row = [...bytes.subarray(at, at + HEX_ROW)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const ascii = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(HEX_ROW * 3 - 1)}  ${ascii}`);
  }
  return lines.join("\n");
}
