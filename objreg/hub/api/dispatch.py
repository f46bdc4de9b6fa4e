"""Finds the operation that a request means, asks whether he may, and runs it.

Nothing here trusts what was sent: fields that an operation does not have are refused (mass assignment), bodies are
bounded, and what somebody may not see is answered as what is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from objreg.errors import NameInvalid, RegistryError, Unauthorized
from objreg.http import Request, Response
from objreg.hub import browser, credentials, names
from objreg.hub.accounts import PasswordRefused, Taken
from objreg.hub.api import conditions
from objreg.hub.api.call import Call
from objreg.hub.api.openapi import document
from objreg.hub.api.operation import PREFIX, Needs, Operation
from objreg.hub.api.problems import Problem, bad_request, conflict, forbidden, unauthenticated, unknown
from objreg.hub.api.table import TABLE
from objreg.hub.authority import NOBODY, Identity, Rejected
from objreg.hub.codes import CodeRefused
from objreg.hub.cursors import CursorRefused
from objreg.hub.first import OtherName
from objreg.hub.hub import Hub
from objreg.hub.mailboxes import AddressRefused, AddressTaken
from objreg.hub.names import NameRefused
from objreg.hub.organisations import LastOwner
from objreg.hub.patterns import PatternRefused
from objreg.hub.sessions import Session
from objreg.hub.token_service import TokenService
from objreg.names import check_name

OPERATOR = 'objreg.hub.operator'
"""Key of the environ: True for the command line, which has the bucket itself."""
_BODY = 64 * 1024
_PATTERNS = [(operation, operation.pattern) for operation in TABLE]


def _of_registry(error: RegistryError) -> Problem:
    """Too many guesses, or a store that does not answer."""
    kind = error.code.lower().replace('_', '-')
    return Problem(error.status, kind, str(error.detail or error.message), headers=error.headers)


def _text(error: Exception) -> Problem:
    return bad_request(str(error))


_PROBLEMS: dict[type[Exception], Callable[[Any], Problem]] = {
    RegistryError: _of_registry,
    NameRefused: _text,
    PasswordRefused: _text,
    PatternRefused: _text,
    CursorRefused: _text,
    AddressRefused: _text,
    AddressTaken: lambda _: conflict('taken', 'that address is another account\'s'),
    OtherName: lambda error: conflict('other-name', f'somebody began by the name {error}: go on by that'),
    CodeRefused: lambda _: forbidden('the code is not good: it may have been used, or have expired'),
    Taken: lambda error: conflict('taken', f'{error} is somebody\'s already'),
    LastOwner: lambda error: conflict('last-owner', f'without {error} there would be no owner'),
}
"""What else operations raise, and how it is answered."""
EXPECTED: tuple[type[Exception], ...] = (Problem, *_PROBLEMS)


def as_problem(error: Exception) -> Problem:
    """One of `EXPECTED`, which an operation raised, as a problem."""
    if isinstance(error, Problem):
        return error
    return next(made for kind, made in _PROBLEMS.items() if isinstance(error, kind))(error)


class Api:
    """``/api/v1``"""

    def __init__(self, hub: Hub, tokens: TokenService) -> None:
        self._hub = hub
        self._tokens = tokens

    def respond(self, req: Request) -> Response:
        """The answer; problems included."""
        try:
            return self._respond(req)
        except EXPECTED as error:
            return as_problem(error).response()

    def _respond(self, req: Request) -> Response:
        path = req.environ['PATH_INFO'].removeprefix(PREFIX)
        if path == '/openapi.json':
            return Response(
                status=200, headerlist=[('Content-Type', 'application/json')], body=json.dumps(document()).encode()
            )
        operation, given = _find(req.environ['REQUEST_METHOD'], path)
        is_operator = req.environ.get(OPERATOR) is True
        session = None if is_operator else self._session(req)
        identity = NOBODY if is_operator else self._identity(req, session)
        call = Call(req, self._hub, identity, is_operator, session)
        _allow(call, operation, given)
        arguments = {**given, **_query(req, operation)}
        if operation.body is not None:
            arguments['body'] = _body(req, operation)
        if operation.method != 'GET':
            conditions.check_match(req, lambda: _current(call, path, given))
        answer = operation.function(call, **arguments)
        headers = [('Cache-Control', 'no-store'), *call.headers]
        if answer is None:
            return Response(status=204, headerlist=headers)
        body = msgspec.json.encode(answer)
        if operation.method == 'GET':
            headers.append(('ETag', conditions.tag_of(body)))
            if conditions.is_known(req, conditions.tag_of(body)):
                return Response(status=304, headerlist=headers)
        return Response(status=operation.status, headerlist=[('Content-Type', 'application/json'), *headers], body=body)

    def _session(self, req: Request) -> Session | None:
        """That of the cookie, where no header says who asks; None where there is none that counts."""
        if req.environ.get('HTTP_AUTHORIZATION'):
            return None
        session = self._hub.sessions.read(browser.cookie(req, browser.SESSION))
        if session is None:
            return None
        # a browser sends the cookie for any page, whoever wrote it (CVE-2019-19025)
        if req.environ['REQUEST_METHOD'] not in browser.SAFE and not (browser.is_own(req) and _is_json(req)):
            raise forbidden('by a cookie, this needs application/json and an Origin or Sec-Fetch-Site of this hub')
        return session if self._hub.sessions.is_live(session) else None

    def _identity(self, req: Request, session: Session | None) -> Identity:
        """Who the session or the header says: Basic, or Bearer with a token; never one that is for registries."""
        if session is not None:
            return Identity(session.user, session.account)
        scheme, _, text = req.environ.get('HTTP_AUTHORIZATION', '').partition(' ')
        try:
            if scheme.lower() != 'bearer':
                return self._tokens.basic(req)
            credential = credentials.parse(text.strip())
            if credential is None or credential.kind not in ('pat', 'robot'):
                raise Rejected('not a token of the hub')
            return self._hub.authority.recognise(credential)
        except (Rejected, Unauthorized) as error:
            raise unauthenticated('the credentials are not good') from error


def _current(call: Call, path: str, given: dict[str, str]) -> bytes | None:
    """What a GET of the same path would answer; None where it answers nothing.  Raises what it raises."""
    try:
        operation, _ = _find('GET', path)
    except Problem as error:
        raise bad_request('If-Match: nothing can be read at this path') from error
    _allow(call, operation, given)
    try:
        return msgspec.json.encode(operation.function(call, **given))
    except Problem as error:
        if error.status == 404:
            return None
        raise


def _find(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    allowed = set()
    for operation, pattern in _PATTERNS:
        found = pattern.fullmatch(path)
        if found and operation.method == method:
            return operation, found.groupdict()
        if found:
            allowed.add(operation.method)
    if allowed:
        raise Problem(405, 'method', 'not by that method', headers={'Allow': ', '.join(sorted(allowed))})
    raise unknown('there is nothing at this path')


def _allow(call: Call, operation: Operation, given: dict[str, str]) -> None:
    """Raise a problem unless who asks may do this.  The one place where the API decides that."""
    _check_names(given)
    if operation.needs is Needs.NOTHING or call.is_operator:
        return
    identity, authority = call.identity, call.hub.authority
    if operation.needs is Needs.READER:
        if not authority.may(identity, 'pull', given['repository']):
            raise unknown('no such repository') if identity.name else unauthenticated()
        return
    if not identity.name:
        raise unauthenticated()
    if operation.needs is Needs.REPOSITORY:
        if not authority.may(identity, 'administer', given['repository']):
            raise forbidden() if authority.may(identity, 'pull', given['repository']) else unknown('no such repository')
        return
    if identity.scopes is not None or names.ROBOT in identity.name:
        raise forbidden('a token with scopes is for registries, and administers nothing')
    if operation.needs is Needs.ACCOUNT:
        return
    if not (_is_his(operation.needs, call, given) or authority.is_administrator(identity)):
        raise forbidden()


def _is_his(needs: Needs, call: Call, given: dict[str, str]) -> bool:
    identity, hub = call.identity, call.hub
    if needs is Needs.SELF:
        return given['user'] == identity.name
    if needs is Needs.OWNER:
        return hub.authority.owns(identity, given['namespace'])
    if needs is Needs.MEMBER:
        return bool(hub.organisations.place(given['namespace'], identity.name).role)
    return False


def _check_names(given: dict[str, str]) -> None:
    """Whatever is built into a key has the form of a name first."""
    for name, value in given.items():
        if name == 'repository':
            try:
                check_name(value)
            except NameInvalid as error:
                raise bad_request('that is no name of a repository') from error
        elif name in ('user', 'namespace') and value != names.LIBRARY:
            if not names.is_account(value):
                raise unknown(f'there is no {name} of that name')
        elif name in ('team', 'robot'):
            names.check_part(value)


def _query(req: Request, operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in req.GET.items():
        if name not in operation.defaults:
            raise bad_request(f'there is no parameter {name[:50]!r}')
        try:
            found[name] = msgspec.convert(text, operation.parameters[name], strict=False)
        except msgspec.ValidationError as error:
            raise bad_request(f'{name}: {error}') from error
    return found


def _is_json(req: Request) -> bool:
    kind: str = req.headers.get('Content-Type', '')
    return kind.partition(';')[0].strip().lower() == 'application/json'


def _body(req: Request, operation: Operation) -> Any:
    if not _is_json(req):
        raise Problem(415, 'media-type', 'the body is to be application/json')
    data = req.body_file.read(_BODY + 1)
    if len(data) > _BODY:
        raise Problem(413, 'too-large', f'the body has more than {_BODY} bytes')
    try:
        return msgspec.json.decode(data, type=operation.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(str(error)) from error
