"""How experiments and runs begin, end, go on, are deleted and restored."""

import mlflow
from mlflow.entities import RunStatus, ViewType
from mlflow.exceptions import MlflowException

client = mlflow.MlflowClient()
experiment_id = mlflow.create_experiment("lifecycle", tags={"owner": "me"})
assert mlflow.set_experiment("lifecycle").experiment_id == experiment_id
assert mlflow.get_experiment_by_name("no such") is None

with mlflow.start_run() as run:
    mlflow.log_metric("m", 1)
with mlflow.start_run(run_id=run.info.run_id):
    assert client.get_run(run.info.run_id).info.status == "RUNNING"
    mlflow.log_metric("m", 2, step=1)
assert client.get_run(run.info.run_id).info.status == "FINISHED"
assert mlflow.last_active_run().info.run_id == run.info.run_id

try:
    with mlflow.start_run() as failed:
        raise ValueError("on purpose")
except ValueError:
    pass
assert client.get_run(failed.info.run_id).info.status == "FAILED"

killed = client.create_run(experiment_id)
client.set_terminated(killed.info.run_id, RunStatus.to_string(RunStatus.KILLED), end_time=12345)
info = client.get_run(killed.info.run_id).info
assert (info.status, info.end_time, info.start_time) == ("KILLED", 12345, killed.info.start_time)
client.update_run(killed.info.run_id, status="SCHEDULED", name="renamed")
info = client.get_run(killed.info.run_id).info
assert (info.status, info.run_name) == ("SCHEDULED", "renamed")
assert client.get_run(killed.info.run_id).data.tags["mlflow.runName"] == "renamed"
client.set_tag(killed.info.run_id, "mlflow.runName", "again")
assert client.get_run(killed.info.run_id).info.run_name == "again"

client.set_tag(run.info.run_id, "gone", "soon")
client.delete_tag(run.info.run_id, "gone")
assert "gone" not in client.get_run(run.info.run_id).data.tags

client.delete_run(run.info.run_id)
assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
try:
    client.log_metric(run.info.run_id, "m", 3)
except MlflowException as error:
    assert "active" in str(error), error
else:
    raise AssertionError("a deleted run took a metric")
active = {each.info.run_id for each in client.search_runs([experiment_id])}
deleted = {
    each.info.run_id
    for each in client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY)
}
assert run.info.run_id not in active and deleted == {run.info.run_id}
client.restore_run(run.info.run_id)
assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"

client.rename_experiment(experiment_id, "lifecycle 2")
client.set_experiment_tag(experiment_id, "owner", "you")
assert client.get_experiment(experiment_id).tags["owner"] == "you"
client.delete_experiment(experiment_id)
assert client.get_experiment(experiment_id).lifecycle_stage == "deleted"
assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
client.restore_experiment(experiment_id)
assert client.get_experiment(experiment_id).name == "lifecycle 2"
assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"
try:
    client.create_experiment("lifecycle 2")
except MlflowException as error:
    assert error.error_code == "RESOURCE_ALREADY_EXISTS", error.error_code
else:
    raise AssertionError("a name was taken twice")
try:
    client.get_run("0" * 32)
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error.error_code
else:
    raise AssertionError("there is a run that was never made")
