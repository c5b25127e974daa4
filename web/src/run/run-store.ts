/** One run as a page shows it: read once, and kept up to date by the live stream. */

import { Code, ConnectError } from "@connectrpc/connect";
import { type ReadonlySignal, signal } from "@preact/signals";
import { type Run, RunStatus } from "../api/gen/runstream/v1/run_pb";
import { LifecycleStage } from "../api/gen/runstream/v1/experiment_pb";
import { isUnreachable, messageOf, runsApi } from "../api/transport";
import { watch } from "../live/hub";
import { microseconds } from "../ui/format";

const RETRY_MS = 2_000;

export class RunStore {
  readonly runId: string;
  readonly #run = signal<Run | null>(null);
  readonly #failure = signal("");
  readonly #missing = signal(false);
  readonly #lastCommitUs = signal<number | null>(null);
  #ended = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #unfollow: () => void = () => undefined;

  constructor(runId: string) {
    this.runId = runId;
  }

  /** The run without metrics, with inputs and outputs. */
  get run(): ReadonlySignal<Run | null> {
    return this.#run;
  }

  get failure(): ReadonlySignal<string> {
    return this.#failure;
  }

  get missing(): ReadonlySignal<boolean> {
    return this.#missing;
  }

  /** When the newest points were committed; grows while a job logs. */
  get lastCommitUs(): ReadonlySignal<number | null> {
    return this.#lastCommitUs;
  }

  /** Reads the run and follows it until what is returned is called. */
  start(): () => void {
    this.#ended = false;
    void this.read();
    this.#follow();
    return () => {
      this.#ended = true;
      clearTimeout(this.#retry);
      this.#unfollow();
    };
  }

  #follow(): void {
    this.#unfollow();
    this.#unfollow = watch({
      runId: this.runId,
      // What comes live lacks inputs and outputs.
      onRun: () => void this.read(),
      onCommit: (time) => this.#committed(microseconds(time)),
    });
  }

  /** Reads the run again, as after an act of this page. */
  async read(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      const { run } = await runsApi.getRun({ runId: this.runId, omitMetrics: true });
      if (run === undefined) return;
      this.#run.value = run;
      this.#failure.value = "";
      this.#committed(microseconds(run.lastCommitTime));
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const { code } = ConnectError.from(error);
    this.#missing.value = code === Code.NotFound || code === Code.InvalidArgument;
    this.#failure.value = messageOf(error);
    // A job prints its run's address before the run has arrived here.
    const mayCome = isUnreachable(error) || code === Code.NotFound;
    if (mayCome && !this.#ended) this.#retry = setTimeout(() => this.#readAgain(), RETRY_MS);
  }

  #readAgain(): void {
    void this.read();
    // The stream gave the run up when there was none.
    if (this.#missing.peek()) this.#follow();
  }

  #committed(timeUs: number | null): void {
    if (timeUs !== null && timeUs > (this.#lastCommitUs.peek() ?? 0)) this.#lastCommitUs.value = timeUs;
  }
}

/** Whether more may come of a run. */
export function isActive(run: Run): boolean {
  return run.status === RunStatus.RUNNING || run.status === RunStatus.SCHEDULED;
}

export function isDeleted(run: Run): boolean {
  return run.lifecycleStage === LifecycleStage.DELETED;
}
