/** What the server tells of the runs in sight while they are at work. */

import { RunStatus } from "../api/gen/runstream/v1/run_pb";
import { watch } from "../live/hub";
import { microseconds } from "../ui/format";
import type { Line } from "./grouping";
import type { RunList } from "./run-list";

/** Whoever scrolls on at once follows nothing on the way. */
const SETTLE_MS = 250;
/** How often the metrics of runs that have new points are read again. */
const REREAD_MS = 2_000;

interface Followed {
  readonly ids: string;
  readonly stop: () => void;
}

const followed = new WeakMap<RunList, Followed>();

/** Follows the runs at work among `lines`; to be called at every drawing. */
export function followVisible(list: RunList, lines: readonly Line[]): () => void {
  const ids = lines.flatMap((line) => (line.kind === "run" && isAtWork(line) ? [line.row.runId] : []));
  const key = ids.join();
  const before = followed.get(list);
  if (before?.ids !== key) {
    before?.stop();
    followed.set(list, { ids: key, stop: follow(list, ids) });
  }
  return () => undefined;
}

/** Ends what `followVisible` began. */
export function unfollow(list: RunList): void {
  followed.get(list)?.stop();
  followed.delete(list);
}

function isAtWork(line: Extract<Line, { kind: "run" }>): boolean {
  return !line.row.deleted && [RunStatus.RUNNING, RunStatus.SCHEDULED].includes(line.row.status);
}

function follow(list: RunList, ids: readonly string[]): () => void {
  if (ids.length === 0) return () => undefined;
  const stops: (() => void)[] = [];
  const grown = new Set<string>();
  let rereading: ReturnType<typeof setTimeout> | undefined;
  const grow = (runId: string) => {
    grown.add(runId);
    rereading ??= setTimeout(() => {
      rereading = undefined;
      void list.rereadRuns([...grown]);
      grown.clear();
    }, REREAD_MS);
  };
  const settled = setTimeout(() => {
    for (const runId of ids) {
      stops.push(
        watch({
          runId,
          onRun: (run) => list.take(run),
          onCommit: (time) => {
            const lastCommitUs = microseconds(time);
            if (list.row(runId)?.lastCommitUs === lastCommitUs) return;
            list.update(runId, (row) => ({ ...row, lastCommitUs }));
            grow(runId);
          },
        }),
      );
    }
  }, SETTLE_MS);
  return () => {
    clearTimeout(settled);
    clearTimeout(rereading);
    for (const stop of stops) stop();
  };
}
