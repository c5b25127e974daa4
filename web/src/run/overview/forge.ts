/** Where a commit can be read: a link made from a repository's address, or none where it is not safe. */

export interface Repository {
  /** The repository's page. */
  readonly url: string;
  /** How people name it: `github.com/owner/name`. */
  readonly label: string;
}

const COMMIT = /^[0-9a-f]{7,64}$/i;
const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i;
const SEGMENT = /^[\p{L}\p{N}._~+@-]+$/u;
/** `git@host:owner/name.git`, which is no URL; with a `//` it would be one. */
const SCP_FORM = /^(?:[\w.-]+@)?([^/:@\s]+):(?!\/\/)\/?([^\s]+)$/;
const SCHEMES = new Set(["http:", "https:", "ssh:", "git:", "git+ssh:", "git+https:"]);

/**
 * Returns the web page of a repository; null when its address leads to none, or to none that is safe.
 *
 * Whatever is made of the address is an http(s) URL without a password, of a plain host and plain path segments.
 */
export function repositoryOf(address: string): Repository | null {
  const place = placeOf(address.trim());
  if (place === null) return null;
  const { scheme, host, path } = place;
  const [name, port, ...more] = host.split(":");
  if (more.length > 0 || name === undefined || !HOST.test(name) || name.includes("..")) return null;
  if (port !== undefined && !/^\d{1,5}$/.test(port)) return null;
  const segments = path.replace(/\.git\/?$/, "").split("/").filter(Boolean);
  const plain = segments.every((part) => SEGMENT.test(part) && part !== "." && part !== "..");
  if (segments.length === 0 || !plain) return null;
  const tail = segments.map((part) => encodeURIComponent(part)).join("/");
  return { url: `${scheme}//${host.toLowerCase()}/${tail}`, label: `${host.toLowerCase()}/${segments.join("/")}` };
}

/** Returns the page of a commit on the forge that holds a repository; null when there is no safe one. */
export function commitUrl(address: string, commit: string): string | null {
  const found = repositoryOf(address);
  if (found === null || !COMMIT.test(commit)) return null;
  const host = new URL(found.url).hostname;
  if (host === "gitlab.com" || host.split(".").includes("gitlab")) return `${found.url}/-/commit/${commit}`;
  if (host === "bitbucket.org") return `${found.url}/commits/${commit}`;
  return `${found.url}/commit/${commit}`;
}

interface Place {
  readonly scheme: "http:" | "https:";
  readonly host: string;
  readonly path: string;
}

function placeOf(address: string): Place | null {
  if (address.includes("://")) {
    const url = parsed(address);
    if (url === null || !SCHEMES.has(url.protocol)) return null;
    // The ports of ssh and git serve no pages.
    const isWeb = url.protocol === "http:" || url.protocol === "https:";
    const path = unescaped(url.pathname);
    if (path === null) return null;
    return { scheme: url.protocol === "http:" ? "http:" : "https:", host: isWeb ? url.host : url.hostname, path };
  }
  const [, host, path] = SCP_FORM.exec(address) ?? [];
  // A single letter is a drive, not a host.
  if (host === undefined || path === undefined || host.length < 2) return null;
  return host.includes(".") || address.includes("@") ? { scheme: "https:", host, path } : null;
}

function parsed(address: string): URL | null {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}

function unescaped(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
