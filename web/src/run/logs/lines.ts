/** Text that a program wrote for a terminal, as lines for a page. */

// eslint-disable-next-line no-control-regex -- these are what is looked for
const ESCAPES = /\u001b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])/g;
const MOST_CHARS = 10_000;

/** Takes colours and other orders to a terminal out of a line; of a line that was overwritten, the last text stays. */
export function plainLine(line: string): string {
  const text = (line.includes("\u001b") ? line.replace(ESCAPES, "") : line).replace(/\r+$/, "");
  const last = text.slice(text.lastIndexOf("\r") + 1);
  return last.length > MOST_CHARS ? `${last.slice(0, MOST_CHARS)} …` : last;
}

/** The numbers of the lines that hold a text, whatever its case. */
export function linesWith(lines: readonly string[], searched: string): number[] {
  const text = searched.toLowerCase();
  const found: number[] = [];
  if (text === "") return found;
  lines.forEach((line, at) => {
    if (line.toLowerCase().includes(text)) found.push(at);
  });
  return found;
}
