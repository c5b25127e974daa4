/** The processes that log to the run: how each of them stands, and what of theirs was given up. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Writer } from "../../api/gen/runstream/v1/run_pb";
import { messageOf, runsApi } from "../../api/transport";
import { formatCount } from "../../ui/format";
import type { RunProps } from "../header";
import { isActive } from "../run-store";
import { Status } from "../status";
import { Card } from "./card";

const PAGE = 1000;
const REFRESH_MS = 3_000;

export function Writers({ store, run }: RunProps) {
  const writers = useSignal<readonly Writer[]>([]);
  const failure = useSignal("");
  const more = useSignal(false);
  const active = isActive(run);
  const { runId } = run;
  const beat = Math.floor((store.lastCommitUs.value ?? 0) / (REFRESH_MS * 1000));
  useEffect(() => {
    let wanted = true;
    runsApi.listWriters({ runId, pageSize: PAGE }).then(
      (answer) => {
        if (!wanted) return;
        writers.value = answer.writers;
        more.value = answer.nextPageToken !== "";
        failure.value = "";
      },
      (error: unknown) => wanted && (failure.value = messageOf(error)),
    );
    return () => {
      wanted = false;
    };
  }, [runId, beat, active, writers, failure, more]);
  if (writers.value.length === 0 && failure.value === "") return null;
  return (
    <Card title="Writers" count={`${formatCount(writers.value.length)}${more.value ? "+" : ""}`}>
      {failure.value !== "" && <p class="failure">{failure.value}</p>}
      <ul class="run-plain-list writers">
        {writers.value.map((writer) => (
          <WriterLine key={writer.writerId} writer={writer} />
        ))}
      </ul>
    </Card>
  );
}

function WriterLine({ writer }: { readonly writer: Writer }) {
  const given = writer.skipped.reduce((sum, each) => sum + each.count, 0n);
  return (
    <li>
      <span class="writer-line">
        <b>{writer.rank === undefined ? "process" : `rank ${writer.rank}`}</b>
        <Status status={writer.status} />
        <span class="muted">{formatCount(Number(writer.nextRow))} rows</span>
      </span>
      {writer.statusMessage !== "" && <pre class="writer-message">{writer.statusMessage}</pre>}
      {given > 0n && (
        <div class="writer-skipped">
          <b>{formatCount(Number(given))} rows given up:</b>
          <ul>
            {writer.skipped.map((each) => (
              <li key={String(each.firstRow)}>
                {formatCount(Number(each.count))} from row {String(each.firstRow)}: {each.reason}
              </li>
            ))}
          </ul>
        </div>
      )}
    </li>
  );
}
