"""What the server holds of the demo's run, compared with what the training says."""

import io
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo_server import Server
from digits.data import load_digits
from digits.results import evaluate, read_checkpoint
from runstream import Client, Run
from runstream.entities import SeriesSummary

KIBIBYTE = 1024
EXPERIMENT = "digits"
RANKLESS = -1
TEXT_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the training says of itself: its run, and how many points each rank logged."""

    run_id: str
    points: list[int]

    @classmethod
    def of(cls, said: Mapping[str, str]) -> "Outcome":
        return cls(said["run"], [int(count) for count in said["points"].split(",")])


class Report:
    """Prints a run line by line, and keeps what is not as it should be.

    Attributes:
        problems: Says what is wrong. Empty if nothing is.
    """

    def __init__(self, client: Client, outcome: Outcome) -> None:
        self.problems: list[str] = []
        self._client = client
        self._outcome = outcome
        self._run = client.get_run(outcome.run_id)
        self._series = list(client.list_series(outcome.run_id))

    def print(self) -> None:
        """Prints all of it."""
        print("\nIn the server now:")
        self._print_run(self._run, "run")
        params = ", ".join(f"{key} {value}" for key, value in sorted(self._run.params.items()))
        self._line("params", *textwrap.wrap(params, TEXT_WIDTH))
        self._print_points()
        self._print_layers()
        self._print_artifacts(self._run.run_id)
        for child in self._client.search_runs(filter=f"parent_run_id = '{self._run.run_id}'"):
            self._print_run(child, "child run")
            self._print_artifacts(child.run_id)
        self._print_checks()

    def _print_run(self, run: Run, title: str) -> None:
        took = ""
        if run.start_time and run.end_time:
            took = f" in {(run.end_time - run.start_time).total_seconds():.1f} s"
        self._line(title, f"{run.name}  {run.run_id}  {run.status}{took}")
        metrics = ("loss", "accuracy", "validation/loss", "validation/accuracy")
        latest = (f"{key} {run.metrics[key]:.4g}" for key in metrics if key in run.metrics)
        self._line("latest", ", ".join(latest))
        if run.status != "FINISHED":
            self.problems.append(f"run {run.run_id} is {run.status}")

    def _print_points(self) -> None:
        arrived: Counter[int] = Counter()
        series: Counter[int] = Counter()
        for summary in self._series:
            rank = rank_of(summary)
            arrived[rank] += summary.count
            series[rank] += 1
        for rank, expected in enumerate(self._outcome.points):
            # A process that trains alone has no rank.
            found = rank if len(self._outcome.points) > 1 else RANKLESS
            text = f"{series[found]} series, {arrived[found]} of {expected} points"
            self._line(f"rank {rank}", text)
            if arrived[found] != expected:
                self.problems.append(f"of rank {rank}, {arrived[found]} of {expected} points came")

    def _print_layers(self) -> None:
        names = ("gradient_norm", "weight_norm", "activation_mean", "activation_std")
        self._line("", "".join(f"{name:>17}" for name in names))
        latest = self._run.metrics
        layer = 1
        while f"layer{layer}/{names[0]}" in latest:
            values = (latest[f"layer{layer}/{name}"] for name in names)
            self._line(f"layer {layer}", "".join(f"{value:>17.5f}" for value in values))
            layer += 1

    def _print_artifacts(self, run_id: str, path: str = "") -> None:
        for artifact in self._client.list_artifacts(run_id, path):
            if artifact.directory:
                self._print_artifacts(run_id, artifact.path)
            else:
                size = artifact.size_bytes / KIBIBYTE
                text = f"{artifact.path:<24}{size:>8.1f} KiB   SHA-256 {artifact.digest_state}"
                self._line("artifact", text)

    def _print_checks(self) -> None:
        checks: dict[str, Callable[[], bool]] = {
            "every point that was logged has arrived": lambda: not self.problems,
            "the losses of rank 0 are those it saw, bit for bit": self._losses_are_exact,
            "the checkpoint, downloaded, is as accurate as the run says": self._model_is_whole,
        }
        for text, check in checks.items():
            holds = check()
            self._line("checked" if holds else "WRONG", text)
            if not holds:
                self.problems.append(f"it does not hold that {text}")

    def _losses_are_exact(self) -> bool:
        history = self._client.history(self._run.run_id, ["loss"])["loss"]
        content = self._client.read_artifact(self._run.run_id, "curves/losses.npy")
        losses: NDArray[np.float64] = np.load(io.BytesIO(content))
        return np.asarray(history.value).tobytes() == losses.tobytes()

    def _model_is_whole(self) -> bool:
        content = self._client.read_artifact(self._run.run_id, "model/checkpoint.npz")
        _, validation = load_digits(int(self._run.params["seed"]))
        accuracy = evaluate(read_checkpoint(content), validation).accuracy
        return accuracy == self._run.metrics["validation/accuracy"]

    def _line(self, title: str, *texts: str) -> None:
        for text in texts:
            print(f"  {title:<11}{text}")
            title = ""


def report(server: Server, outcome: Outcome) -> list[str]:
    """Prints what the server holds of a run, and returns what is wrong with it."""
    with Client(server.uri) as client:
        written = Report(client, outcome)
        written.print()
    return written.problems


def rank_of(summary: SeriesSummary) -> int:
    return RANKLESS if summary.series.rank is None else summary.series.rank


def print_commands(server: Server, outcome: Outcome) -> None:
    """Says how to look at it by hand."""
    run = outcome.run_id
    host = server.grpc
    print(f"""
Look at it:
  export RUNSTREAM_TRACKING_URI={server.uri} PATH=$PWD/.venv/bin:$PATH
  runstream runs list --experiment {EXPERIMENT}
  runstream runs show {run}
  runstream runs watch {run} --history --key validation/accuracy
  runstream artifacts list {run} --recursive
  runstream artifacts download {run} --output /tmp/digits
  curl http://{server.http}/metrics
With tools for gRPC, by reflection:
  grpcurl -plaintext -d '{{"run_id": "{run}"}}' {host} runstream.v1.RunService/GetRun
  buf curl --protocol grpc --http2-prior-knowledge -d '{{"run_id": "{run}"}}' \\
      http://{host}/runstream.v1.RunService/GetRun
Train again, as fast as can be:
  python examples/train_digits.py""")
