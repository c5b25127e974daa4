"""`runstream runs`."""

import argparse
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from runstream.cli.arguments import Commands, add_server, add_view, client_for, view_of
from runstream.cli.exits import ExitCode
from runstream.cli.interrupts import heard_interrupts
from runstream.cli.output import age_text, print_json, print_pairs, print_table, time_text

if TYPE_CHECKING:
    from runstream.client import Client
    from runstream.entities import Run, RunUpdate, SeriesPoints

__all__ = ["add"]

SHOWN_METRICS = 50


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser("runs", help="list, show and watch runs")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list runs", description="Lists runs.")
    listing.add_argument(
        "--experiment", action="append", default=[], metavar="NAME", help="repeatable; default: all"
    )
    listing.add_argument("--filter", default="", help="for example: 'metrics.loss < 0.1'")
    listing.add_argument(
        "--order-by", action="append", default=[], help="for example: 'metrics.loss'; repeatable"
    )
    add_view(listing)
    add_server(listing)
    listing.set_defaults(run=list_runs)
    show = actions.add_parser("show", help="show a run", description="Shows a run.")
    show.add_argument("run_id")
    add_server(show)
    show.set_defaults(run=show_run)
    watch = actions.add_parser(
        "watch",
        help="print a run's new points until it ends",
        description="Prints the points of a run as they are committed, until the run ends.",
    )
    watch.add_argument("run_id")
    watch.add_argument("--key", action="append", default=[], help="this metric; repeatable")
    watch.add_argument("--history", action="store_true", help="begin with what was logged so far")
    add_server(watch)
    watch.set_defaults(run=watch_run)


def list_runs(arguments: argparse.Namespace) -> int:
    """Lists runs."""
    with client_for(arguments) as client:
        ids = [client.get_experiment_by_name(name).experiment_id for name in arguments.experiment]
        found = client.search_runs(
            ids,
            arguments.filter,
            order_by=arguments.order_by,
            view_type=view_of(arguments),
            omit_metrics=not arguments.json,
        )
        runs = list(islice(found, arguments.max_results))
    if arguments.json:
        print_json(runs)
    else:
        print_table(("RUN ID", "NAME", "STATUS", "STARTED", "TOOK"), map(_row, runs))
    return ExitCode.OK


def show_run(arguments: argparse.Namespace) -> int:
    """Shows a run."""
    with client_for(arguments) as client:
        run = client.get_run(arguments.run_id)
        writers = list(client.list_writers(arguments.run_id))
    if arguments.json:
        print_json({"run": run, "writers": writers})
        return ExitCode.OK
    print_pairs(_pairs(run))
    failed = [writer for writer in writers if writer.status_message]
    for writer in failed:
        who = "" if writer.rank is None else f" rank {writer.rank}"
        print(f"\nwriter {writer.writer_id}{who} {writer.status}:\n{writer.status_message}")
    return ExitCode.OK


def watch_run(arguments: argparse.Namespace) -> int:
    """Prints the points of a run as they are committed."""
    with heard_interrupts(), client_for(arguments) as client:
        for update in _updates(client, arguments):
            if arguments.json:
                print_json(update, indent=None)
            else:
                for points in update.series:
                    _print_points(points)
            if update.run is not None and update.run.status.is_ended:
                if not arguments.json:
                    print(f"the run has ended: {update.run.status}")
                break
    return ExitCode.OK


def _updates(client: "Client", arguments: argparse.Namespace) -> "Iterator[RunUpdate]":
    from runstream.entities import RunUpdate

    cursor = None
    if arguments.history:
        history = client.history(arguments.run_id, arguments.key)
        cursor = history.cursor
        yield RunUpdate(cursor=cursor, series=tuple(history.series.values()))
    yield from client.watch_run(arguments.run_id, cursor=cursor, keys=arguments.key)


def _print_points(points: "SeriesPoints") -> None:
    name = points.series.key
    if points.series.rank is not None:
        name += f" [{points.series.rank}]"
    for step, value in zip(points.step, points.value, strict=True):
        print(f"{step:>10}  {name}  {value:g}")


def _row(run: "Run") -> tuple[str, ...]:
    took = age_text(run.start_time, run.end_time)
    return (run.run_id, run.name, run.status, time_text(run.start_time), took)


def _pairs(run: "Run") -> Iterator[tuple[str, str]]:
    yield "run id", run.run_id
    yield "name", run.name
    yield "experiment id", run.experiment_id
    yield "status", run.status
    yield "started", time_text(run.start_time)
    yield "ended", time_text(run.end_time)
    yield "artifacts", run.artifact_uri
    for key, value in sorted(run.params.items()):
        yield f"param {key}", value
    for key, value in sorted(run.tags.items()):
        yield f"tag {key}", value
    for key in sorted(run.latest_metrics)[:SHOWN_METRICS]:
        latest = run.latest_metrics[key]
        yield f"metric {key}", f"{latest.value:g} at step {latest.step}"
    if len(run.latest_metrics) > SHOWN_METRICS:
        yield "metrics", f"{len(run.latest_metrics)} in all: --json lists them"
