"""Every training script pays for `import runstream`, so it stays free of heavy modules."""

import subprocess
import sys

HEAVY = ["google.protobuf", "grpc", "numpy", "runstream_server", "sqlalchemy"]


def modules_loaded_by(statement: str) -> set[str]:
    program = f"{statement}; import sys; print('\\n'.join(sys.modules))"
    command = [sys.executable, "-c", program]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_importing_runstream_loads_no_heavy_module() -> None:
    loaded = modules_loaded_by("import runstream")

    assert "runstream" in loaded
    assert not loaded.intersection(HEAVY)


def test_the_stubs_import_under_their_documented_name() -> None:
    loaded = modules_loaded_by("from runstream.v1 import metric_service_pb2_grpc")

    assert {"grpc", "google.protobuf", "runstream.v1.metric_service_pb2"} <= loaded
