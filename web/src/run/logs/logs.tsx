/** What the run's programs wrote, followed while it grows. */

import { useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { isAborted, messageOf } from "../../api/transport";
import { href, navigate } from "../../routing/router";
import { artifactUrl, readRange } from "../artifacts/content";
import { listingOf } from "../artifacts/listing";
import { useRefresh } from "../artifacts/refresh";
import type { RunProps } from "../header";
import { isActive } from "../run-store";
import { findLogs } from "./find-logs";
import { LogView } from "./log-view";
import { Tail } from "./tail";
import "./logs.css";

export function Logs({ store, run, path }: RunProps & { readonly path: string }) {
  const { runId } = run;
  const found = useSignal<readonly string[] | null>(null);
  const failure = useSignal("");
  const active = isActive(run);
  const look = useCallback(() => {
    findLogs(listingOf(runId)).then(
      (paths) => {
        found.value = paths;
        failure.value = "";
      },
      (error: unknown) => (failure.value = messageOf(error)),
    );
  }, [runId, found, failure]);
  useRefresh(store, active, look);
  const shown = path === "" ? (found.value?.[0] ?? "") : path;
  const choices = [...new Set([...(found.value ?? []), ...(shown === "" ? [] : [shown])])];
  if (failure.value !== "" && shown === "") return <p class="run-notice failure">{failure.value}</p>;
  if (shown === "") return found.value === null ? <p class="run-notice muted">Loading …</p> : <NoLogs runId={runId} />;
  return (
    <div class="run-logs">
      <LogFile
        key={shown}
        runId={runId}
        path={shown}
        active={active}
        choice={
          <select
            aria-label="Log"
            value={shown}
            onChange={(event) => navigate(["runs", runId, "logs", ...event.currentTarget.value.split("/")])}
          >
            {choices.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        }
      />
    </div>
  );
}

function NoLogs({ runId }: { readonly runId: string }) {
  return (
    <div class="run-notice">
      <p>No logs were found among the artifacts of this run.</p>
      <p class="muted">
        Files in a folder <code>logs</code>, and files that are called <code>*.log</code>, <code>stdout</code> or{" "}
        <code>stderr</code>, appear here by themselves: <code>run.log_artifact("train.log", "logs")</code> now and then. Any
        other text can be followed from the <a href={href(["runs", runId, "artifacts"])}>artifacts</a> by its address:{" "}
        <code>#/runs/…/logs/path/of/file</code>.
      </p>
    </div>
  );
}

interface LogFileProps {
  readonly runId: string;
  readonly path: string;
  readonly active: boolean;
  readonly choice: preact.ComponentChildren;
}

const POLL_MS = 1_500;

function LogFile({ runId, path, active, choice }: LogFileProps) {
  const tail = useSignal<Tail | null>(null);
  const failure = useSignal("");
  useEffect(() => {
    const stop = new AbortController();
    const url = artifactUrl(runId, path);
    const followed = new Tail((from, to) => readRange(url, from, to, stop.signal));
    const poll = () => {
      if (document.hidden && tail.peek() === followed) return;
      followed.poll().then(
        () => {
          tail.value = followed;
          failure.value = "";
        },
        (error: unknown) => isAborted(error) || (failure.value = messageOf(error)),
      );
    };
    poll();
    const timer = active ? setInterval(poll, POLL_MS) : undefined;
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [runId, path, active, tail, failure]);
  return (
    <>
      {failure.value !== "" && <p class="failure">{failure.value}</p>}
      {tail.value === null ? (
        <p class="run-notice muted">{failure.value === "" ? "Loading …" : ""}</p>
      ) : (
        <LogView tail={tail.value} active={active} choice={choice} downloadUrl={`${artifactUrl(runId, path)}?download`} />
      )}
    </>
  );
}
