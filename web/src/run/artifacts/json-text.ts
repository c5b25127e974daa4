/** Lays JSON out in lines without changing what it says: numbers keep their digits, and doubled keys stay. */

const INDENT = "  ";

/** Returns the text in lines; null when it is not JSON. */
export function prettyJson(text: string): string | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  let depth = 0;
  let pretty = "";
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === "}" || token === "]") {
      depth--;
      // Empty ones stay in one line.
      pretty = /[{[]$/.test(pretty.trimEnd()) ? pretty.trimEnd() + token : pretty + lineAt(depth) + token;
      continue;
    }
    pretty += token === ":" ? ": " : token;
    if (token === "{" || token === "[") depth++;
    else if (token !== ",") continue;
    pretty += lineAt(depth);
  }
  return pretty;
}

function lineAt(depth: number): string {
  return `\n${INDENT.repeat(depth)}`;
}
