"""The event that open streams see when the server stops."""

import asyncio

import pytest

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.stopping import Stopping


async def wait_inside(stopping: Stopping, entered: asyncio.Event) -> None:
    with stopping.interrupts():
        entered.set()
        await asyncio.Event().wait()


async def test_a_block_that_waits_ends_with_the_failure() -> None:
    stopping, entered = Stopping(), asyncio.Event()
    task = asyncio.create_task(wait_inside(stopping, entered))
    await entered.wait()

    stopping.begin()

    with pytest.raises(Failure) as caught:
        await task
    assert caught.value.reason is Reason.SERVER_STOPPING
    assert task.cancelling() == 0


async def test_a_block_after_the_begin_is_not_entered() -> None:
    stopping = Stopping()
    stopping.begin()

    with pytest.raises(Failure):
        await wait_inside(stopping, asyncio.Event())


async def test_a_task_that_left_its_block_is_not_interrupted() -> None:
    stopping = Stopping()
    with stopping.interrupts():
        await asyncio.sleep(0)

    stopping.begin()

    await asyncio.sleep(0)
    assert stopping.begun


async def test_a_foreign_cancellation_passes_unchanged() -> None:
    stopping, entered = Stopping(), asyncio.Event()
    task = asyncio.create_task(wait_inside(stopping, entered))
    await entered.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_foreign_cancellation_wins_over_the_stop() -> None:
    stopping, entered = Stopping(), asyncio.Event()
    task = asyncio.create_task(wait_inside(stopping, entered))
    await entered.wait()

    stopping.begin()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_nested_blocks_of_two_stops_tell_them_apart() -> None:
    first, second = Stopping(), Stopping()
    seen: list[str] = []
    entered = asyncio.Event()

    async def work() -> None:
        with second.interrupts():
            try:
                await wait_inside(first, entered)
            except Failure:
                seen.append("first")
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await entered.wait()
    first.begin()
    await asyncio.sleep(0)
    second.begin()

    with pytest.raises(Failure):
        await task
    assert seen == ["first"]


async def test_listeners_and_waiters_hear_of_it_once() -> None:
    stopping = Stopping()
    heard: list[int] = []
    stopping.on_begin(lambda: heard.append(1))
    waiter = asyncio.create_task(stopping.wait())

    stopping.begin()
    stopping.begin()

    await waiter
    assert heard == [1]
