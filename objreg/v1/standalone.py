"""The index where there is no hub: it lets in whom `auth` lets in, and knows nobody's account."""

from __future__ import annotations

import json
from typing import Any

from objreg.http import Response
from objreg.v1.answers import answer, nothing
from objreg.v1.call import Call
from objreg.v1.errors import V1Error
from objreg.v1.image import is_id

_MOST = 4 * 1024**2
_MOST_IMAGES = 10_000


def ping(call: Call) -> Response:
    """``GET /_ping``, ``/v1/_ping``: the first version is here; `False` makes clients use tokens."""
    return answer({}, headers=[('X-Docker-Registry-Standalone', 'False')])


def put_repository(call: Call) -> Response:
    """``PUT /v1/repositories/<name>/``: a push begins, of these images."""
    name = call.route.name
    call.require('push', name)
    ids = list(dict.fromkeys(one['id'] for one in _images(call)))
    call.view.announcements.add(call.access.subject, name, ids)
    return begun(call, 'write')


def images(call: Call) -> Response:
    """``GET …/images``: a pull begins.  Which images there are the tags say."""
    if not call.view.registry.repository(call.route.name).exists():
        raise V1Error(404, 'images not found')
    return begun(call, 'read', [])


def put_images(call: Call) -> Response:
    """``PUT …/images``: a push is over."""
    _images(call)
    return nothing()


def delete_images(call: Call) -> Response:
    """``DELETE …/images``: there is nothing to forget."""
    return nothing()


def put_auth(call: Call) -> Response:
    """``PUT …/auth``: whoever comes so far is let in."""
    return answer('OK')


def access(call: Call) -> Response:
    """``GET …/layer/<id>/access``: whether an image may be read."""
    found = call.view.find(call.route.reference, call.route.name)
    return answer({'access': found is not None and call.may('pull', call.route.name)})


def users(call: Call) -> Response:
    """``GET /v1/users/``: the password was right, or nobody would be here."""
    return answer('OK')


def post_users(call: Call) -> Response:
    """``POST /v1/users/``: no accounts are made here; clients then try the password that they have."""
    return answer('Username or email already exists', status=400)


def properties(call: Call) -> Response:
    """``GET …/properties``: who sees a repository is not known here but by who is let in."""
    return answer({'access': 'public' if call.access.is_unrestricted else 'private'})


def begun(call: Call, access: str, document: Any = '') -> Response:
    """A push or a pull begins.  Clients need a token and to be told where to go, though nobody here asks for either."""
    headers = [('X-Docker-Endpoints', call.req.host)]
    if call.req.headers.get('X-Docker-Token', '').lower() == 'true':
        token = call.view.tokens.issue(call.route.name, access, subject=call.access.subject)
        headers += [('X-Docker-Token', token), ('WWW-Authenticate', f'Token {token}')]
    return answer(document, headers=headers)


def _images(call: Call) -> list[dict[str, Any]]:
    """The list of images in the body."""
    try:
        said = json.loads(call.body(_MOST))
    except (ValueError, RecursionError) as error:
        raise V1Error(400, 'Error Decoding JSON') from error
    if not isinstance(said, list) or len(said) > _MOST_IMAGES:
        raise V1Error(400, 'Invalid data')
    for one in said:
        if not isinstance(one, dict) or not isinstance(one.get('id'), str) or not is_id(one['id']):
            raise V1Error(400, 'Invalid data')
    return said
