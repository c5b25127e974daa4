import subprocess
import sys

import pytest

import runstream

NAMES = """
Aborted ActiveRun AlreadyExists Artifact AsyncClient Chart Client DataLoss Experiment
FailedPrecondition History InvalidValue MetricPoint NotFound OutOfRange ResourceExhausted Run
RunStateError RunStatus RunstreamError Series ServerError ServerUnavailable SpoolError
UnsupportedSpool ViewType __version__ active_run create_experiment delete_tag end_run
get_artifact_uri get_run get_tracking_uri log_artifact log_artifacts log_dict log_figure log_image
log_metric log_metrics log_param log_params log_text search_runs set_experiment set_tag set_tags
set_tracking_uri start_run
"""
HEAVY = {"asyncio", "google.protobuf", "grpc", "numpy", "pandas"}


def modules_after(statement: str) -> set[str]:
    program = f"{statement}\nimport sys; print('\\n'.join(sys.modules))"
    command = [sys.executable, "-c", program]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_exports_these_names_and_no_others() -> None:
    assert runstream.__all__ == NAMES.split()


@pytest.mark.parametrize("name", NAMES.split())
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(runstream, name) is not None
    assert name in dir(runstream)


def test_a_name_that_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'log_model'"):
        runstream.log_model  # noqa: B018 - raises


def test_logging_to_the_spool_needs_neither_grpc_nor_numpy() -> None:
    loaded = modules_after(
        "import runstream, tempfile\n"
        "runstream.set_tracking_uri('file:' + tempfile.mkdtemp())\n"
        "with runstream.start_run() as run:\n"
        "    run.log({'loss': 1.0}); run.log_params({'lr': 1}); run.log_text('a', 'a.txt')"
    )

    assert not HEAVY & loaded
