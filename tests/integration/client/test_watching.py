import threading

import pytest
from tests.integration.client.conftest import MakeClient
from tests.support.server import ServerProcess

from runstream import MetricPoint
from runstream.errors import ServerUnavailable


def test_watching_goes_on_over_a_restart_of_the_server_without_a_hole(
    make_client: MakeClient, server: ServerProcess
) -> None:
    client = make_client(server)
    run_id = client.create_run().run_id
    updates = client.watch_run(run_id)
    next(updates)
    seen: set[int] = set()

    def log_and_restart() -> None:
        writing = make_client(server)
        for step in range(6):
            if step in {2, 4}:
                server.kill9()
                server.start()
            writing.log_metrics(run_id, [MetricPoint(key="a", value=step, step=step)])

    thread = threading.Thread(target=log_and_restart)
    thread.start()
    for update in updates:
        seen |= {int(step) for points in update.series for step in points.step}
        if len(seen) == 6:
            break
    thread.join()

    assert seen == set(range(6))


def test_watching_ends_when_the_server_stays_away(
    make_client: MakeClient, server: ServerProcess
) -> None:
    client = make_client(server)
    run_id = client.create_run().run_id
    updates = client.watch_run(run_id, reconnect_for_s=0.5)
    next(updates)

    server.kill9()

    with pytest.raises(ServerUnavailable):
        for _ in updates:
            pass


def test_calls_that_do_no_harm_when_repeated_outlast_a_restart(
    make_client: MakeClient, server: ServerProcess
) -> None:
    client = make_client(server)
    run_id = client.create_run().run_id
    server.kill9()
    starting = threading.Thread(target=server.start)
    starting.start()

    client.set_tags(run_id, {"a": "b"})
    starting.join()

    assert client.get_run(run_id).tags["a"] == "b"
