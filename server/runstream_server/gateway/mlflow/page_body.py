"""Pages of what searches find, as JSON; written without keeping other requests waiting."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from starlette.responses import Response

from runstream_server.core.search.pages import Page
from runstream_server.gateway.mlflow.run_json import encode

__all__ = ["page_answer"]

T = TypeVar("T")

WRITTEN_AT_ONCE: Final = 100
"""So many items are written as JSON before other requests have their turn."""


async def page_answer(name: str, page: Page[T], written: Callable[[T], str]) -> Response:
    """Answers with a page: its items under a name, and the token; `{}` when there are none.

    Args:
        name: The field of the items.
        page: The page.
        written: Returns an item as JSON.
    """
    parts: list[str] = []
    for begin in range(0, len(page.items), WRITTEN_AT_ONCE):
        some = page.items[begin : begin + WRITTEN_AT_ONCE]
        parts.append(",".join(map(written, some)))
        await asyncio.sleep(0)
    fields: list[str] = []
    if parts:
        fields.append(f'"{name}":[{",".join(parts)}]')
    if page.next_page_token:
        fields.append(f'"next_page_token":{encode(page.next_page_token)}')
    return Response(f"{{{','.join(fields)}}}".encode(), media_type="application/json")
