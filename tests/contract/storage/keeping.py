"""Makes a store that can be kept, for the day when programs have a newer schema.

`PYTHONPATH=OLD/client:OLD/server python -m tests.contract.storage.keeping NAME` makes, by the
program in the folder OLD, `kept/NAME.tar.xz`, the data folder of a server that was killed, and
`kept/NAME.json`, what that server told of its contents.
"""

import contextlib
import json
import sqlite3
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from runstream.v1.server_service_pb2 import GetServerInfoRequest
from runstream.v1.server_service_pb2_grpc import ServerServiceStub
from tests.contract.storage.contents import contents
from tests.contract.storage.filling import fill, fill_tail
from tests.support.server import ServerProcess, wait_until

KEPT = Path(__file__).parent / "kept"
QUICK: Any = {"seal_age": "0.2s", "seal_size": "20KB", "log_retention": "1s"}
NEVER: Any = {"seal_age": "30d", "seal_size": "1GB", "log_retention": "30d"}


def keep(name: str) -> None:
    """Makes the files of a store of this name."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        with ServerProcess(data_dir, **QUICK) as server, server.channel() as channel:
            fill(channel, server.grpc_address)
            wait_until(lambda: settled(data_dir), 120, "everything is sealed")
            server.kill9()
        with ServerProcess(data_dir, **NEVER) as server, server.channel() as channel:
            fill_tail(channel, server.grpc_address)
            info = ServerServiceStub(channel).GetServerInfo(GetServerInfoRequest())
            sys.stdout.write(f"schema {info.schema_version}\n")
            told = json.dumps(contents(channel), ensure_ascii=False, indent=1, sort_keys=True)
            server.kill9()
        (KEPT / f"{name}.json").write_text(f"{told}\n")
        with contextlib.closing(sqlite3.connect(data_dir / "runstream.db")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with tarfile.open(KEPT / f"{name}.tar.xz", "w:xz") as archive:
            for part in ("runstream.db", "artifacts"):
                archive.add(data_dir / part, part, filter=anonymous)


def settled(data_dir: Path) -> bool:
    """Whether all of the log is sealed, and old blocks and sealed log are gone."""
    with contextlib.closing(sqlite3.connect(data_dir / "runstream.db", timeout=30)) as database:
        (unsealed,) = database.execute(
            "SELECT count(*) FROM log_heads WHERE sealed_position < next_position"
        ).fetchone()
        (trimmed,) = database.execute("SELECT sum(trimmed_position) FROM log_heads").fetchone()
        return bool(unsealed == 0 and trimmed > 0)


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Makes a member nobody's."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    keep(sys.argv[1])
