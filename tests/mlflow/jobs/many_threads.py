"""64 threads that log at once, each to a run of its own and all to a common one."""

from concurrent.futures import ThreadPoolExecutor

import mlflow
from mlflow.entities import Metric, Param, RunTag

THREADS = 64
STEPS = 10

client = mlflow.MlflowClient()
experiment_id = client.create_experiment("many threads")
common = client.create_run(experiment_id).info.run_id


def work(number: int) -> str:
    own = client.create_run(experiment_id).info.run_id
    for step in range(STEPS):
        client.log_metric(own, "m", step, step=step)
        client.log_batch(
            common,
            metrics=[Metric(f"m{number}", step, 1 + step, step)],
            params=[Param(f"p{number}", "same")],
            tags=[RunTag(f"t{number}", str(step))],
        )
    client.set_terminated(own)
    return own


with ThreadPoolExecutor(THREADS) as pool:
    runs = list(pool.map(work, range(THREADS)))

data = client.get_run(common).data
assert data.metrics == {f"m{number}": STEPS - 1 for number in range(THREADS)}, data.metrics
assert len(data.params) == THREADS, data.params
assert {key: value for key, value in data.tags.items() if key.startswith("t")} == {
    f"t{number}": str(STEPS - 1) for number in range(THREADS)
}, data.tags
for run_id in runs:
    assert [point.value for point in client.get_metric_history(run_id, "m")] == list(range(STEPS))
