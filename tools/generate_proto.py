"""Writes the Python stubs of proto/ into client/, or checks that the committed ones are current.

Runs in the venv of tools/proto-requirements.txt: `make proto`, and `make lint` for the check.
"""

import argparse
import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO_ROOT = ROOT / "proto"
PYTHON_ROOT = ROOT / "client"
PACKAGE = Path("runstream/v1")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on a difference")
    if parser.parse_args().check:
        return check_stubs()
    for stale in find_stubs(PYTHON_ROOT):
        (PYTHON_ROOT / stale).unlink()
    generate_stubs(PYTHON_ROOT)
    return 0


def generate_stubs(out: Path) -> None:
    """Writes messages for every proto file, gRPC stubs for the `*_service` ones, types for both."""
    protos = sorted(
        path.relative_to(PROTO_ROOT).as_posix() for path in (PROTO_ROOT / PACKAGE).glob("*.proto")
    )
    services = [proto for proto in protos if proto.endswith("_service.proto")]
    # proto path = Python path, so the imports inside the stubs need no rewriting.
    run_protoc([f"--python_out={out}", f"--mypy_out=quiet:{out}"], protos)
    run_protoc([f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}"], services)


def run_protoc(outputs: list[str], protos: list[str]) -> None:
    scripts = Path(sys.executable).parent
    plugins = [
        f"--plugin={name}={scripts / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
    ]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTO_ROOT}"]
    subprocess.run([*command, *plugins, *outputs, *protos], check=True)


def check_stubs() -> int:
    with tempfile.TemporaryDirectory() as folder:
        fresh_root = Path(folder)
        generate_stubs(fresh_root)
        committed, fresh = find_stubs(PYTHON_ROOT), find_stubs(fresh_root)
        differing = sorted(
            stub
            for stub in committed | fresh
            if stub not in committed & fresh
            or not filecmp.cmp(PYTHON_ROOT / stub, fresh_root / stub, shallow=False)
        )
    for stub in differing:
        print(f"{PYTHON_ROOT.name}/{stub} is not what proto/ generates; run `make proto`")
    return 1 if differing else 0


def find_stubs(root: Path) -> set[Path]:
    """Returns the generated files under `root`, relative to it."""
    return {path.relative_to(root) for path in (root / PACKAGE).glob("*_pb2*.py*")}


if __name__ == "__main__":
    sys.exit(main())
