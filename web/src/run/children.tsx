/** The runs that are nested in this one. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { messageOf, runsApi } from "../api/transport";
import { href } from "../routing/router";
import { runColor } from "../ui/colors";
import { formatAgo, formatDuration, formatNumber, formatTime, microseconds } from "../ui/format";
import type { RunProps } from "./header";
import { useNow } from "./now";
import { isActive } from "./run-store";
import { Status } from "./status";

const PAGE = 100;
const METRICS_SHOWN = 4;
const REFRESH_MS = 5_000;

export function Children({ run }: RunProps) {
  const children = useSignal<readonly Run[]>([]);
  const next = useSignal("");
  const failure = useSignal("");
  const loaded = useSignal(false);
  const { runId } = run;
  const active = isActive(run);
  useEffect(() => {
    let wanted = true;
    const read = () => {
      // What was paged to is not thrown away.
      if (document.hidden || children.peek().length > PAGE) return;
      searchChildren(runId, "").then(
        (answer) => {
          if (!wanted) return;
          children.value = answer.runs;
          next.value = answer.nextPageToken;
          failure.value = "";
          loaded.value = true;
        },
        (error: unknown) => wanted && (failure.value = messageOf(error)),
      );
    };
    read();
    const timer = active ? setInterval(read, REFRESH_MS) : undefined;
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [runId, active, children, next, failure, loaded]);
  const more = async () => {
    try {
      const answer = await searchChildren(runId, next.peek());
      children.value = [...children.peek(), ...answer.runs];
      next.value = answer.nextPageToken;
    } catch (error) {
      failure.value = messageOf(error);
    }
  };
  return (
    <div class="run-section">
      {failure.value !== "" && <p class="failure">{failure.value}</p>}
      {children.value.length > 0 && <ChildTable runs={children.value} />}
      {loaded.value && children.value.length === 0 && <p class="muted">No run is nested in this one.</p>}
      {next.value !== "" && (
        <button type="button" onClick={() => void more()}>
          Show more
        </button>
      )}
    </div>
  );
}

function searchChildren(runId: string, pageToken: string) {
  // Ids are hexadecimal digits, but an address may hold anything.
  const filter = `parent_run_id = '${runId.replaceAll("'", "''")}'`;
  return runsApi.searchRuns({ filter, orderBy: ["start_time ASC"], pageSize: PAGE, pageToken, omitInputs: true });
}

function ChildTable({ runs }: { readonly runs: readonly Run[] }) {
  const now = useNow(true).value;
  const keys = [...new Set(runs.flatMap((run) => run.metrics.map((metric) => metric.key)))].slice(0, METRICS_SHOWN);
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Child runs">
      <table class="run-children">
        <thead>
          <tr>
            {["Run", "Status", "Started", "Duration", ...keys].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <ChildRow key={run.runId} run={run} keys={keys} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ChildRowProps {
  readonly run: Run;
  readonly keys: readonly string[];
  readonly now: number;
}

function ChildRow({ run, keys, now }: ChildRowProps) {
  const startUs = microseconds(run.startTime);
  const endUs = microseconds(run.endTime) ?? (isActive(run) ? now : null);
  const values = new Map(run.metrics.map((metric) => [metric.key, metric.value]));
  return (
    <tr>
      <th scope="row">
        <span class="run-dot" style={{ background: runColor(run.runId) }} />{" "}
        <a href={href(["runs", run.runId])}>{run.name}</a>
      </th>
      <td>
        <Status status={run.status} />
      </td>
      <td title={startUs === null ? "" : formatTime(startUs)}>{startUs === null ? "" : formatAgo(startUs, now)}</td>
      <td>{startUs === null || endUs === null ? "" : formatDuration(Math.max(0, endUs - startUs))}</td>
      {keys.map((key) => {
        const value = values.get(key);
        return <td key={key}>{value === undefined ? "" : formatNumber(value)}</td>;
      })}
    </tr>
  );
}
