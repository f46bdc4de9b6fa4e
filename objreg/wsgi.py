"""The pipeline as ``objreg.wsgi:application``, for granian, gunicorn and whatever else serves WSGI.

``OBJREG_PASTE`` names the file (``paste.ini`` here if it is not set).  The application is made when this module is
imported: let each worker import it by itself, since connections to a store do not survive a fork.
"""

from __future__ import annotations

import os
from wsgiref.types import WSGIApplication

from objreg import pipeline
from objreg.logs import configure


def make(path: str) -> WSGIApplication:
    """The pipeline of that file, started."""
    configure(path)
    made = pipeline.load(path)
    pipeline.start(made)
    return made


application = make(os.environ.get('OBJREG_PASTE', 'paste.ini'))
