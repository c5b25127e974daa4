/** Where the run's code came from, and where it ran. */

import type { ComponentChildren } from "preact";
import type { Run } from "../../api/gen/runstream/v1/run_pb";
import { copyText } from "../acts";
import { Card } from "./card";
import { CopyIcon } from "./copy-icon";
import { commitUrl, repositoryOf } from "./forge";

const SHORT_COMMIT = 10;
const ENVIRONMENT = /^runstream\.(?!source\.|host$)/;

export function Provenance({ run }: { readonly run: Run }) {
  const { source } = run;
  const environment = Object.entries(run.tags).filter(([key]) => ENVIRONMENT.test(key));
  return (
    <Card title="Source">
      <dl class="run-details">
        <Row name="Script" text={source?.name ?? ""} />
        <Row name="Type" text={source?.type === "LOCAL" ? "" : (source?.type ?? "")} />
        <Commit run={run} />
        <Row name="Branch" text={source?.gitBranch ?? ""} />
        <Repository address={source?.gitRepoUrl ?? ""} />
        <Row name="Host" text={source?.host ?? ""} />
        {environment.map(([key, value]) => (
          <Row key={key} name={key.replace(/^runstream\./, "")} text={value} />
        ))}
        <Row name="Artifacts" text={run.artifactUri} />
      </dl>
    </Card>
  );
}

function Row({ name, text }: { readonly name: string; readonly text: string }) {
  return text === "" ? null : <Fact name={name}>{<bdi class="mono">{text}</bdi>}</Fact>;
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Commit({ run }: { readonly run: Run }) {
  const commit = run.source?.gitCommit ?? "";
  if (commit === "") return null;
  const url = commitUrl(run.source?.gitRepoUrl ?? "", commit);
  const short = commit.slice(0, SHORT_COMMIT);
  const dirty = run.source?.gitDirty;
  return (
    <Fact name="Commit">
      {url === null ? (
        <code title={commit}>{short}</code>
      ) : (
        <a href={url} target="_blank" rel="noopener noreferrer" title={`${commit} at ${url}`}>
          <code>{short}</code>
        </a>
      )}{" "}
      <button
        type="button"
        class="quiet small"
        aria-label="Copy the commit"
        title="Copy"
        onClick={() => void copyText(commit, "the commit")}
      >
        <CopyIcon />
      </button>
      {dirty === true && (
        <span class="run-badge warning" title="The work tree held changes that are in no commit">
          with changes
        </span>
      )}
      {dirty === false && <span class="run-badge">clean</span>}
    </Fact>
  );
}

function Repository({ address }: { readonly address: string }) {
  if (address === "") return null;
  const found = repositoryOf(address);
  return (
    <Fact name="Repository">
      {found === null ? (
        <bdi class="mono">{address}</bdi>
      ) : (
        <a href={found.url} target="_blank" rel="noopener noreferrer">
          {found.label}
        </a>
      )}
    </Fact>
  );
}
