/** Reads comma-separated values (RFC 4180), and what passes for them. */

const SEPARATORS = [",", "\t", ";", "|"] as const;
const SAMPLE_CHARS = 10_000;

/** Rows of fields. A row that the end of the text cuts off is the last one. */
export function parseCsv(text: string, separator: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith("\ufeff") ? 1 : 0;
  while (at < text.length) {
    const field = text[at] === '"' ? quoted(text, at, separator) : plain(text, at, separator);
    row.push(field.value);
    at = field.end;
    if (text[at] === separator) {
      at++;
      // A separator at the very end has an empty field behind it.
      if (at < text.length) continue;
      row.push("");
    }
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    at++;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** Which separator the first lines of a text use, by what its name says and else by what occurs most. */
export function separatorOf(text: string, path: string): string {
  if (/\.(tsv|tab)$/i.test(path)) return "\t";
  const sample = text.slice(0, SAMPLE_CHARS).replace(/"(?:[^"]|"")*"/g, "");
  const line = sample.split(/\r?\n/, 1)[0] ?? "";
  const counts = SEPARATORS.map((each) => line.split(each).length - 1);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ",";
}

interface Field {
  readonly value: string;
  readonly end: number;
}

function plain(text: string, from: number, separator: string): Field {
  let end = from;
  while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r") end++;
  return { value: text.slice(from, end), end };
}

function quoted(text: string, from: number, separator: string): Field {
  let value = "";
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return { value: value + text.slice(at), end: text.length };
    value += text.slice(at, quote);
    if (text[quote + 1] === '"') {
      value += '"';
      at = quote + 2;
      continue;
    }
    // What stands between the quote and the separator is kept: a file that breaks the rule loses nothing.
    const rest = plain(text, quote + 1, separator);
    return { value: value + rest.value, end: rest.end };
  }
}
