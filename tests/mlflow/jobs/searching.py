"""Searches with every kind of filter and order, over runs and experiments."""

import math

import mlflow
from mlflow.entities import ViewType

client = mlflow.MlflowClient()
experiment_id = client.create_experiment("searching", tags={"kind": "grid", "a.b": "c"})
names: dict[str, str] = {}
for number in range(30):
    tags = {"parity": "odd" if number % 2 else "even", "mlflow.runName": f"run-{number:02}"}
    run = client.create_run(experiment_id, start_time=1000 * (number + 1), tags=tags)
    names[run.info.run_id] = f"run-{number:02}"
    client.log_param(run.info.run_id, "size", "large" if number >= 20 else "Small")
    client.log_metric(run.info.run_id, "score", number / 10, step=0)
    client.log_metric(run.info.run_id, "with space", float(number), step=0)
    if number % 3 == 0:
        client.log_metric(run.info.run_id, "rare", math.nan if number == 0 else float(-number))
    if number % 5 == 0:
        client.set_terminated(run.info.run_id, "FAILED", end_time=2000 * (number + 1))


def numbers(filter_string: str, order_by: list[str] | None = None) -> list[int]:
    found = client.search_runs([experiment_id], filter_string, order_by=order_by)
    return [int(names[run.info.run_id][4:]) for run in found]


def expect(filter_string: str, wanted: list[int], order_by: list[str] | None = None) -> None:
    found = numbers(filter_string, order_by)
    assert (found if order_by else sorted(found)) == wanted, (filter_string, order_by, found)


everything = list(range(30))
assert numbers("") == everything[::-1]
expect("metrics.score >= 2.5", [25, 26, 27, 28, 29])
expect("metric.score > 0.05 and metrics.score < 0.25", [1, 2])
expect("metrics.`with space` = 4", [4])
expect('metrics."with space" != 4 AND metrics.score < 0.7', [0, 1, 2, 3, 5, 6])
expect("metrics.rare != 5", everything[::3])
expect("metrics.rare <= -27", [27])
expect("params.size = 'large'", everything[20:])
expect("params.size ILIKE 's%' and parameters.size != 'Small'", [])
expect("param.size LIKE 'Sma__'", everything[:20])
expect("tags.parity = 'odd' AND params.size = 'large'", [21, 23, 25, 27, 29])
expect("tag.missing = 'x'", [])
expect("attributes.status = 'FAILED'", everything[::5])
expect("status != 'FAILED' and attributes.start_time < 4000", [1, 2])
expect("run_name LIKE 'run-0%'", everything[:10])
expect("attributes.`run name` = 'run-07'", [7])
some = [run_id for run_id, name in names.items() if name in {"run-03", "run-04"}]
expect(f"attributes.run_id IN ('{some[0]}', '{some[1]}')", [3, 4])
expect(f"run_id NOT IN ('{some[0]}') and metrics.score < 0.5", [0, 1, 2, 4])
expect("attributes.end_time > 40000", [20, 25])
expect("metrics.score < 0.3", [2, 1, 0], ["metrics.score DESC"])
expect("metrics.score < 0.4", [3, 1, 2, 0], ["tags.parity DESC", "start_time DESC"])
expect("metrics.score < 0.7", [6, 3, 0, 5, 4, 2, 1], ["metrics.rare ASC"])
expect("metrics.score < 0.3", [0, 1, 2], ["attributes.start_time ASC"])

token, paged = None, []
while True:
    page = client.search_runs(
        [experiment_id], order_by=["attributes.start_time"], max_results=7, page_token=token
    )
    paged += [int(names[run.info.run_id][4:]) for run in page]
    token = page.token
    if not token:
        break
assert paged == everything, paged

frame = mlflow.search_runs([experiment_id], "params.size = 'large'", order_by=["metrics.score"])
assert frame["metrics.score"].tolist() == [number / 10 for number in range(20, 30)]

refused = ["metrics.score = 'x'", "params.size = 3", "nonsense"]
if mlflow.get_tracking_uri().startswith("http"):
    refused.append("tags.a = 'b' OR tags.c = 'd'")  # over gRPC this means what it says
for wrong in refused:
    try:
        client.search_runs([experiment_id], wrong)
    except mlflow.MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", (wrong, error.error_code)
    else:
        raise AssertionError(f"{wrong} was taken")

other = client.create_experiment("searching elsewhere", tags={"kind": "line"})
client.delete_experiment(other)


def experiments(**search: object) -> list[str]:
    return [each.name for each in client.search_experiments(**search)]


assert experiments(filter_string="name LIKE 'search%'") == ["searching"]
assert experiments(filter_string="tags.kind = 'grid'") == ["searching"]
assert experiments(filter_string="tags.`a.b` = 'c'") == ["searching"]
assert "searching" not in experiments(view_type=ViewType.DELETED_ONLY)
assert experiments(
    view_type=ViewType.ALL, filter_string="name ILIKE 'SEARCH%'", order_by=["name DESC"]
) == ["searching elsewhere", "searching"]
assert len(client.search_experiments(max_results=1)) == 1
