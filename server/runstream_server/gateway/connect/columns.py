"""JSON of messages that hold long columns of numbers, without a call for each number.

json_format looks at every number by itself, and the encoder of `json` lets no other thread go on
before it is done. Here a column is written slice by slice, in C, and anything else by json_format.
"""

import functools
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

__all__ = ["json_text"]

SLICE: Final = 4096
"""Numbers written at a time; about a millisecond."""
QUOTED: Final = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})
DOUBLE: Final = FieldDescriptor.CPPTYPE_DOUBLE
COLUMNS: Final = QUOTED | {DOUBLE}
SPECIAL: Final = {math.inf: '"Infinity"', -math.inf: '"-Infinity"'}


def json_text(message: Message) -> str:
    """Writes a message as proto3 JSON, without spaces."""
    if not _has_columns(message.DESCRIPTOR):
        return _dumped(message)
    rest = type(message)()
    members: list[str] = []
    for field, value in message.ListFields():
        if _is_column(field):
            members.append(f'"{field.json_name}":[{_column(field, value)}]')
        elif _is_list_of_columns(field):
            texts = ",".join(map(json_text, cast("Iterable[Message]", value)))
            members.append(f'"{field.json_name}":[{texts}]')
        else:
            _copy(field, value, rest)
    others = _dumped(rest)[1:-1]
    return "{" + ",".join([others, *members] if others else members) + "}"


@functools.cache
def _has_columns(kind: Descriptor) -> bool:
    return any(_is_column(field) or _is_list_of_columns(field) for field in kind.fields)


def _is_column(field: FieldDescriptor) -> bool:
    return field.is_repeated and field.cpp_type in COLUMNS


def _is_list_of_columns(field: FieldDescriptor) -> bool:
    kind = field.message_type
    if kind is None or not field.is_repeated or kind.GetOptions().map_entry:
        return False
    return _has_columns(kind)


def _column(field: FieldDescriptor, values: Sequence[Any]) -> str:
    write = _integers if field.cpp_type in QUOTED else _doubles
    slices = (values[begin : begin + SLICE] for begin in range(0, len(values), SLICE))
    return ",".join(map(write, slices))


def _integers(values: Iterable[int]) -> str:
    return '"' + '","'.join(map(str, values)) + '"'


def _doubles(values: Sequence[float]) -> str:
    if all(map(math.isfinite, values)):
        return ",".join(map(repr, values))
    return ",".join(
        repr(value) if math.isfinite(value) else SPECIAL.get(value, '"NaN"') for value in values
    )


def _copy(field: FieldDescriptor, value: Any, message: Message) -> None:  # noqa: ANN401 - of any field
    if field.is_repeated:
        getattr(message, field.name).MergeFrom(value)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def _dumped(message: Message) -> str:
    document = json_format.MessageToDict(message)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
