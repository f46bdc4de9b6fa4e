"""The `azure` driver's translation of what its library raises into the errors of `objreg.store`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from azure.core import exceptions as azure

from objreg.drivers import answers, tls
from objreg.store import NotFound, Refused, StoreError, Unavailable

MISSING = frozenset({'BlobNotFound', 'CannotVerifyCopySource', 'ResourceNotFound'})
"""The codes of a missing blob, or source of a copy.  A missing container has a 404 too; a proxy's 404 has no code."""
_UNMET = frozenset({'BlobAlreadyExists', 'ConditionNotMet', 'TargetConditionNotMet'})
_WORTH_A_TRY = frozenset({
    'ContainerBeingDeleted', 'IncompleteBody', 'Md5Mismatch', 'PendingCopyOperation', 'RequestTimeout',
    'SourceConditionNotMet',
})
"""Codes that pass, whatever their status: bytes spoiled on their way, a conflict that is settled by now."""
_REFUSED = 'refused; mend account, account_key or sas_token, the role of the identity, or the firewall of the account'
_NOT_ALLOWED = (
    'these credentials may not do that; mend sas_token, or give the identity the role Storage Blob Data Contributor'
)
_HINTS = {
    'AccountIsDisabled': 'the account is disabled',
    'AuthenticationFailed': "refused; mend account, account_key or sas_token, or set this machine's clock",
    'AuthorizationFailure': _REFUSED,
    'AuthorizationPermissionMismatch': _NOT_ALLOWED,
    'CannotVerifyCopySource': "Azure may not read what it is to copy; set this machine's clock, or mend account_key",
    'ContainerBeingDeleted': 'the container is being deleted',
    'ContainerNotFound': 'the container does not exist; make it by `objreg store setup`, or mend container',
    'InsufficientAccountPermissions': _NOT_ALLOWED,
    'InvalidAuthenticationInfo': _REFUSED,
    'InvalidBlockList': 'a part of it is not there',
    'InvalidRange': 'a range beyond its end',
    'InvalidResourceName': 'that is no name; mend container',
    'KeyBasedAuthenticationNotPermitted': 'keys are switched off; log in by Entra ID, without account_key',
    'LeaseIdMissing': 'somebody holds a lease on it',
    'NoAuthenticationInformation': _REFUSED,
    'ResourceNotFound': 'there is no such account; mend endpoint or account',
    'SnapshotsPresent': 'it has snapshots, which objreg did not make',
    'SourceConditionNotMet': 'it was replaced meanwhile, or is gone',
    'UnauthorizedBlobOverwrite': 'sas_token may create, and not overwrite; give it w',
}
"""What to do, for whoever reads the message; words like `container` are options of the driver."""


@contextlib.contextmanager
def translated(
    doing: str, unmet: type[StoreError] = Refused, *, missing: type[StoreError] = NotFound
) -> Iterator[None]:
    """Raise what the library raises within as an error of `objreg.store`, whose message begins with `doing`.

    `unmet` is what an unmet precondition means, and `missing` what it means that something is not there.
    """
    try:
        yield
    except (azure.ServiceRequestError, azure.ServiceResponseError, azure.DecodeError) as error:
        raise Unavailable(f'{doing}: {_of_connection(error)} ({type(error).__name__})') from error
    except azure.HttpResponseError as error:
        raise of_answer(error, doing, unmet, missing) from error
    except (requests.RequestException, azure.AzureError) as error:
        raise Unavailable(f'{doing}: the connection failed ({type(error).__name__})') from error


def of_answer(
    error: azure.HttpResponseError, doing: str, unmet: type[StoreError] = Refused, missing: type[StoreError] = NotFound
) -> StoreError:
    """What an error that the server answered means."""
    response: Any = error.response
    if response is None:
        if isinstance(error, azure.ClientAuthenticationError):
            said = ' '.join(str(error.message).split())[:200]
            return Refused(f'{doing}: no token; set account_key, or log this machine in: {said}')
        return Unavailable(f'{doing}: the answer was cut ({type(error).__name__})')
    said = str(error.message).partition('\n')[0][:200]
    return of_code(
        code_of(error), response.status_code, doing, response.headers, unmet=unmet, missing=missing, said=said
    )


def of_code(
    code: str, status: int, doing: str, headers: Mapping[str, str], *, unmet: type[StoreError] = Refused,
    missing: type[StoreError] = NotFound, said: str = '',
) -> StoreError:
    """What a code of Azure ('' if there was none) and the status it came with mean."""
    if code in MISSING and status == 404 and missing is NotFound:
        return NotFound(f'{doing}: no such key')
    if code in _UNMET or (code == 'CannotVerifyCopySource' and status == 412):
        return unmet(f'{doing}: precondition failed ({code})')
    message = f'{doing}: {_HINTS.get(code) or said or "the server failed"} ({code or status})'
    if status == 404 and not code:
        return Unavailable(f'{doing}: a 404 that Azure would not give; something stands between')
    if code in _WORTH_A_TRY or answers.passing(status):
        return Unavailable(message, answers.retry_after(headers))
    return Refused(message)


def code_of(error: azure.HttpResponseError) -> str:
    """Azure's code of an error, '' if it has none; answers to a HEAD have it too."""
    response: Any = error.response
    return '' if response is None else str(response.headers.get('x-ms-error-code') or '')


def _of_connection(error: azure.AzureError) -> str:
    if isinstance(error, azure.ServiceRequestTimeoutError):
        return 'endpoint did not accept a connection in time'
    if isinstance(error, azure.ServiceResponseTimeoutError):
        return 'no answer within read_timeout'
    if isinstance(error.inner_exception, requests.exceptions.SSLError):
        return tls.meaning(error.inner_exception, 'endpoint')
    if isinstance(error, azure.ServiceRequestError):
        return 'endpoint cannot be reached; mend account or endpoint'
    return 'the connection failed'
