"""Columns in JSON: the same document that protobuf's own JSON makes."""

import json
import math

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from runstream.v1 import metric_pb2, metric_service_pb2 as pb, run_pb2
from runstream_server.gateway.connect.columns import SLICE, json_text

VALUES = [0.1, -0.0, 1e300, 5e-324, 3.0, math.inf, -math.inf, math.nan]


def series(count: int, key: str = "loss") -> metric_pb2.SeriesPoints:
    return metric_pb2.SeriesPoints(
        series=metric_pb2.Series(key=key, rank=0),
        step=range(-1, count - 1),
        time_unix_us=[2**62 + index for index in range(count)],
        value=[VALUES[index % len(VALUES)] for index in range(count)],
    )


MESSAGES: list[Message] = [
    pb.GetHistoryResponse(),
    pb.GetHistoryResponse(cursor=3),
    pb.GetHistoryResponse(series=[metric_pb2.SeriesPoints()]),
    pb.GetHistoryResponse(cursor=3, series=[series(1), series(3, 'é"\n🙂')]),
    pb.GetHistoryResponse(series=[series(SLICE), series(SLICE + 1)]),
    pb.GetChartResponse(
        cursors={"a": 1, "b": 2},
        series=[metric_pb2.ChartSeries(run_id="a", bucket_width=2**63, count=[1], min=VALUES)],
    ),
    pb.WatchRunResponse(
        cursor=1,
        series=[series(2)],
        run=run_pb2.Run(run_id="a", tags={"x": "y"}, create_time=Timestamp(seconds=1)),
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_the_document_is_the_one_that_protobuf_makes(message: Message) -> None:
    document = json.loads(json_text(message))

    # Compared as text: a zero has a sign.
    expected = json_format.MessageToDict(message)
    assert json.dumps(document, sort_keys=True) == json.dumps(expected, sort_keys=True)
    assert json_format.Parse(json_text(message), type(message)()).SerializeToString(
        deterministic=True
    ) == message.SerializeToString(deterministic=True)
