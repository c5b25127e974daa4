/** Where the page is: a path and a view, both in the part of the address after `#`. */

import { computed, type ReadonlySignal, signal } from "@preact/signals";

export interface Route {
  /** The parts of the path, decoded: `["experiments", "3"]`. */
  readonly path: readonly string[];
  /** What the view shows, where that differs from the default. */
  readonly query: ReadonlyMap<string, string>;
}

/** Changes of a view: null removes a name. */
export type QueryChanges = Readonly<Record<string, string | null>>;

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

export const route: ReadonlySignal<Route> = computed(() => parseHash(hash.value));

/** Reads a hash; broken escapes are taken as they are. */
export function parseHash(text: string): Route {
  const [path, query] = splitOnce(text.replace(/^#/, ""), "?");
  return {
    path: path.split("/").filter(Boolean).map(decoded),
    query: new Map(new URLSearchParams(query)),
  };
}

/** Writes a hash that `parseHash` reads back. */
export function href(path: readonly string[], query: Iterable<readonly [string, string]> = []): string {
  const pairs = [...query].map(([name, value]) => `${readable(name)}=${readable(value)}`);
  return `#/${path.map((part) => readable(part).replaceAll("+", "%20")).join("/")}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`;
}

/** Goes to another page, as a new entry of the browser's history. */
export function navigate(path: readonly string[], query: Iterable<readonly [string, string]> = []): void {
  location.hash = href(path, query);
  hash.value = location.hash;
}

/** Changes the view of this page; `push` makes it an entry of the browser's history. */
export function updateQuery(changes: QueryChanges, options: { readonly push?: boolean } = {}): void {
  const query = new Map(route.peek().query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  const target = href(route.peek().path, query);
  if (target === location.hash) return;
  if (options.push === true) history.pushState(null, "", target);
  else history.replaceState(null, "", target);
  hash.value = target;
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Escapes what would end or change a part, and leaves what a person wants to read. */
function readable(part: string): string {
  return encodeURIComponent(part).replace(/%(2C|3A|20|5B|5D|3E|3C|40|24)/g, (escaped) =>
    escaped === "%20" ? "+" : decodeURIComponent(escaped),
  );
}
