"""`runstream import mlflow`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runstream.cli.arguments import Commands, add_server, client_for
from runstream.cli.exits import ExitCode
from runstream.cli.import_progress import ImportProgress
from runstream.cli.output import print_json, print_pairs, print_table

if TYPE_CHECKING:
    from runstream.importing.artifacts import Places
    from runstream.importing.report import Placed, Report
    from runstream.importing.source import Source

__all__ = ["add"]

DEFAULT_EXPERIMENT_ID = "0"
RETRY_FOR_S = 60.0
"""How long a server may be away in between."""
DESCRIPTION = """\
Moves experiments, runs, their params, tags, metrics and artifacts, datasets and logged models from
MLflow to a server. The source is only read, and may be in use. It is safe to interrupt and to
repeat: what is there already is not moved again."""


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser("import", help="move runs from another tracking store")
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    mlflow = kinds.add_parser(
        "mlflow",
        help="from a database or an mlruns folder of MLflow",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    mlflow.add_argument(
        "source",
        metavar="SRC",
        help="sqlite:///PATH, postgresql://… or another database URI, or an mlruns folder",
    )
    mlflow.add_argument(
        "--artifacts-root",
        type=Path,
        metavar="DIR",
        help="where the old server kept its artifacts, its --artifacts-destination",
    )
    mlflow.add_argument("--no-artifacts", action="store_true", help="leave all artifacts")
    mlflow.add_argument("--dry-run", action="store_true", help="say what there is, move nothing")
    add_server(mlflow)
    mlflow.set_defaults(run=import_mlflow)


def import_mlflow(arguments: argparse.Namespace) -> int:
    """Moves a store, or says what is in it."""
    from runstream.importing.artifacts import Places
    from runstream.importing.opening import open_source

    with open_source(arguments.source) as source:
        root = arguments.artifacts_root
        if root is not None and not root.is_dir():
            raise NotADirectoryError(f"there is no folder {root}: --artifacts-root")
        places = Places(relative_to=source.folder, root=root)
        if arguments.dry_run:
            return _tell_content(source, places, as_json=arguments.json)
        report = _move(source, None if arguments.no_artifacts else places, arguments)
    if arguments.json:
        print_json(_as_json(report))
    else:
        _tell(report)
    return ExitCode.OK if report.complete else ExitCode.UNDELIVERED


def _move(source: "Source", places: "Places | None", arguments: argparse.Namespace) -> "Report":
    from runstream.client import Client
    from runstream.importing.importer import import_store

    with client_for(arguments) as client:
        client.server_info()  # says soon that there is no server, if so
        uri = client.uri
    patient = Client(uri, timeout_s=2 * RETRY_FOR_S, retry_for_s=RETRY_FOR_S)
    with patient as client, ImportProgress() as progress:
        return import_store(source, client, places, progress.show)


def _tell(report: "Report") -> None:
    changed = [one for one in report.placed if _is_changed(one)]
    if changed:
        print("experiments that are not as they were:")
        print_table(
            ("MLFLOW ID", "MLFLOW NAME", "ID", "NAME", "HOW"),
            (
                (one.source_id, one.source_name, one.experiment_id, one.name, one.how)
                for one in changed
            ),
        )
    already = f" ({report.present:,} were there already)" if report.present else ""
    print(
        f"moved {report.runs:,} runs{already} of {len(report.placed):,} experiments and "
        f"{report.models:,} logged models in {report.seconds:.1f} s:"
    )
    rate = report.points / report.seconds if report.seconds else 0.0
    print(f"  {report.points:,} points ({rate:,.0f} a second)")
    print(f"  {report.params:,} params, {report.tags:,} tags, {report.inputs:,} inputs and outputs")
    print(f"  {report.files:,} files, {report.file_bytes:,} bytes")
    for note in report.notes:
        print(f"note: {note}")
    for problem in report.problems:
        print(f"not moved: {problem}")
    for place, count in sorted(report.elsewhere.items()):
        print(f"not copied: the artifacts of {count:,} runs or models in {place}")
    if any(place.startswith("mlflow-artifacts:") for place in report.elsewhere):
        print("  for those of mlflow-artifacts: say --artifacts-root, or --no-artifacts")


def _is_changed(one: "Placed") -> bool:
    if (one.source_id, one.source_name) != (one.experiment_id, one.name):
        return True
    return one.how == "merged" and one.experiment_id != DEFAULT_EXPERIMENT_ID


def _as_json(report: "Report") -> dict[str, object]:
    names = (
        "runs present models params tags points inputs files file_bytes seconds placed problems "
        "notes elsewhere"
    )
    return {name: getattr(report, name) for name in names.split()}


def _tell_content(source: "Source", places: "Places", *, as_json: bool) -> int:
    from runstream.importing.inventory import take_inventory

    found = take_inventory(source, places)
    if as_json:
        print_json(found)
        return ExitCode.OK
    print_table(
        ("ID", "NAME", "STAGE", "RUNS", "DELETED"),
        (
            (one.experiment_id, one.name, one.stage, str(one.runs), str(one.deleted_runs))
            for one in found.experiments
        ),
    )
    print_pairs(
        [
            ("runs", f"{found.runs:,}"),
            ("params", f"{found.params:,}"),
            ("tags", f"{found.tags:,}"),
            ("points", f"{found.points:,}"),
            ("inputs and outputs", f"{found.inputs:,}"),
            ("logged models", f"{found.models:,}"),
            ("files", f"{found.files:,}"),
        ]
    )
    for place, count in sorted(found.elsewhere.items()):
        print(f"not here: the artifacts of {count:,} runs or models in {place}")
    for run_id in found.bad_run_ids:
        print(f"cannot be moved: run {run_id}, whose id is not 32 lower-case hexadecimal digits")
    for why in found.unreadable:
        print(f"cannot be moved: {why}")
    return ExitCode.OK
