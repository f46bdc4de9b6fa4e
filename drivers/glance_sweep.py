"""Images of the `glance` driver that no object has: found, and deleted.

They are left when a process dies between an image and its record, or when two write one object at the same moment.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from objreg.drivers.glance_client import Image
from objreg.drivers.glance_names import BUCKET, KEY

if TYPE_CHECKING:
    from objreg.drivers.glance import GlanceStore


def sweep(store: GlanceStore, seconds: float) -> int:
    """Delete images that are older than that and belong to no object; how many they were."""
    newest = time.time() - seconds
    with store.errors('list', 'all images'):
        old = [
            {name: image[name] for name in ('id', KEY) if name in image}
            for image in store.images.all(**{BUCKET: store.bucket}) if modified(image) < newest
        ]
    doomed = [image['id'] for image in old if not store.is_in_use(image)]
    store.discard(doomed)
    return len(doomed)


def modified(image: Image) -> float:
    """When an image was changed last, in seconds since the epoch."""
    told = datetime.fromisoformat(image['updated_at'])
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
