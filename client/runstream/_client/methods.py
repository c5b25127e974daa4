"""The methods that both clients have: those of `Client` return, those of `AsyncClient` are awaited.

A method is declared once, by the function that makes a call of its arguments; what the call returns
depends on which client executes it. Type checkers see for `get_run`

    Client.get_run(run_id: str, *, omit_metrics: bool = False) -> Run
    AsyncClient.get_run(run_id: str, *, omit_metrics: bool = False) -> Coroutine[Any, Any, Run]
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

from runstream._client import artifacts, experiments, info, inputs, metrics, models, runs
from runstream._client.calls import Collect, Pages, Unary
from runstream._client.metrics import Watch
from runstream.entities import RunUpdate

__all__ = ["AsyncExecutor", "Methods", "SyncExecutor"]

P = ParamSpec("P")
T = TypeVar("T")


class SyncExecutor(ABC):
    """Executes calls by blocking."""

    @abstractmethod
    def execute_unary(self, call: Unary[T]) -> T:
        """Makes the call, and repeats it while the server is unavailable, if it may."""

    @abstractmethod
    def execute_pages(self, call: Pages[T]) -> Iterator[T]:
        """Yields the results of all pages; fetches a page when it is due."""

    @abstractmethod
    def execute_collect(self, call: Collect[T]) -> T:
        """Makes the call and takes its whole stream."""

    @abstractmethod
    def execute_watch(self, call: Watch) -> Iterator[RunUpdate]:
        """Yields updates without end."""


class AsyncExecutor(ABC):
    """Executes calls to be awaited."""

    @abstractmethod
    async def execute_unary(self, call: Unary[T]) -> T:
        """Makes the call, and repeats it while the server is unavailable, if it may."""

    @abstractmethod
    def execute_pages(self, call: Pages[T]) -> AsyncIterator[T]:
        """Yields the results of all pages; fetches a page when it is due."""

    @abstractmethod
    async def execute_collect(self, call: Collect[T]) -> T:
        """Makes the call and takes its whole stream."""

    @abstractmethod
    def execute_watch(self, call: Watch) -> AsyncIterator[RunUpdate]:
        """Yields updates without end."""


class _Method(Generic[P, T]):
    """Is the descriptor of a method; the kinds of it say what becomes of the call."""

    executes: str

    def __init__(self, build: Callable[P, T]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    def _bound(self, instance: object) -> Callable[P, Any]:
        execute: Callable[[T], Any] = getattr(instance, self.executes)
        build = self._build

        @wraps(build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - overloads say it
            return execute(build(*args, **kwargs))

        return method


class UnaryMethod(_Method[P, Unary[T]]):
    """A method that makes one call."""

    executes = "execute_unary"

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, instance: SyncExecutor, owner: type[object]) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, instance: AsyncExecutor, owner: type[object]
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, instance: object, owner: type[object]) -> object:
        return self if instance is None else self._bound(instance)


class PagesMethod(_Method[P, Pages[T]]):
    """A method that iterates over pages."""

    executes = "execute_pages"

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, instance: SyncExecutor, owner: type[object]) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(
        self, instance: AsyncExecutor, owner: type[object]
    ) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, instance: object, owner: type[object]) -> object:
        return self if instance is None else self._bound(instance)


class CollectMethod(_Method[P, Collect[T]]):
    """A method that takes a stream and returns what it makes."""

    executes = "execute_collect"

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, instance: SyncExecutor, owner: type[object]) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, instance: AsyncExecutor, owner: type[object]
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, instance: object, owner: type[object]) -> object:
        return self if instance is None else self._bound(instance)


class WatchMethod(_Method[P, Watch]):
    """A method that follows a run."""

    executes = "execute_watch"

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(
        self, instance: SyncExecutor, owner: type[object]
    ) -> Callable[P, Iterator[RunUpdate]]: ...
    @overload
    def __get__(
        self, instance: AsyncExecutor, owner: type[object]
    ) -> Callable[P, AsyncIterator[RunUpdate]]: ...
    def __get__(self, instance: object, owner: type[object]) -> object:
        return self if instance is None else self._bound(instance)


class Methods:
    """The methods of both clients."""

    create_experiment = UnaryMethod(experiments.create_experiment)
    get_experiment = UnaryMethod(experiments.get_experiment)
    get_experiment_by_name = UnaryMethod(experiments.get_experiment_by_name)
    search_experiments = PagesMethod(experiments.search_experiments)
    update_experiment = UnaryMethod(experiments.update_experiment)
    delete_experiment = UnaryMethod(experiments.delete_experiment)
    restore_experiment = UnaryMethod(experiments.restore_experiment)
    set_experiment_tags = UnaryMethod(experiments.set_experiment_tags)
    delete_experiment_tags = UnaryMethod(experiments.delete_experiment_tags)

    create_run = UnaryMethod(runs.create_run)
    get_run = UnaryMethod(runs.get_run)
    update_run = UnaryMethod(runs.update_run)
    finish_run = UnaryMethod(runs.finish_run)
    finish_writer = UnaryMethod(runs.finish_writer)
    resume_run = UnaryMethod(runs.resume_run)
    delete_run = UnaryMethod(runs.delete_run)
    restore_run = UnaryMethod(runs.restore_run)
    search_runs = PagesMethod(runs.search_runs)
    log_params = UnaryMethod(runs.log_params)
    set_tags = UnaryMethod(runs.set_tags)
    delete_tags = UnaryMethod(runs.delete_tags)
    list_writers = PagesMethod(runs.list_writers)

    log_inputs = UnaryMethod(inputs.log_inputs)
    log_outputs = UnaryMethod(inputs.log_outputs)
    search_datasets = PagesMethod(inputs.search_datasets)

    create_logged_model = UnaryMethod(models.create_logged_model)
    get_logged_model = UnaryMethod(models.get_logged_model)
    finalize_logged_model = UnaryMethod(models.finalize_logged_model)
    delete_logged_model = UnaryMethod(models.delete_logged_model)
    set_logged_model_tags = UnaryMethod(models.set_logged_model_tags)
    delete_logged_model_tags = UnaryMethod(models.delete_logged_model_tags)
    log_logged_model_params = UnaryMethod(models.log_logged_model_params)
    search_logged_models = PagesMethod(models.search_logged_models)
    list_logged_model_metrics = PagesMethod(models.list_logged_model_metrics)

    log_metrics = UnaryMethod(metrics.log_metrics)
    list_series = PagesMethod(metrics.list_series)
    history = CollectMethod(metrics.history)
    chart = CollectMethod(metrics.chart)
    watch_run = WatchMethod(metrics.watch_run)

    list_artifacts = PagesMethod(artifacts.list_artifacts)
    delete_artifact = UnaryMethod(artifacts.delete_artifact)
    get_upload = UnaryMethod(artifacts.get_upload)

    server_info = UnaryMethod(info.server_info)
