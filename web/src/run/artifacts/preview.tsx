/** One artifact: what it is, and its content as far as it can be shown. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Artifact, DigestState } from "../../api/gen/runstream/v1/artifact_pb";
import { artifactsApi, messageOf } from "../../api/transport";
import { href } from "../../routing/router";
import { formatBytes } from "../../ui/bytes";
import { formatTime, microseconds } from "../../ui/format";
import { copyText } from "../acts";
import { artifactUrl } from "./content";
import { isLog } from "./kind";
import type { Folder } from "./listing";
import { Content } from "./show";

export interface PreviewProps {
  readonly runId: string;
  readonly path: string;
  /** What the tree knows of it. */
  readonly known: Artifact | null;
  readonly folder: Folder | undefined;
}

export function Preview({ runId, path, known, folder }: PreviewProps) {
  const asked = useSignal<Artifact | null>(null);
  const failure = useSignal("");
  useEffect(() => {
    // The tree may be pages away from it.
    if (known !== null) return;
    artifactsApi.listArtifacts({ runId, path, pageSize: 1 }).then(
      ({ artifacts: [first] }) => {
        if (first === undefined) failure.value = "There is no such artifact.";
        else asked.value = first.path === path ? first : { ...first, path, directory: true, sizeBytes: 0n };
      },
      (error: unknown) => (failure.value = messageOf(error)),
    );
  }, [runId, path, known, asked, failure]);
  const artifact = known ?? asked.value;
  if (artifact === null) return <p class={failure.value === "" ? "muted" : "failure"}>{failure.value || "Loading …"}</p>;
  return (
    <>
      <Head runId={runId} artifact={artifact} />
      {artifact.directory ? <FolderContent folder={folder} /> : <Content key={version(artifact)} runId={runId} artifact={artifact} />}
    </>
  );
}

/** Tells one content of a path from the next. */
function version(artifact: Artifact): string {
  const time = artifact.updateTime;
  return `${artifact.sizeBytes} ${time?.seconds ?? 0n}.${time?.nanos ?? 0}`;
}

function Head({ runId, artifact }: { readonly runId: string; readonly artifact: Artifact }) {
  const { path, directory } = artifact;
  const url = artifactUrl(runId, path);
  const timeUs = microseconds(artifact.updateTime);
  return (
    <header class="artifact-head">
      <h2>
        <bdi>{path}</bdi>
      </h2>
      <span class="artifact-acts">
        {!directory && isLog(path) && (
          <a class="button" href={href(["runs", runId, "logs", ...path.split("/")])}>
            Follow
          </a>
        )}
        <button type="button" onClick={() => void copyText(path, "the path")}>
          Copy path
        </button>
        <a class="button" href={directory ? `${url}?zip` : `${url}?download`} download>
          {directory ? "Download as zip" : "Download"}
        </a>
      </span>
      {!directory && (
        <p class="muted">
          {formatBytes(Number(artifact.sizeBytes))}
          {timeUs !== null && ` · ${formatTime(timeUs)}`} · <Digest artifact={artifact} />
        </p>
      )}
    </header>
  );
}

function Digest({ artifact }: { readonly artifact: Artifact }) {
  const sha = [...artifact.sha256].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  switch (artifact.digestState) {
    case DigestState.VERIFIED:
      return <span title={`SHA-256 ${sha}`}>verified: it is what was sent</span>;
    case DigestState.PENDING:
      return <span title={`SHA-256 ${sha}`}>not yet compared with what was sent</span>;
    case DigestState.MISMATCH:
      return (
        <b class="failure" title={`SHA-256 ${sha}`}>
          damaged: it differs from what was sent
        </b>
      );
    default:
      return <span>no digest to compare with</span>;
  }
}

function FolderContent({ folder }: { readonly folder: Folder | undefined }) {
  if (folder === undefined || folder.state === "loading") return <p class="muted">Folder</p>;
  const files = folder.artifacts.filter((each) => !each.directory);
  const size = files.reduce((sum, each) => sum + Number(each.sizeBytes), 0);
  const more = folder.next === "" ? "" : "more than ";
  return (
    <p class="muted">
      Folder of {more}
      {files.length} files ({formatBytes(size)}) and {folder.artifacts.length - files.length} folders.
    </p>
  );
}
