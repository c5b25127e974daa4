"""Params and tags of logged models, whose rows the caller has locked."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.errors import Failure, Reason
from runstream_server.storage import model_rows

__all__ = ["log_params", "set_tags"]

MAX_SHOWN_CHARS = 100


async def log_params(connection: AsyncConnection, model_id: str, params: Mapping[str, str]) -> None:
    """Writes params to a model.

    Raises:
        Failure: PARAM_CONFLICT when one of them has another value already; none is written then.
    """
    stored = (await model_rows.params_of_models(connection, [model_id])).get(model_id, {})
    for key, value in params.items():
        if stored.get(key, value) != value:
            raise Failure(
                Reason.PARAM_CONFLICT,
                f"the param {key!r} of logged model {model_id} is {_shown(stored[key])} and cannot"
                f" become {_shown(value)}; a param is written once: use another key, or a tag. No"
                " param of this request was written",
                key=key,
                stored=stored[key],
                given=value,
            )
    new = {key: value for key, value in params.items() if key not in stored}
    await model_rows.insert_params(connection, model_id, new)


async def set_tags(connection: AsyncConnection, model_id: str, tags: Mapping[str, str]) -> None:
    """Sets tags of a model over those of the same key."""
    await model_rows.set_tags(connection, model_id, tags)


def _shown(value: str) -> str:
    cut = value if len(value) <= MAX_SHOWN_CHARS else f"{value[: MAX_SHOWN_CHARS - 1]}…"
    return repr(cut)
