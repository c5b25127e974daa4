"""Declarations of MLflow's request messages, and how requests are read by them.

    LOG_PARAM = Shape(
        text("run_id", required=True, other_names=("run_uuid",)),
        text("key", required=True),
        text("value"),
    )

    message = await read_message(request, LOG_PARAM)
    run_id, value = message.text("run_id"), message.text("value")

The rules are those of the JSON form of Protocol Buffers: names in snake_case or camelCase, 64-bit
integers as numbers or strings, `"NaN"` and `"Infinity"` as strings, enums by name or number; null
is as good as absent, and unknown names are passed over. A request is used whole or not at all.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from starlette.datastructures import QueryParams
from starlette.requests import Request

from runstream_server.gateway.mlflow.errors import MlflowError, invalid_value, missing_value

__all__ = [
    "Field",
    "Message",
    "Shape",
    "boolean",
    "double",
    "enum",
    "int32",
    "int64",
    "message",
    "messages",
    "parsed_body",
    "read_body",
    "read_message",
    "text",
    "texts",
]

Convert = Callable[[object, str], Any]
"""Returns a value of its type for JSON at a path; raises MlflowError when it does not fit."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_QUOTED_FLOATS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_JSON_TYPES: Final[dict[type, str]] = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "a text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter; make them by `text`, `int64` and so on."""

    name: str
    names: tuple[str, ...]
    required: bool
    repeated: bool
    convert: Convert


class Message:
    """What was read. A parameter that was absent has the default that its reader names.

    The methods take names as declared.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Returns whether the request set a parameter; an empty text or list is set."""
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        """Returns a text."""
        return cast("str", self._values.get(name, default))

    def texts(self, name: str) -> list[str]:
        """Returns a list of texts."""
        return cast("list[str]", self._values.get(name, []))

    def integer(self, name: str, default: int = 0) -> int:
        """Returns an integer, or the number of an enum's value."""
        return cast("int", self._values.get(name, default))

    def integer_or_none(self, name: str) -> int | None:
        """Returns an integer, or None when it is absent."""
        return cast("int | None", self._values.get(name))

    def double(self, name: str, default: float = 0.0) -> float:
        """Returns a number, which may be NaN or infinite."""
        return cast("float", self._values.get(name, default))

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """Returns a boolean."""
        return cast("bool", self._values.get(name, default))

    def message(self, name: str) -> "Message":
        """Returns a message; an empty one when it is absent."""
        return cast("Message", self._values.get(name, _EMPTY))

    def messages(self, name: str) -> "list[Message]":
        """Returns a list of messages."""
        return cast("list[Message]", self._values.get(name, []))


_EMPTY: Final = Message({})


class Shape:
    """The parameters of a message, in the order in which they are checked."""

    def __init__(self, *fields: Field) -> None:
        self._fields = fields

    def read(self, document: object, path: str = "") -> Message:
        """Reads a JSON document; `path` is where it stands in the whole request.

        Raises:
            MlflowError: A required parameter is missing, or a value does not fit.
        """
        if document is None and not path:
            document = {}
        if not isinstance(document, dict):
            raise invalid_value(path or "body", document, "use a JSON object")
        given = cast("dict[str, object]", document)
        values: dict[str, Any] = {}
        for field in self._fields:
            where = f"{path}.{field.name}" if path else field.name
            value = _given(field, given)
            if field.required and (value is None or value == ""):
                raise missing_value(where)
            if value is not None:
                values[field.name] = _converted(field, value, where)
        return Message(values)

    def read_query(self, query: QueryParams) -> Message:
        """Reads the arguments of a URL, where a list's name is repeated.

        Raises:
            MlflowError: A required parameter is missing, or a value does not fit.
        """
        document: dict[str, object] = {}
        for field in self._fields:
            for name in field.names:
                found = query.getlist(name)
                if found:
                    document[name] = found if field.repeated else found[0]
        return self.read(document)


async def read_message(request: Request, shape: Shape) -> Message:
    """Reads a request: its URL's arguments when it is a GET, else its body.

    Raises:
        MlflowError: It does not fit.
    """
    if request.method in {"GET", "HEAD"}:
        return shape.read_query(request.query_params)
    return shape.read(await read_body(request))


async def read_body(request: Request) -> object:
    """Returns the JSON document in a request's body; an empty one when there is no body.

    Raises:
        MlflowError: The body is no JSON, or is not said to be.
    """
    if request.method in {"POST", "PUT"}:
        given = request.headers.get("content-type")
        if given is None:
            raise MlflowError(
                "Bad Request. Content-Type header is missing. Set it to application/json."
            )
        if given.partition(";")[0].strip().lower() != "application/json":
            raise MlflowError(
                "Bad Request. Content-Type must be one of ['application/json']. It is"
                f" {given[:100]!r}."
            )
    return parsed_body(await request.body())


def parsed_body(body: bytes) -> object:
    """Returns the JSON document in a body; an empty one when it is empty.

    Raises:
        MlflowError: It is no JSON.
    """
    if not body.strip():
        return {}
    try:
        document: object = json.loads(body)
        # The oldest clients encode twice.
        return json.loads(document) if isinstance(document, str) else document
    except (ValueError, RecursionError) as error:
        raise MlflowError(f"The request's body is not valid JSON: {error}.") from None


def text(name: str, *, required: bool = False, other_names: Sequence[str] = ()) -> Field:
    """Declares a text; when required, it is not empty."""
    return _field(name, _text, required=required, other_names=other_names)


def texts(name: str, *, required: bool = False) -> Field:
    """Declares a list of texts; one that is none makes the whole list invalid."""
    return _field(name, _text, required=required, repeated=True)


def int64(name: str, *, required: bool = False) -> Field:
    """Declares a 64-bit integer."""
    return _field(name, _integer(64), required=required)


def int32(name: str, *, required: bool = False) -> Field:
    """Declares a 32-bit integer."""
    return _field(name, _integer(32), required=required)


def double(name: str, *, required: bool = False) -> Field:
    """Declares a number."""
    return _field(name, _double, required=required)


def boolean(name: str, *, required: bool = False) -> Field:
    """Declares a boolean."""
    return _field(name, _boolean, required=required)


def enum(name: str, numbers: Mapping[str, int], *, required: bool = False) -> Field:
    """Declares an enum by the numbers of its names; it is read as a number."""
    return _field(name, _enum(numbers), required=required)


def message(name: str, shape: Shape, *, required: bool = False) -> Field:
    """Declares a message in a message."""
    return _field(name, shape.read, required=required)


def messages(name: str, shape: Shape, *, required: bool = False) -> Field:
    """Declares a list of messages."""
    return _field(name, shape.read, required=required, repeated=True)


def _field(
    name: str,
    convert: Convert,
    *,
    required: bool,
    repeated: bool = False,
    other_names: Sequence[str] = (),
) -> Field:
    names = [spelling for each in (name, *other_names) for spelling in (each, _camel(each))]
    return Field(
        name=name,
        names=tuple(dict.fromkeys(names)),
        required=required,
        repeated=repeated,
        convert=convert,
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _given(field: Field, document: Mapping[str, object]) -> object:
    """Returns the value of the first name that has one."""
    value = document.get(field.name)
    if len(field.names) == 1:
        return value
    camel = field.names[1]
    if field.name in document and camel in document and camel != field.name:
        raise MlflowError(
            f"Request specifies both '{field.name}' and '{camel}'; provide one of them."
        )
    for name in field.names[1:]:
        value = document.get(name) if value is None else value
    return value


def _converted(field: Field, value: object, path: str) -> object:
    if not field.repeated:
        return field.convert(value, path)
    if not isinstance(value, list):
        raise invalid_value(path, value, _expected("a list", value))
    entries = cast("list[object]", value)
    if field.convert is _text and not all(isinstance(each, str) for each in entries):
        raise invalid_value(path, entries, "use a list of texts")
    return [field.convert(each, f"{path}[{number}]") for number, each in enumerate(entries)]


def _expected(what: str, value: object) -> str:
    given = _JSON_TYPES.get(type(value), "null")
    return f"use {what}, not {given}"


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise invalid_value(path, value, _expected("a text", value))
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise invalid_value(path, value, "remove the lone surrogates") from None
    if "\0" in value:
        raise invalid_value(path, value, "remove the NUL characters, which nothing stored has")
    return value


def _integer(bits: int) -> Convert:
    greatest = (1 << (bits - 1)) - 1

    def convert(value: object, path: str) -> int:
        number: int | None = None
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, float):
            number = int(value) if value.is_integer() else None
        elif isinstance(value, str) and _INTEGER.fullmatch(value):
            number = int(value)
        if number is None or not -greatest - 1 <= number <= greatest:
            raise invalid_value(path, value, f"use an integer of {bits} bits")
        return number

    return convert


def _double(value: object, path: str) -> float:
    if isinstance(value, str):
        if value in _QUOTED_FLOATS:
            return _QUOTED_FLOATS[value]
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise invalid_value(path, value, "use a number")
        return number
    if not isinstance(value, int | float):
        raise invalid_value(path, value, _expected("a number", value))
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        remedy = 'use a finite number, or one of the texts "NaN", "Infinity" and "-Infinity"'
        raise invalid_value(path, value, remedy)
    return number


def _boolean(value: object, path: str) -> bool:
    # The arguments of a URL are texts.
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise invalid_value(path, value, "use true or false")
    return value


def _enum(numbers: Mapping[str, int]) -> Convert:
    by_text = {**numbers, **{str(number): number for number in numbers.values()}}

    def convert(value: object, path: str) -> int:
        number = None if isinstance(value, bool) else by_text.get(str(value))
        if number is None:
            raise invalid_value(path, value, f"use one of {', '.join(numbers)}")
        return number

    return convert
