import pytest
from hypothesis import given, strategies as st

from runstream._client.columns import HistoryCollector, update_of
from runstream._wire import delimited_fields, split_field
from runstream.entities import Series
from runstream.v1 import metric_pb2, metric_service_pb2 as pb, run_pb2

INT64S = st.integers(-(2**63), 2**63 - 1)
DOUBLES = st.floats(width=64)


@given(st.lists(st.tuples(INT64S, INT64S, DOUBLES), max_size=20), st.integers(0, 2**62))
def test_splitting_takes_a_field_out_and_leaves_the_rest(
    points: list[tuple[int, int, float]], cursor: int
) -> None:
    response = pb.GetHistoryResponse(cursor=cursor)
    for step, time_us, value in points:
        response.series.add(step=[step], time_unix_us=[time_us], value=[value])

    contents, rest = split_field(response.SerializeToString(), 1)

    assert [bytes(content) for content in contents] == [
        one.SerializeToString() for one in response.series
    ]
    assert pb.GetHistoryResponse.FromString(rest) == pb.GetHistoryResponse(cursor=cursor)


def test_fields_of_every_kind_are_passed_over() -> None:
    message = metric_pb2.SeriesSummary(
        series=metric_pb2.Series(key="a"), count=300, min=1.0, min_time_unix_us=-1
    )
    chunk = b"\x1d\x01\x02\x03\x04"  # a fixed32

    fields = list(delimited_fields(message.SerializeToString() + chunk))

    assert [(number, bytes(content)) for number, content in fields] == [(1, b"\n\x01a")]


@pytest.mark.parametrize("cut", [1, 2, 5, 12])
def test_what_is_cut_off_is_an_error(cut: int) -> None:
    encoded = pb.GetHistoryResponse(
        series=[metric_pb2.SeriesPoints(step=[1, 2])], cursor=2**60
    ).SerializeToString()

    with pytest.raises(ValueError, match=r"beyond the end|cut off"):
        split_field(encoded[:-cut], 1)


def test_a_series_that_spans_answers_is_one() -> None:
    collector = HistoryCollector()
    for step in range(3):
        answer = pb.GetHistoryResponse(cursor=9)
        for rank in (None, 0):
            name = metric_pb2.Series(key="a", rank=rank)
            answer.series.add(series=name, step=[step], time_unix_us=[-step], value=[step / 2])
        collector.add(answer.SerializeToString())

    history = collector.result()

    assert history.cursor == 9
    assert list(history) == [Series("a"), Series("a", 0)]
    for points in history.series.values():
        assert list(points.step) == [0, 1, 2]
        assert list(points.time_us) == [0, -1, -2]
        assert list(points.value) == [0.0, 0.5, 1.0]


def test_what_a_newer_server_says_is_still_read() -> None:
    response = pb.WatchRunResponse(cursor=1, run=run_pb2.Run(run_id="a"))
    response.run.status = 99  # type: ignore[assignment]  # a status of tomorrow

    update = update_of(response.SerializeToString())

    assert update.run is not None
    assert update.run.status == "UNKNOWN"
    assert not update.run.status.is_ended
