"""The storage application: maps ``/v2/…`` onto bucket keys.  The last in the pipeline, and the only one with blobs.

Options:

``store = default``
    The store in ``stores.yml`` that holds the registry.  Usually said once, in ``[DEFAULT]``.
``redirect = auto``
    Whether a client that pulls a blob is sent to the store by a signed URL: ``auto`` where the store can sign,
    ``always`` (the start fails where it cannot), or ``never``.
``redirect_networks =``
    Only clients in these networks are redirected (``10.0.0.0/8 192.168.0.0/16``); empty: all.  Others get the bytes
    through this node.
``redirect_seconds = 1200``
    How long a signed URL is good.
``delete = true``
    Whether tags, manifests and blobs may be deleted.
``sparse = none``
    What is accepted although not all that it names is here: ``none``, ``indexes`` (their manifests may be elsewhere:
    some platforms of an image), or ``all`` (an image's blobs too).
``manifest_size = 4 MiB``
    Larger manifests are refused.
``manifest_children = 2000``
    How many blobs and manifests one manifest may name.
``page = 1000``
    The most names on one page of tags, of the catalog or of referrers; clients may ask for fewer with ``n``.
``part_size = 10 MiB``
    Size of the parts of a large blob on stores that want equal ones.
``upload_seconds = 7 days``
    An upload that began longer ago cannot be gone on with.

Example::

    [app:registry]
    use = egg:objreg#registry
    store = default
"""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from objreg.config import ConfigError, as_bool, as_networks, as_seconds, as_size
from objreg.errors import MethodNotAllowed, NotFoundHere, RegistryError, RequestInvalid, of_store
from objreg.http import Request, Response
from objreg.registry import Registry, open_registry
from objreg.resources.base import Resource, Settings, Shared
from objreg.resources.blobs import Blobs
from objreg.resources.lists import Base, Catalog, Referrers, Tags
from objreg.resources.manifests import Manifests
from objreg.resources.uploads import Upload, UploadStart
from objreg.routes import match
from objreg.store import Refused, Unavailable
from objreg.uploads import Uploads

RESOURCES: dict[str, type[Resource]] = {
    'base': Base,
    'blob': Blobs,
    'catalog': Catalog,
    'manifest': Manifests,
    'referrers': Referrers,
    'tags': Tags,
    'upload': Upload,
    'uploads': UploadStart,
}
"""The resource of each kind of route, see `objreg.routes`."""


class RegistryApp:
    """The WSGI application over one registry."""

    name = 'registry'

    def __init__(self, registry: Registry, settings: Settings | None = None, *, part_size: int = 0) -> None:
        self.registry = registry
        uploads = Uploads(registry, part_size=part_size) if part_size else Uploads(registry)
        shared = Shared(registry, uploads, settings or Settings())
        self.uploads = uploads
        self._resources = {kind: resource(shared) for kind, resource in RESOURCES.items()}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            response = self.respond(Request(environ))
        except RegistryError as error:
            response = error.response()
        except UnicodeDecodeError:
            response = RequestInvalid('the query is not UTF-8').response()
        except (Unavailable, Refused) as error:
            response = of_store(error, environ.get('objreg.request_id', '')).response()
        result: Iterable[bytes] = response(environ, start_response)
        return result

    def respond(self, req: Request) -> Response:
        """The answer to a request; raises what is wrong with it."""
        route = match(req.environ.get('PATH_INFO', ''))
        if route is None:
            raise NotFoundHere()
        resource = self._resources[route.resource]
        method = req.environ['REQUEST_METHOD']
        verb = getattr(resource, method, None) if method.isupper() else None
        if verb is None:
            raise MethodNotAllowed(method[:16], headers={'Allow': ', '.join(resource.methods())})
        response: Response = verb(req, route.name, route.reference)
        return response

    def reload(self) -> None:
        """Read the keys that sign upload sessions again (SIGHUP)."""
        self.registry.reload()


def factory(
    global_conf: dict[str, str],
    *,
    store: str | None = None,
    redirect: str = 'auto',
    redirect_networks: str = '',
    redirect_seconds: str = '1200',
    delete: str = 'true',
    sparse: str = 'none',
    manifest_size: str = '4 MiB',
    manifest_children: str = '2000',
    page: str = '1000',
    part_size: str = '10 MiB',
    upload_seconds: str = '7 days',
) -> RegistryApp:
    """Paste Deploy's ``paste.app_factory``; the options are those of the module's docstring."""
    if redirect not in ('auto', 'always', 'never'):
        raise ConfigError(f'redirect: {redirect!r} is none of auto, always, never')
    if sparse not in ('none', 'indexes', 'all'):
        raise ConfigError(f'sparse: {sparse!r} is none of none, indexes, all')
    registry = open_registry(global_conf, store)
    if redirect == 'always' and not registry.store.capabilities.presign:
        raise ConfigError(f'redirect = always: the store {registry.store.name!r} cannot sign URLs')
    settings = Settings(
        redirect=redirect,
        redirect_networks=tuple(as_networks(redirect_networks)),
        redirect_seconds=int(as_seconds(redirect_seconds)),
        delete=as_bool(delete),
        sparse=sparse,
        manifest_size=as_size(manifest_size),
        manifest_children=as_size(manifest_children),
        page=min(as_size(page), 1000),
        upload_seconds=as_seconds(upload_seconds),
    )
    return RegistryApp(registry, settings, part_size=as_size(part_size))
