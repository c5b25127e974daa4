/** The folders of a run's artifacts as far as they were looked into. */

import { signal } from "@preact/signals";
import type { Artifact } from "../../api/gen/runstream/v1/artifact_pb";
import { artifactsApi, messageOf } from "../../api/transport";

/** The server's answer to one page of a folder. */
export interface Page {
  readonly artifacts: readonly Artifact[];
  readonly nextPageToken: string;
}

export type ListPage = (path: string, pageToken: string) => Promise<Page>;

export interface Folder {
  readonly artifacts: readonly Artifact[];
  readonly next: string;
  readonly state: "loading" | "loaded" | "failed";
  readonly failure: string;
}

const PAGE = 1000;
/** A folder of more pages is read again by its last page only while it is shown. */
const LIVE_PAGES = 3;
const NOTHING: Folder = { artifacts: [], next: "", state: "loading", failure: "" };

/** Lists a run's folders from the server. */
export function listingOf(runId: string): ListPage {
  return (path, pageToken) => artifactsApi.listArtifacts({ runId, path, pageToken, pageSize: PAGE });
}

export class Listing {
  readonly folders = signal<ReadonlyMap<string, Folder>>(new Map());
  readonly expanded = signal<ReadonlySet<string>>(new Set([""]));
  readonly #list: ListPage;
  readonly #busy = new Set<string>();

  constructor(list: ListPage) {
    this.#list = list;
  }

  /** Opens or closes a folder; what it holds is read when it is first opened. */
  async toggle(path: string, expanded: boolean): Promise<void> {
    const all = new Set(this.expanded.peek());
    if (expanded) all.add(path);
    else all.delete(path);
    this.expanded.value = all;
    if (expanded) await this.open(path);
  }

  async open(path: string): Promise<void> {
    if (this.folders.peek().get(path)?.state === "loaded" || this.#busy.has(path)) return;
    this.#set(path, NOTHING);
    await this.#read(path, "", []);
  }

  /** Reads the next page of a folder, if there is one. */
  async more(path: string): Promise<void> {
    const folder = this.folders.peek().get(path);
    if (folder === undefined || folder.next === "" || this.#busy.has(path)) return;
    await this.#read(path, folder.next, folder.artifacts);
  }

  /** Opens all folders above a path. */
  async reveal(path: string): Promise<void> {
    const parts = path.split("/").slice(0, -1);
    const above = parts.map((_, at) => parts.slice(0, at + 1).join("/"));
    this.expanded.value = new Set([...this.expanded.peek(), "", ...above]);
    await Promise.all(["", ...above].map((each) => this.open(each)));
  }

  /** Reads the open folders again; those that were deleted vanish with their parents' rows. */
  async refresh(): Promise<void> {
    const open = [...this.expanded.peek()].filter((path) => this.folders.peek().has(path));
    await Promise.all(open.map((path) => this.#refreshFolder(path)));
  }

  async #refreshFolder(path: string): Promise<void> {
    const before = this.folders.peek().get(path);
    if (before === undefined || this.#busy.has(path) || before.artifacts.length > LIVE_PAGES * PAGE) return;
    const wanted = before.artifacts.length;
    await this.#read(path, "", []);
    while ((this.folders.peek().get(path)?.artifacts.length ?? wanted) < wanted) {
      const found = this.folders.peek().get(path);
      if (found === undefined || found.next === "" || found.state === "failed") return;
      await this.#read(path, found.next, found.artifacts);
    }
  }

  async #read(path: string, pageToken: string, before: readonly Artifact[]): Promise<void> {
    this.#busy.add(path);
    try {
      const page = await this.#list(path, pageToken);
      const artifacts = [...before, ...page.artifacts];
      this.#set(path, { artifacts, next: page.nextPageToken, state: "loaded", failure: "" });
    } catch (error) {
      const known = this.folders.peek().get(path) ?? NOTHING;
      this.#set(path, { ...known, state: "failed", failure: messageOf(error) });
    } finally {
      this.#busy.delete(path);
    }
  }

  #set(path: string, folder: Folder): void {
    this.folders.value = new Map(this.folders.peek()).set(path, folder);
  }
}

/** A row of the tree: an artifact, or that a folder holds more. */
export interface ListedRow {
  readonly path: string;
  readonly depth: number;
  readonly artifact: Artifact | null;
  /** Says what stands in place of an artifact. */
  readonly text: string;
}

/** The rows of all open folders, from top to bottom. */
export function listedRows(folders: ReadonlyMap<string, Folder>, expanded: ReadonlySet<string>): ListedRow[] {
  const rows: ListedRow[] = [];
  const add = (path: string, depth: number): void => {
    const folder = folders.get(path) ?? NOTHING;
    for (const artifact of folder.artifacts) {
      rows.push({ path: artifact.path, depth, artifact, text: "" });
      if (artifact.directory && expanded.has(artifact.path)) add(artifact.path, depth + 1);
    }
    const text = lastRow(folder);
    if (text !== "") rows.push({ path, depth, artifact: null, text });
  };
  add("", 0);
  return rows;
}

function lastRow(folder: Folder): string {
  if (folder.state === "failed") return folder.failure;
  if (folder.state === "loading") return "Loading …";
  if (folder.next !== "") return `${folder.artifacts.length} shown, loading more …`;
  return "";
}
