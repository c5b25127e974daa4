"""The life of runs."""

from tests.mlflow.cases import Case, Request, differs, get, post, saving

NEW = {"experiment_id": "{exp}", "start_time": 5, "run_name": "n", "user_id": "u"}
BY_ID = {"run_id": "{run}"}
GET = get("runs/get", run_id="{run}")
MADE = get("runs/get", run_id="{made}")


def create(**fields: object) -> Request:
    """Creates a run."""
    return saving(post("runs/create", {**NEW, **fields}), made="run.info.run_id")


def tags(**values: str) -> list[dict[str, str]]:
    """Tags as a request has them."""
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]


CASES = [
    Case("a run comes back", GET),
    Case("by its other name", get("runs/get", run_uuid="{run}")),
    Case("no such run", get("runs/get", run_id="f" * 32)),
    Case("no id", get("runs/get")),
    Case("an empty id", get("runs/get", run_id="")),
    Case("an id that cannot be", get("runs/get", run_id="no run")),
    Case("without a name", create(run_name=None), MADE),
    Case("with an empty name", create(run_name=""), MADE),
    Case("without a start", create(start_time=None), MADE),
    Case("without a user", create(user_id=None), MADE),
    Case("a start as a text", create(start_time="123456"), MADE),
    Case("a start that is no number", post("runs/create", {**NEW, "start_time": "soon"})),
    Case("a large start", create(start_time=4102444800000), MADE),
    Case(
        "a start before 1970",
        differs(post("runs/create", {**NEW, "start_time": -1}), "times begin in 1970", 400),
    ),
    Case("in no experiment", post("runs/create", {**NEW, "experiment_id": "987654"})),
    Case("in an experiment of no integer", post("runs/create", {**NEW, "experiment_id": "x"})),
    Case("in an experiment that is a number", post("runs/create", {**NEW, "experiment_id": 1})),
    Case("without an experiment", post("runs/create", {})),
    Case("a name that is a number", post("runs/create", {**NEW, "run_name": 1})),
    Case("tags", create(tags=tags(a="1", b="")), MADE),
    Case("a tag's name", create(run_name=None, tags=tags(mlflow__runName="tagged")), MADE),
    Case("a name and a tag that agree", create(tags=tags(mlflow__runName="n")), MADE),
    Case(
        "a name and a tag that differ",
        post("runs/create", {**NEW, "tags": tags(mlflow__runName="other")}),
    ),
    Case("a tag twice", post("runs/create", {**NEW, "tags": tags(a="1") * 2})),
    Case(
        "tags of a run that are a text",
        differs(
            post("runs/create", {**NEW, "tags": "a"}),
            "a value that does not fit is refused, where MLflow passes over it",
            400,
        ),
    ),
    Case("a user and its tag", create(tags=tags(mlflow__user="u")), MADE),
    Case("a user and another tag", create(tags=tags(mlflow__user="v")), MADE),
    Case("a nested run", create(tags=tags(mlflow__parentRunId="{run}")), MADE),
    *(
        Case(f"status {status}", post("runs/update", {**BY_ID, "status": status}), GET)
        for status in ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", 3, "4")
    ),
    Case(
        "an unknown status",
        differs(
            post("runs/update", {**BY_ID, "status": "LOST"}),
            "an unknown status is refused, not passed over",
            400,
        ),
    ),
    Case("an end", post("runs/update", {**BY_ID, "status": "FINISHED", "end_time": 99}), GET),
    Case("an end as a text", post("runs/update", {**BY_ID, "end_time": "99"}), GET),
    Case("an end that is no number", post("runs/update", {**BY_ID, "end_time": "late"})),
    Case("an end at 0", post("runs/update", {**BY_ID, "end_time": 0}), GET),
    Case(
        "an end that goes on",
        post("runs/update", {**BY_ID, "status": "FINISHED", "end_time": 99}),
        differs(
            post("runs/update", {**BY_ID, "status": "RUNNING"}),
            "a run that goes on has no end time",
            200,
        ),
    ),
    Case(
        "an end after an end",
        post("runs/update", {**BY_ID, "status": "FINISHED", "end_time": 99}),
        post("runs/update", {**BY_ID, "status": "FAILED"}),
        post("runs/update", {**BY_ID, "status": "KILLED", "end_time": 100}),
        GET,
    ),
    Case("another name", post("runs/update", {**BY_ID, "run_name": "renamed"}), GET),
    Case("an empty name leaves it", post("runs/update", {**BY_ID, "run_name": ""}), GET),
    Case(
        "a name leaves the status",
        post("runs/update", {**BY_ID, "status": "FINISHED", "end_time": 7}),
        post("runs/update", {**BY_ID, "run_name": "renamed"}),
        GET,
    ),
    Case("nothing", post("runs/update", BY_ID), GET),
    Case(
        "update by the other name", post("runs/update", {"run_uuid": "{run}", "end_time": 5}), GET
    ),
    Case("update without an id", post("runs/update", {"status": "FINISHED"})),
    Case("update no such run", post("runs/update", {"run_id": "f" * 32, "status": "FINISHED"})),
    Case("an id that is a number", post("runs/update", {"run_id": 31, "status": "FINISHED"})),
    Case(
        "logging to a finished run",
        post("runs/update", {**BY_ID, "status": "FINISHED"}),
        post("runs/set-tag", {**BY_ID, "key": "k", "value": "v"}),
        GET,
    ),
    Case(
        "delete and restore",
        post("runs/delete", BY_ID),
        GET,
        post("runs/delete", BY_ID),
        post("runs/update", {**BY_ID, "status": "FINISHED"}),
        post("runs/set-tag", {**BY_ID, "key": "k", "value": "v"}),
        post("runs/delete-tag", {**BY_ID, "key": "k"}),
        post("runs/log-parameter", {**BY_ID, "key": "k", "value": "v"}),
        post("runs/log-metric", {**BY_ID, "key": "k", "value": 1, "timestamp": 1}),
        post("runs/log-batch", {**BY_ID, "tags": [{"key": "k", "value": "v"}]}),
        post("runs/log-batch", BY_ID),
        post("runs/restore", BY_ID),
        GET,
        post("runs/restore", BY_ID),
    ),
    *(
        Case(f"{verb} no such run", post(f"runs/{verb}", {"run_id": "f" * 32}))
        for verb in ("delete", "restore")
    ),
    *(Case(f"{verb} without an id", post(f"runs/{verb}", {})) for verb in ("delete", "restore")),
    Case(
        "restore in a deleted experiment",
        post("experiments/delete", {"experiment_id": "{exp}"}),
        differs(post("runs/restore", BY_ID), "a deleted experiment has no active runs", 400),
    ),
]
