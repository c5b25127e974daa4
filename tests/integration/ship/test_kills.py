"""Shippers, servers and trainings die at any moment: every row is there, and there once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults.checks import doubled_rows
from tests.integration.ship.real_runs import (
    get_run,
    get_writer,
    histories,
    kill_shipper,
    numbered,
    shipped_spool,
)
from tests.integration.ship.spools import log_numbered, new_writer
from tests.support.server import ServerProcess, StartServer, wait_until

from runstream._ship import ensure_shipper, sync, wait_delivered
from runstream._ship.election import is_shipper_alive, shipper_pid
from runstream._spool import SpoolWriter, scan

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

TIMEOUT_S = 120.0
KILLS = 12
WRITERS = 3

TRAINING = """
import sys
from pathlib import Path
from tests.integration.ship.spools import log_numbered, new_writer
writer = new_writer(Path(sys.argv[1]), sys.argv[2], run_id=sys.argv[3])
number = 0
while True:
    log_numbered(writer, 100, first=number)
    number += 100
    print(number, flush=True)
"""


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Path]:
    with shipped_spool(tmp_path / "spool") as directory:
        yield directory


class Training:
    """Writers that log rows, operations and files, from a thread, until they are told to end."""

    def __init__(self, spool: Path, uri: str) -> None:
        self.run_id = uuid.uuid4().hex
        self.writers = [
            new_writer(spool, uri, run_id=self.run_id, rank=rank, segment_bytes=256 * 1024)
            for rank in range(WRITERS)
        ]
        self.params = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._log)
        self._thread.start()

    def end(self) -> None:
        self._ending.set()
        self._thread.join()
        self.writers[0].operation({"op": "finish_run", "status": "FINISHED"})
        for writer in self.writers:
            writer.close()

    def _log(self) -> None:
        chance = random.Random(self.run_id)
        while not self._ending.is_set():
            writer = chance.choice(self.writers)
            log_numbered(writer, chance.randint(1, 400), first=writer.rows)
            if chance.random() < 0.05:
                rank = self.writers.index(writer)
                writer.operation({"op": "log_params", "params": {f"p{self.params}": str(rank)}})
                writer.artifact(bytes([rank]) * 100_000, f"files/{self.params}")
                self.params += 1
            time.sleep(0.002)


def check(server: ServerProcess, training: Training) -> None:
    """Compares everything that was logged with everything that the server has."""
    run = get_run(server, training.run_id)
    assert len(run.params) == training.params
    for rank, writer in enumerate(training.writers):
        known = get_writer(server, writer)
        assert (known.next_row, list(known.skipped)) == (writer.rows, [])
        assert histories(server, training.run_id, [rank]) == numbered(writer.rows)
    total = sum(writer.rows for writer in training.writers)
    assert doubled_rows(server.data_dir, training.run_id, total) == 0


def kept_up(spool: Path, uri: str, ending: threading.Event) -> threading.Thread:
    """Starts the shipper again whenever it is gone, as training processes do."""

    def watch() -> None:
        while not ending.is_set():
            if not is_shipper_alive(spool):
                ensure_shipper(spool, uri)
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def play(spool: Path, uri: str, act: Callable[[random.Random], None]) -> Training:
    """Trains while `act` happens again and again; returns once everything is delivered."""
    chance = random.Random(7)
    training = Training(spool, uri)
    ending = threading.Event()
    watcher = kept_up(spool, uri, ending)
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.0, 0.8))
            act(chance)
    finally:
        training.end()
        ending.set()
        watcher.join()
    report = wait_delivered(spool, run_id=training.run_id, timeout_s=TIMEOUT_S)
    assert report.delivered, (report, (spool / "shipper.log").read_text()[-5000:])
    assert report.rejected == 0
    return training


def test_shippers_die_at_random_moments(server: ServerProcess, spool: Path) -> None:
    killed = 0

    def act(chance: random.Random) -> None:
        nonlocal killed
        wait_until(lambda: shipper_pid(spool) is not None, TIMEOUT_S)
        time.sleep(chance.uniform(0.0, 0.5))
        killed += kill_shipper(spool)

    training = play(spool, f"grpc://{server.grpc_address}", act)

    check(server, training)
    assert killed == KILLS


def test_servers_die_at_random_moments(server: ServerProcess, spool: Path) -> None:
    def act(_: random.Random) -> None:
        server.kill9()
        server.start()

    training = play(spool, f"grpc://{server.grpc_address}", act)

    check(server, training)


def test_shippers_and_servers_die_at_random_moments(server: ServerProcess, spool: Path) -> None:
    def act(chance: random.Random) -> None:
        if chance.random() < 0.6:
            kill_shipper(spool)
        if chance.random() < 0.4:
            server.kill9()
            if chance.random() < 0.5:
                kill_shipper(spool)
            server.start()

    training = play(spool, f"grpc://{server.grpc_address}", act)

    check(server, training)


def test_shippers_that_stop_in_order_lose_nothing_either(
    server: ServerProcess, spool: Path
) -> None:
    def act(_: random.Random) -> None:
        kill_shipper(spool, signal.SIGTERM)

    training = play(spool, f"grpc://{server.grpc_address}", act)

    check(server, training)


def killed_training(spool: Path, uri: str, run_id: str) -> int:
    """Trains in a process that is killed; returns how many rows it says to have logged."""
    command = [sys.executable, "-c", TRAINING, str(spool), uri, run_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            logged = 0
            while logged < 20_000:
                logged = int(process.stdout.readline())
        finally:
            process.kill()
        return max([logged, *map(int, process.stdout.read().split())])


def test_what_was_logged_survives_the_death_of_the_training_process(
    start_server: StartServer, spool: Path
) -> None:
    server = start_server()
    uri, run_id = f"grpc://{server.grpc_address}", uuid.uuid4().hex
    logged = killed_training(spool, uri, run_id)

    report = sync(spool, timeout_s=TIMEOUT_S)

    assert report.delivered, report
    (writer,) = (spool_writer for spool_writer in scan(spool))
    assert writer.run_id == run_id
    found = histories(server, run_id)
    assert len(found["loss"]) >= logged
    assert found == numbered(len(found["loss"]))
    assert doubled_rows(server.data_dir, run_id, len(found["loss"])) == 0


def test_a_broken_writer_does_not_hold_up_the_others(server: ServerProcess, spool: Path) -> None:
    uri = f"grpc://{server.grpc_address}"
    good: list[SpoolWriter] = []
    for number in range(4):
        writer = new_writer(spool, uri)
        log_numbered(writer, 50)
        writer.close()
        if number == 2:
            (writer.folder / "00000000.seg").write_bytes(b"RSTSPOOL" + b"\xff" * 500)
        else:
            good.append(writer)

    report = sync(spool, timeout_s=TIMEOUT_S)

    assert (report.writers, report.delivered_writers) == (4, 3)
    for writer in good:
        assert histories(server, writer.run_id) == numbered(50)
    wait_until(lambda: not is_shipper_alive(spool))
