"""The part of the tracking store that is about experiments."""

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask
from mlflow.entities import Experiment, ExperimentTag, LifecycleStage, ViewType
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.entities.paged_list import PagedList

from runstream.mlflow.connection import Connection
from runstream.mlflow.convert import experiment_of
from runstream.v1 import experiment_pb2, experiment_service_pb2 as experiments

__all__ = ["Experiments"]


class Experiments:
    """Creates, finds and changes experiments; mixed into the store."""

    _server: Connection

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        def ask(size: int, token: str) -> tuple[list[Experiment], str]:
            answer = self._server.call(
                "ExperimentService/SearchExperiments",
                experiments.SearchExperimentsRequest(
                    filter=filter_string or "",
                    order_by=order_by or (),
                    view_type=experiment_pb2.ViewType.ValueType(view_type),
                    page_size=size,
                    page_token=token,
                ),
                experiments.SearchExperimentsResponse,
            )
            return [experiment_of(each) for each in answer.experiments], answer.next_page_token

        return PagedList(*self._server.page(ask, max_results, page_token))

    def create_experiment(
        self, name: str, artifact_location: str | None, tags: Sequence[ExperimentTag] | None
    ) -> str:
        request = experiments.CreateExperimentRequest(
            name=name,
            tags={tag.key: tag.value for tag in tags or ()},
            artifact_location=artifact_location or "",
        )
        answer = self._server.call(
            "ExperimentService/CreateExperiment",
            request,
            experiments.CreateExperimentResponse,
            repeatable=False,
        )
        return answer.experiment.experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        answer = self._server.call(
            "ExperimentService/GetExperiment",
            experiments.GetExperimentRequest(experiment_id=str(experiment_id)),
            experiments.GetExperimentResponse,
        )
        return experiment_of(answer.experiment)

    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None:
        request = experiments.GetExperimentByNameRequest(name=experiment_name)
        try:
            answer = self._server.call(
                "ExperimentService/GetExperimentByName",
                request,
                experiments.GetExperimentByNameResponse,
            )
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return experiment_of(answer.experiment)

    def delete_experiment(self, experiment_id: str) -> None:
        self._require(experiment_id, LifecycleStage.ACTIVE)
        self._server.call(
            "ExperimentService/DeleteExperiment",
            experiments.DeleteExperimentRequest(experiment_id=str(experiment_id)),
            experiments.DeleteExperimentResponse,
        )

    def restore_experiment(self, experiment_id: str) -> None:
        self._require(experiment_id, LifecycleStage.DELETED)
        self._server.call(
            "ExperimentService/RestoreExperiment",
            experiments.RestoreExperimentRequest(experiment_id=str(experiment_id)),
            experiments.RestoreExperimentResponse,
        )

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        self._server.call(
            "ExperimentService/UpdateExperiment",
            experiments.UpdateExperimentRequest(
                experiment=experiment_pb2.Experiment(
                    experiment_id=str(experiment_id), name=new_name
                ),
                update_mask=FieldMask(paths=["name"]),
            ),
            experiments.UpdateExperimentResponse,
        )

    def set_experiment_tag(self, experiment_id: str, tag: ExperimentTag) -> None:
        self._server.call(
            "ExperimentService/SetExperimentTags",
            experiments.SetExperimentTagsRequest(
                experiment_id=str(experiment_id), tags={tag.key: tag.value}
            ),
            experiments.SetExperimentTagsResponse,
        )

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        self._server.call(
            "ExperimentService/DeleteExperimentTags",
            experiments.DeleteExperimentTagsRequest(experiment_id=str(experiment_id), keys=[key]),
            experiments.DeleteExperimentTagsResponse,
        )

    def _require(self, experiment_id: str, stage: str) -> None:
        """Refuses what MLflow refuses: to delete or restore an experiment twice."""
        if self.get_experiment(experiment_id).lifecycle_stage != stage:
            raise MlflowException(
                f"there is no {stage} experiment {experiment_id}",
                error_code=RESOURCE_DOES_NOT_EXIST,
            )
