"""Lists the datasets of experiments."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from runstream_server.core.search.page_tokens import open_page_token
from runstream_server.core.search.pages import Page, PageRequest, cut, page_limit
from runstream_server.core.validation import check_count, missing_value
from runstream_server.storage import input_rows
from runstream_server.storage.database import Database
from runstream_server.storage.input_rows import DatasetSummaryRow

__all__ = ["DatasetSummary", "search_datasets"]


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A dataset of an experiment, and what runs read it for; None when they did not say."""

    experiment_id: int
    name: str
    digest: str
    context: str | None


async def search_datasets(
    database: Database, experiment_ids: Sequence[int], page: PageRequest
) -> Page[DatasetSummary]:
    """Returns a page of the datasets that runs of experiments read, each once for every context.

    Raises:
        Failure: MISSING_VALUE, TOO_MANY_ENTRIES, INVALID_PAGE_TOKEN or INVALID_VALUE.
    """
    if not experiment_ids:
        raise missing_value("experiment_ids", "name at least one experiment")
    check_count("experiment_ids", experiment_ids)
    limit = page_limit(page.size, page.greatest)
    question = ("datasets", sorted(experiment_ids))
    after = None
    if page.token:
        after = DatasetSummaryRow(*open_page_token(question, page.token))
    async with database.read() as connection:
        rows = await input_rows.dataset_summaries(connection, experiment_ids, after, limit + 1)
    found = [DatasetSummary(*astuple(row)) for row in rows[:limit]]
    return cut(question, found, [astuple(row) for row in rows])
