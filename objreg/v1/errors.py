"""What is wrong with a request, as the first version of the API says so: ``{"error": "text"}``."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from objreg.errors import RegistryError
from objreg.http import Response
from objreg.v1.answers import answer

Given = TypeVar('Given')


class V1Error(RegistryError):
    """An answer that is not a success; `text` is for the client, and some clients know some of them by heart."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text, headers=headers)
        self.number, self.text = status, text

    def response(self) -> Response:
        """The whole answer; the server drops the body when the request was a HEAD."""
        return answer({'error': self.text}, status=self.number, headers=self.headers.items())


def unauthorized(headers: dict[str, str]) -> V1Error:
    """401: somebody has to say who he is, or is not who he says; the headers tell by what (``WWW-Authenticate``)."""
    return V1Error(401, 'Requires authorization', headers)


def decoded(data: bytes, kind: type[Given]) -> Given:
    """What the body of a request says, read strictly; raises 400."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise V1Error(400, f'Invalid data: {error}') from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise V1Error(400, 'Error Decoding JSON') from error


def as_v1(error: RegistryError) -> V1Error:
    """What the second version says, said in the first."""
    if isinstance(error, V1Error):
        return error
    detail = f': {error.detail}' if isinstance(error.detail, str) else ''
    return V1Error(error.status, error.message + detail, error.headers)
