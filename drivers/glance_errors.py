"""The `glance` driver's translation of what its libraries raise into the errors of `objreg.store`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import requests
import urllib3.exceptions
from glanceclient import exc
from keystoneauth1 import exceptions as keystone

from objreg.drivers import answers, tls
from objreg.drivers.glance_client import TokenEnded
from objreg.drivers.keystone import of_keystone
from objreg.store import Refused, StoreError, Unavailable

_HINTS = {
    401: 'the token is refused; mend username, password or auth_url',
    403: 'this user may not do that; give it the role member in the project, or mend visibility',
    404: 'there is no Glance v2 there, or the image is gone; if not, mend endpoint',
    409: 'the image is in use, or was changed meanwhile',
    413: 'too large for this server, or over a quota of the project',
    415: 'it looks like a disk image that may do harm; `container_format: docker` has Glance not look',
    507: 'the store is full',
}
"""What to do, for whoever reads the message; words like `visibility` are options of the driver."""
_OUT_OF_REACH = 'Glance cannot be reached; if it stays so, mend region, interface or endpoint'
_DELETED = 410
"""While it was sent."""


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise what the libraries raise within as an error of `objreg.store`, whose message begins with `doing`."""
    try:
        yield
    except exc.HTTPException as error:
        raise _of_answer(error, doing) from error
    except TokenEnded as error:
        raise Unavailable(f'{doing}: the token ended while a body was sent that cannot be sent twice') from error
    except (exc.CommunicationError, exc.InvalidEndpoint) as error:
        raise Unavailable(f'{doing}: {_OUT_OF_REACH}') from error
    except keystone.ClientException as error:
        raise of_keystone(error, doing, 'image service') from error
    except requests.exceptions.SSLError as error:
        raise Unavailable(f'{doing}: {tls.meaning(error, "endpoint")}') from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f'{doing}: the connection failed ({type(error).__name__})') from error


def _of_answer(error: Any, doing: str) -> StoreError:
    said = ' '.join(str(error.details or '').split())[:200]
    status: int = error.code
    message = f'{doing}: {_HINTS.get(status) or said or "the server failed"} ({status})'
    if status == _DELETED or answers.passing(status):
        return Unavailable(message, answers.retry_after(getattr(error, 'headers', {})))
    return Refused(message)
