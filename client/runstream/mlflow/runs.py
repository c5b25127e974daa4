"""The part of the tracking store that is about runs."""

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask
from mlflow.entities import Run, RunInfo, RunTag

from runstream._run_ids import new_run_id
from runstream.mlflow.connection import Connection
from runstream.mlflow.convert import run_of, timestamp_of_ms
from runstream.mlflow.given import tag_texts
from runstream.mlflow.places import shown_uri
from runstream.v1 import experiment_pb2, run_pb2, run_service_pb2 as runs

__all__ = ["Runs"]


class Runs:
    """Creates, finds and changes runs; mixed into the store."""

    _server: Connection

    def create_run(
        self,
        experiment_id: str,
        user_id: str,
        start_time: int,
        tags: Sequence[RunTag],
        run_name: str | None,
    ) -> Run:
        answer = self._server.call(
            "RunService/CreateRun",
            runs.CreateRunRequest(
                run_id=new_run_id(),
                experiment_id=str(experiment_id),
                name=run_name or "",
                user=user_id or "",
                start_time=timestamp_of_ms(start_time),
                tags=tag_texts(tags or ()),
            ),
            runs.CreateRunResponse,
        )
        return self._run(answer.run)

    def get_run(self, run_id: str) -> Run:
        answer = self._server.call(
            "RunService/GetRun", runs.GetRunRequest(run_id=run_id), runs.GetRunResponse
        )
        return self._run(answer.run)

    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        run = run_pb2.Run(run_id=run_id, name=run_name or "", end_time=timestamp_of_ms(end_time))
        if run_status is not None:
            run.status = run_pb2.RunStatus.ValueType(run_status)
        given = {"name": run_name or None, "status": run_status, "end_time": end_time}
        paths = [path for path, value in given.items() if value is not None]
        if not paths:
            return self.get_run(run_id).info
        answer = self._server.call(
            "RunService/UpdateRun",
            runs.UpdateRunRequest(run=run, update_mask=FieldMask(paths=paths)),
            runs.UpdateRunResponse,
        )
        return self._run(answer.run).info

    def delete_run(self, run_id: str) -> None:
        self._server.call(
            "RunService/DeleteRun", runs.DeleteRunRequest(run_id=run_id), runs.DeleteRunResponse
        )

    def restore_run(self, run_id: str) -> None:
        self._server.call(
            "RunService/RestoreRun", runs.RestoreRunRequest(run_id=run_id), runs.RestoreRunResponse
        )

    def _search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        run_view_type: int,
        max_results: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
    ) -> tuple[list[Run], str | None]:
        if not experiment_ids:
            return [], None

        def ask(size: int, token: str) -> tuple[list[Run], str]:
            answer = self._server.call(
                "RunService/SearchRuns",
                runs.SearchRunsRequest(
                    experiment_ids=[str(each) for each in experiment_ids],
                    filter=filter_string or "",
                    order_by=order_by or (),
                    view_type=experiment_pb2.ViewType.ValueType(run_view_type),
                    page_size=size,
                    page_token=token,
                ),
                runs.SearchRunsResponse,
            )
            return [self._run(each) for each in answer.runs], answer.next_page_token

        return self._server.page(ask, max_results, page_token)

    def _run(self, message: run_pb2.Run) -> Run:
        uri = shown_uri(
            self._server.uri,
            self._server.artifact_root,
            message.artifact_uri,
            run_id=message.run_id,
        )
        return run_of(message, uri)
