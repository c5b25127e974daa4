"""What the server finds out about the store before it uses it.

Stores that speak S3's protocol differ in what they check, and some say that they accept what they
ignore. So each ability is tried, also with what a store that has it must refuse.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from dataclasses import replace
from typing import Final

from runstream_server.objects.checksums import crc32c
from runstream_server.objects.errors import StorageError
from runstream_server.objects.s3.answers import Abilities
from runstream_server.objects.s3.bucket import Bucket
from runstream_server.objects.s3.failures import ConditionFailed, RequestRefused
from runstream_server.objects.s3.multipart import Multipart

__all__ = ["PROBE_PREFIX", "abilities_of"]

PROBE_PREFIX: Final = ".probe-"
DATA: Final = b"runstream looks what this store can do"
CRC: Final = crc32c(DATA)
WRONG_CRC: Final = CRC ^ 1
WRONG_TAG: Final = '"00000000000000000000000000000000"'

_log = logging.getLogger(__name__)


async def abilities_of(bucket: Bucket, multipart: Multipart) -> Abilities:
    """Checks that objects can be stored, listed and deleted, and finds out what else works.

    The abilities of the two arguments are set on the way, for what is tried next.

    Raises:
        StorageError: The store cannot be used; the message says what to do.
    """
    await bucket.check_exists()
    folder = f"{bucket.destination.uploads}{PROBE_PREFIX}{secrets.token_hex(8)}/"
    key = f"{folder}inner/object"
    await bucket.put(key, DATA, CRC)
    try:
        found = Abilities(crc32c=await _checks_crc32c(bucket, key))
        bucket.abilities = found
        found = replace(found, conditional_writes=await _compares_versions(bucket, key))
        if found.crc32c:
            multipart.abilities = replace(found, whole_crc32c=True)
            found = replace(found, whole_crc32c=await _checks_parts(multipart, key))
    finally:
        await bucket.delete(key)
    listed = await bucket.list_page(folder, by_folder=True)
    found = replace(found, hides_empty_folders=not listed.folders)
    bucket.abilities = multipart.abilities = found
    _log.info(
        "s3_abilities",
        extra={name: getattr(found, name) for name in Abilities.__slots__},
    )
    return found


async def _checks_crc32c(bucket: Bucket, key: str) -> bool:
    bucket.abilities = Abilities(crc32c=True)
    try:
        await bucket.put(key, DATA, CRC)
    except RequestRefused:
        return False
    return await _refuses_put(bucket, key)


async def _refuses_put(bucket: Bucket, key: str) -> bool:
    try:
        await bucket.put(key, DATA, WRONG_CRC)
    except RequestRefused:
        return True
    return False


async def _compares_versions(bucket: Bucket, key: str) -> bool:
    bucket.abilities = replace(bucket.abilities, conditional_writes=True)
    with suppress(RequestRefused):
        try:
            await bucket.put(key, DATA, CRC, only_over=WRONG_TAG)
        except ConditionFailed:
            etag, _ = await bucket.put(key, DATA, CRC)
            await bucket.put(key, DATA, CRC, only_over=etag)
            return True
    return False


async def _checks_parts(multipart: Multipart, key: str) -> bool:
    try:
        s3_upload_id = await multipart.begin_parts(key, {}, None)
    except RequestRefused:
        return False
    is_complete = False
    try:
        try:
            await multipart.put_part(key, s3_upload_id, 1, DATA, WRONG_CRC)
        except RequestRefused:
            part = await multipart.put_part(key, s3_upload_id, 1, DATA, CRC)
            await multipart.complete_parts(key, s3_upload_id, [part], CRC)
            is_complete = True
    except RequestRefused:
        return False
    finally:
        if not is_complete:
            with suppress(StorageError):
                await multipart.abort_parts(key, s3_upload_id)
    return is_complete
