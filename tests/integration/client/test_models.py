"""What runs read and make, through both clients."""

import math

import pytest

from runstream import Client, MetricPoint
from runstream.entities import (
    Dataset,
    DatasetInput,
    LoggedModelOrder,
    LoggedModelStatus,
    ModelOutput,
)
from runstream.errors import AlreadyExists, InvalidValue, NotFound


def test_inputs_and_outputs_come_back(client: Client) -> None:
    run = client.create_run(experiment_name=f"inputs/{id(client)}")
    dataset = Dataset(name="digits", digest="d1", source_type="local", source="{}", profile="")
    read = DatasetInput(dataset, {"mlflow.data.context": "training"})

    client.log_inputs(run.run_id, [read], model_ids=["m-1"])
    client.log_outputs(run.run_id, [ModelOutput("m-2", 7)])
    got = client.get_run(run.run_id)
    found = list(client.search_runs([run.experiment_id], "datasets.context = 'training'"))
    (summary,) = client.search_datasets([run.experiment_id])

    assert got.dataset_inputs == (read,)
    assert got.model_inputs == ("m-1",)
    assert got.model_outputs == (ModelOutput("m-2", 7),)
    assert [one.dataset_inputs for one in found] == [(read,)]
    assert (summary.name, summary.digest, summary.context) == ("digits", "d1", "training")
    assert client.get_run(run.run_id, omit_inputs=True).dataset_inputs == ()


def test_a_dataset_without_a_name_is_refused(client: Client) -> None:
    run = client.create_run(experiment_name="inputs")

    with pytest.raises(InvalidValue, match="name"):
        client.log_inputs(run.run_id, [DatasetInput(Dataset(name="", digest="d"))])


def test_a_logged_model_lives_through_everything(client: Client) -> None:
    made = client.create_logged_model(
        name="net", model_type="cnn", source_run_id="r", params={"a": "1"}, tags={"t": "x"}
    )
    assert made.status == LoggedModelStatus.PENDING
    assert client.get_logged_model(made.model_id) == made

    client.log_logged_model_params(made.model_id, {"b": "2"})
    client.set_logged_model_tags(made.model_id, {"u": "y"})
    client.delete_logged_model_tags(made.model_id, ["t"])
    ready = client.finalize_logged_model(made.model_id, "READY", message="done")
    deleted = client.delete_logged_model(made.model_id)

    assert (ready.status, ready.status_message) == (LoggedModelStatus.READY, "done")
    assert (ready.params, ready.tags) == ({"a": "1", "b": "2"}, {"u": "y"})
    assert deleted.lifecycle_stage == "DELETED"
    assert client.get_logged_model(made.model_id, allow_deleted=True).name == "net"
    with pytest.raises(NotFound, match=made.model_id):
        client.get_logged_model(made.model_id)
    with pytest.raises(AlreadyExists, match="'a'"):
        client.log_logged_model_params(made.model_id, {"a": "3"})
    with pytest.raises(InvalidValue, match="none of PENDING, READY, FAILED"):
        client.finalize_logged_model(made.model_id, "DONE")


def test_models_are_found_by_their_points_page_by_page(client: Client) -> None:
    run = client.create_run(experiment_name=f"models/{id(client)}")
    made = [client.create_logged_model(experiment_id=run.experiment_id) for _ in range(3)]
    client.log_metrics(
        run.run_id,
        [
            MetricPoint(
                key="acc",
                value=n / 10,
                step=n,
                model_id=model.model_id,
                dataset_name="d",
                dataset_digest="1",
            )
            for n, model in enumerate(made)
        ],
    )
    client.log_metrics(
        run.run_id, [MetricPoint(key="nan", value=math.nan, model_id=made[0].model_id)]
    )

    found = list(
        client.search_logged_models(
            [run.experiment_id],
            "metrics.acc < 0.3",
            datasets=[("d", "")],
            order_by=[LoggedModelOrder(field_name="metrics.acc", descending=True)],
            page_size=1,
        )
    )
    points = list(client.list_logged_model_metrics(made[0].model_id, page_size=1))

    assert [model.model_id for model in found] == [model.model_id for model in reversed(made)]
    assert [(point.key, point.dataset_name) for point in points] == [("acc", "d"), ("nan", "")]
    assert {point.run_id for point in points} == {run.run_id}
    with pytest.raises(NotFound, match="m-none"):
        client.log_metrics(run.run_id, [MetricPoint(key="acc", value=1.0, model_id="m-none")])
