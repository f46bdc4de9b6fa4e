"""What is wrong with a request, as the first version of the API says so: ``{"error": "text"}``."""

from __future__ import annotations

from objreg.errors import RegistryError
from objreg.http import Response
from objreg.v1.answers import answer


class V1Error(RegistryError):
    """An answer that is not a success; `text` is for the client, and some clients know some of them by heart."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text, headers=headers)
        self.number, self.text = status, text

    def response(self) -> Response:
        """The whole answer; the server drops the body when the request was a HEAD."""
        return answer({'error': self.text}, status=self.number, headers=self.headers.items())


def as_v1(error: RegistryError) -> V1Error:
    """What the second version says, said in the first."""
    if isinstance(error, V1Error):
        return error
    detail = f': {error.detail}' if isinstance(error.detail, str) else ''
    return V1Error(error.status, error.message + detail, error.headers)
