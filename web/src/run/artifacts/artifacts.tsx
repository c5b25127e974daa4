/** The files of a run: a tree on one side, what is chosen on the other. */

import { useCallback, useEffect, useMemo } from "preact/hooks";
import { DigestState, type Artifact } from "../../api/gen/runstream/v1/artifact_pb";
import { href, navigate } from "../../routing/router";
import { formatBytes } from "../../ui/bytes";
import { Tree, type TreeRow } from "../../ui/tree";
import type { RunProps } from "../header";
import { isActive } from "../run-store";
import { artifactUrl } from "./content";
import { listedRows, Listing, listingOf } from "./listing";
import { Preview } from "./preview";
import { useRefresh } from "./refresh";
import "./artifacts.css";

export function Artifacts({ store, run, path }: RunProps & { readonly path: string }) {
  const { runId } = run;
  const listing = useMemo(() => new Listing(listingOf(runId)), [runId]);
  useEffect(() => void listing.reveal(path), [listing, path]);
  const refresh = useCallback(() => void listing.refresh(), [listing]);
  useRefresh(store, isActive(run), refresh);
  const listed = useMemo(
    () => listedRows(listing.folders.value, listing.expanded.value),
    [listing.folders.value, listing.expanded.value],
  );
  const rows = useMemo(() => listed.map((row) => treeRow(row, listing.expanded.value)), [listed, listing.expanded.value]);
  const onSight = useCallback(
    (last: number) => {
      for (const row of listed.slice(Math.max(0, last - 60), last + 1)) if (row.artifact === null) void listing.more(row.path);
    },
    [listed, listing],
  );
  const select = (id: string) => {
    const row = listed.find((each) => rowId(each) === id);
    if (row === undefined || row.artifact === null) return;
    if (row.artifact.directory && !listing.expanded.peek().has(row.path)) void listing.toggle(row.path, true);
    navigate(["runs", runId, "artifacts", ...row.path.split("/")]);
  };
  const top = listing.folders.value.get("");
  if (top?.state === "loaded" && top.artifacts.length === 0) {
    return <p class="run-notice muted">No artifacts were logged{isActive(run) ? " yet; they appear here as they come" : ""}.</p>;
  }
  return (
    <div class={`run-artifacts ${path === "" ? "" : "chosen"}`}>
      <div class="artifact-tree">
        <div class="artifact-bar">
          <a class="button" href={`${artifactUrl(runId, "")}?zip`} download>
            Download all
          </a>
          <button type="button" class="quiet" onClick={refresh} aria-label="Read the artifacts again" title="Read again">
            ⟳
          </button>
        </div>
        <Tree
          label="Artifacts"
          rows={rows}
          selected={path}
          onSelect={select}
          onToggle={(id, expanded) => void listing.toggle(id, expanded)}
          onSight={onSight}
        />
      </div>
      <div class="artifact-preview">
        {path === "" ? (
          <p class="muted">Choose a file to see it.</p>
        ) : (
          <>
            <a class="artifact-back" href={href(["runs", runId, "artifacts"])}>
              ‹ All artifacts
            </a>
            <Preview key={path} runId={runId} path={path} folder={listing.folders.value.get(path)} known={artifactAt(listed, path)} />
          </>
        )}
      </div>
    </div>
  );
}

type Listed = ReturnType<typeof listedRows>[number];

function artifactAt(listed: readonly Listed[], path: string): Artifact | null {
  return listed.find((row) => row.artifact !== null && row.path === path)?.artifact ?? null;
}

function rowId(row: Listed): string {
  return row.artifact === null ? `${row.path}/…` : row.path;
}

function treeRow(row: Listed, expanded: ReadonlySet<string>): TreeRow {
  const { path, depth, artifact, text } = row;
  if (artifact === null) return { id: rowId(row), label: text, depth, quiet: true };
  const label = path.slice(path.lastIndexOf("/") + 1);
  if (artifact.directory) return { id: path, label, depth, expanded: expanded.has(path) };
  const bad = artifact.digestState === DigestState.MISMATCH;
  return { id: path, label, depth, detail: `${bad ? "⚠ " : ""}${formatBytes(Number(artifact.sizeBytes))}` };
}
