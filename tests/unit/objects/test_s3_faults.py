"""What the way to the bucket, and servers that can less, do to the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from tests.support.s3 import S3Server
from tests.support.s3_proxy import CUT_ANSWER, PASS, Act, Request, S3Proxy, s3_proxy
from tests.unit.objects.backends import (
    S3Backend,
    at,
    get,
    names,
    new_upload_id,
    put,
    sha256,
    some_bytes,
    until,
)

from runstream_server.objects.base import ObjectStore
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.errors import StorageError, StorageFull, UploadCommitted, UploadFenced
from runstream_server.objects.s3.destination import S3Destination
from runstream_server.objects.s3.limits import MIN_PART_BYTES, S3Limits
from runstream_server.objects.s3.store import S3Store

PART = MIN_PART_BYTES
MIB = 1 << 20
DATA = some_bytes(2 * PART + MIB)


@pytest.fixture
async def proxy(
    s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[S3Proxy]:
    async with s3_proxy(s3_environment.url) as proxy:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def bucket(s3_environment: S3Server, proxy: S3Proxy) -> S3Backend:
    assert proxy.url
    return S3Backend(s3_environment.destination())


@pytest.fixture
async def s3_store(bucket: S3Backend, proxy: S3Proxy) -> AsyncGenerator[S3Store]:
    async with bucket.new_store() as store:
        proxy.seen.clear()
        yield store
        proxy.rule = lambda _: PASS


async def send(store: ObjectStore, upload_id: str, data: bytes) -> None:
    async with await store.open_upload(upload_id, at("a")) as upload:
        while upload.offset < len(data):
            await upload.append(data[upload.offset : upload.offset + MIB])
        await upload.commit()


def completes(request: Request) -> bool:
    return request.method == "POST" and "uploadId" in request.query


def records(request: Request) -> bool:
    return request.method == "PUT" and "/.runstream/uploads/" in request.path


@pytest.mark.parametrize("act", [Act(status=500), Act(status=503, code="SlowDown"), CUT_ANSWER])
async def test_a_part_is_sent_again_when_its_request_fails(
    s3_store: S3Store, proxy: S3Proxy, act: Act
) -> None:
    proxy.once(act, lambda request: request.is_part)

    await send(s3_store, new_upload_id(), DATA)

    assert await get(s3_store, "a") == DATA
    parts = [request.query["partNumber"] for request in proxy.seen if request.is_part]
    assert len(parts) == 4


@pytest.mark.parametrize("size_bytes", [MIB, len(DATA)])
async def test_a_commit_whose_answer_is_lost_is_a_commit(
    s3_store: S3Store, proxy: S3Proxy, size_bytes: int
) -> None:
    data = DATA[:size_bytes]

    def commits(request: Request) -> bool:
        return completes(request) or (request.method == "PUT" and request.path.endswith("/a"))

    proxy.once(CUT_ANSWER, lambda request: commits(request) and not request.is_part)

    await send(s3_store, new_upload_id(), data)

    assert await get(s3_store, "a") == data


async def test_a_record_whose_answer_is_lost_does_not_fence_its_writer(
    s3_store: S3Store, proxy: S3Proxy
) -> None:
    async with await s3_store.open_upload(new_upload_id(), at("a")) as upload:
        proxy.once(CUT_ANSWER, records)
        for begin in range(0, len(DATA), MIB):
            await upload.append(DATA[begin : begin + MIB])
        assert await upload.sync() == 2 * PART
        await upload.commit()

    assert await get(s3_store, "a") == DATA


async def test_an_upload_that_failed_goes_on_from_what_is_durable(
    bucket: S3Backend, proxy: S3Proxy
) -> None:
    upload_id = new_upload_id()
    async with bucket.new_store() as store:
        denied = Act(status=403, code="AccessDenied")
        proxy.always(denied, lambda request: request.query.get("partNumber") == "2")
        with pytest.raises(StorageError, match="AccessDenied"):
            await send(store, upload_id, DATA)
        proxy.rule = lambda _: PASS

        async with await store.open_upload(upload_id, at("a")) as upload:
            assert upload.offset in {0, PART}
        await send(store, upload_id, DATA)

        assert await get(store, "a") == DATA
        with pytest.raises(UploadCommitted):
            await store.open_upload(upload_id, at("a"))


async def test_a_download_goes_on_where_its_connection_broke(
    s3_store: S3Store, proxy: S3Proxy
) -> None:
    await put(s3_store, "a", DATA)
    proxy.seen.clear()
    cuts = iter([300_000, 2_000_000, 0])
    proxy.rule = lambda request: (
        Act(cut_after_bytes=next(cuts, None)) if request.method == "GET" else PASS
    )

    assert sha256(await get(s3_store, "a", offset=10)) == sha256(DATA[10:])

    ranges = [request.headers["range"] for request in proxy.seen if request.method == "GET"]
    assert len(ranges) == 4
    begins = [int(each.removeprefix("bytes=").split("-")[0]) for each in ranges]
    assert begins == sorted(begins)
    assert begins[0] == 10 < begins[-1]


async def test_a_download_that_broke_does_not_go_on_in_another_version(
    s3_store: S3Store, proxy: S3Proxy
) -> None:
    await put(s3_store, "a", DATA)
    # Behind what the reader reads ahead, so that it hears of the cut after the replacement.
    proxy.once(Act(cut_after_bytes=6 * MIB), lambda request: request.method == "GET")

    async with await s3_store.open_read(at("a")) as reader:
        first = await anext(reader)
        await put(s3_store, "a", some_bytes(len(DATA), seed=2))
        with pytest.raises(StorageError, match="replaced or deleted while it was read"):
            _ = [chunk async for chunk in reader]

    assert first == DATA[:MIB]


async def test_memory_holds_a_few_parts_and_the_sender_waits(
    bucket: S3Backend, proxy: S3Proxy
) -> None:
    limits = S3Limits(
        part_bytes=PART, unsized_part_bytes=PART, parts_in_flight=2, memory_bytes=4 * PART
    )
    bucket.limits = limits
    async with bucket.new_store() as store:
        proxy.seen.clear()  # the store has tried what the bucket can, parts included
        goes_on = asyncio.Event()
        proxy.always(Act(wait_for=goes_on), lambda request: request.is_part)
        uploads = [await store.open_upload(new_upload_id(), at(f"f/{n}")) for n in range(3)]

        async def feed(number: int) -> None:
            for _ in range(20):
                await uploads[number].append(bytes(MIB))

        feeding = [asyncio.create_task(feed(number)) for number in range(3)]
        try:
            # The fourth that there is room for gathers, or is on its way as well.
            await until(lambda: proxy.part_count >= 3, "three parts are on their way")
            await store.upload_status(uploads[0].upload_id)

            assert sum(upload.offset for upload in uploads) <= 4 * PART + 3 * MIB
            assert proxy.part_count <= 4
            assert not any(task.done() for task in feeding)
        finally:
            goes_on.set()
        await asyncio.gather(*feeding)
        for upload in uploads:
            assert (await upload.commit()).size_bytes == 20 * MIB


async def test_who_waits_for_memory_when_its_upload_is_taken_over_gives_it_back(
    bucket: S3Backend,
) -> None:
    bucket.limits = S3Limits(
        part_bytes=PART, unsized_part_bytes=PART, parts_in_flight=2, memory_bytes=PART
    )
    async with bucket.new_store() as store:
        holder = await store.open_upload(new_upload_id(), at("holder"))
        await holder.append(b"x")
        waiter = await store.open_upload(new_upload_id(), at("waiter"))
        waiting = asyncio.create_task(waiter.append(b"y"))
        other = await store.open_upload(waiter.upload_id, at("waiter"))

        await holder.commit()

        with pytest.raises(UploadFenced):
            await waiting
        await other.append(b"z")
        await other.commit()
        assert await get(store, "waiter") == b"z"
        assert store._started.desk.means.budget.used_bytes == 0  # noqa: SLF001


async def test_a_store_that_stalls_does_not_keep_the_server_from_stopping(
    bucket: S3Backend, proxy: S3Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstream_server.objects.s3.uploads.CLOSE_GRACE_S", 0.1)
    upload_id, never = new_upload_id(), asyncio.Event()
    async with bucket.new_store() as store:
        proxy.seen.clear()  # the store has tried what the bucket can, parts included
        proxy.always(Act(wait_for=never), lambda request: request.is_part)
        upload = await store.open_upload(upload_id, at("a"))
        for begin in range(0, 2 * PART, MIB):
            await upload.append(DATA[begin : begin + MIB])
        await until(lambda: proxy.part_count == 2, "two parts are on their way")

    never.set()
    proxy.rule = lambda _: PASS
    async with bucket.new_store() as store:
        await send(store, upload_id, DATA)
        assert await get(store, "a") == DATA


async def test_stores_that_can_less_hold_the_same(bucket: S3Backend, proxy: S3Proxy) -> None:
    def rule(request: Request) -> Act:
        has_extras = any(
            name in request.headers
            for name in ("x-amz-checksum-crc32c", "x-amz-checksum-algorithm", "if-match")
        )
        is_batch = request.method == "POST" and "delete" in request.query
        refused = (request.method == "PUT" and has_extras) or is_batch
        return Act(status=501, code="NotImplemented") if refused else PASS

    proxy.rule = rule
    upload_id = new_upload_id()
    async with bucket.new_store() as store:
        abilities = store._started.bucket.abilities  # noqa: SLF001
        assert (abilities.crc32c, abilities.conditional_writes) == (False, False)
        await put(store, "f/small", b"data")
        async with await store.open_upload(upload_id, at("a")) as upload:
            for begin in range(0, PART, MIB):
                await upload.append(DATA[begin : begin + MIB])

    async with bucket.new_store() as store:
        await send(store, upload_id, DATA)
        assert await get(store, "a") == DATA
        checked = [request for request in proxy.seen if request.is_part]
        assert all("content-md5" in request.headers for request in checked)
        assert (await store.delete(at(""))).file_count == 2
        assert await names(store) == []


async def test_a_store_that_ignores_checksums_is_found_out(
    bucket: S3Backend, proxy: S3Proxy
) -> None:
    proxy.always(Act(status=200), lambda request: "x-amz-checksum-crc32c" in request.headers)

    async with bucket.new_store() as store:
        assert not store._started.bucket.abilities.crc32c  # noqa: SLF001
        await put(store, "a", DATA)
        assert await get(store, "a") == DATA


@pytest.mark.parametrize(
    ("act", "kind", "expected"),
    [
        (Act(status=403, code="AccessDenied"), StorageError, "docs/operating.md"),
        (Act(status=403, code="RequestTimeTooSkewed"), StorageError, "clock"),
        (Act(status=403, code="InvalidAccessKeyId"), StorageError, "check the credentials"),
        (Act(status=404, code="NoSuchBucket"), StorageError, "create it, or correct"),
        (Act(status=507, code="XMinioStorageFull"), StorageFull, "no room"),
    ],
)
async def test_a_refusal_says_what_to_do(
    s3_store: S3Store, proxy: S3Proxy, act: Act, kind: type[StorageError], expected: str
) -> None:
    proxy.always(act, lambda request: request.method == "PUT")

    with pytest.raises(kind, match=expected) as raised:
        await put(s3_store, "a")

    assert s3_store._destination.uri in str(raised.value)  # noqa: SLF001
    assert proxy.url in str(raised.value)


@pytest.mark.usefixtures("s3_environment")
async def test_a_bucket_that_is_not_there_is_named_at_the_start() -> None:
    store = S3Store(S3Destination(bucket="no-such-bucket-here"))

    with pytest.raises(StorageError, match=r"s3://no-such-bucket-here .*create it"):
        await store.start()
    await store.close()


async def test_a_server_that_is_not_there_is_named_at_the_start(
    s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("runstream_server.objects.s3.client.ATTEMPTS", 1)

    with pytest.raises(StorageError, match=r"127\.0\.0\.1:9: nothing answers there"):
        await S3Store(s3_environment.destination()).start()


async def test_credentials_that_are_missing_are_asked_for(
    s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    with pytest.raises(StorageError, match="set AWS_ACCESS_KEY_ID"):
        await S3Store(s3_environment.destination()).start()


async def test_bytes_that_changed_on_the_way_are_refused(s3_store: S3Store) -> None:
    bucket = s3_store._started.bucket  # noqa: SLF001
    multipart = s3_store._started.desk.means.multipart  # noqa: SLF001
    key = s3_store._destination.key_of(at("a"))  # noqa: SLF001
    s3_upload_id = await multipart.begin_parts(key, {}, None)

    with pytest.raises(StorageError, match="changed on their way"):
        await bucket.put(key, b"data", crc32c(b"dato"))
    with pytest.raises(StorageError, match="changed on their way"):
        await multipart.put_part(key, s3_upload_id, 1, b"data", crc32c(b"dato"))
    part = await multipart.put_part(key, s3_upload_id, 1, b"data", crc32c(b"data"))
    with pytest.raises(StorageError, match="changed on their way"):
        await multipart.complete_parts(key, s3_upload_id, [part], crc32c(b"dato"))

    await multipart.abort_parts(key, s3_upload_id)
    assert await names(s3_store) == []
