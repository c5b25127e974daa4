"""Lists the keys that runs of experiments use."""

from dataclasses import dataclass

from runstream_server.core.limits import MAX_KEY_LENGTH
from runstream_server.core.search.page_tokens import invalid_page_token, open_page_token
from runstream_server.core.search.pages import Page, PageRequest, cut, page_limit
from runstream_server.core.validation import check_text
from runstream_server.storage.database import Database
from runstream_server.storage.key_rows import KeyKind, keys_in_use

__all__ = ["KeyKind", "KeyQuestion", "list_keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyQuestion:
    """Which keys are wanted. No experiment ids means all experiments."""

    kind: KeyKind
    experiment_ids: tuple[int, ...] = ()
    prefix: str = ""


async def list_keys(database: Database, question: KeyQuestion, page: PageRequest) -> Page[str]:
    """Returns a page of keys, each once, in the order of their code points.

    Raises:
        Failure: INVALID_PAGE_TOKEN, or INVALID_VALUE of the page size or the prefix.
    """
    check_text("prefix", question.prefix, MAX_KEY_LENGTH)
    limit = page_limit(page.size)
    after = open_page_token(question, page.token)[0] if page.token else None
    if after is not None and not isinstance(after, str):
        raise invalid_page_token()
    async with database.read() as connection:
        keys = await keys_in_use(
            connection,
            question.experiment_ids,
            question.kind,
            prefix=question.prefix,
            after=after,
            limit=limit + 1,
        )
    return cut(question, keys[:limit], [[key] for key in keys])
