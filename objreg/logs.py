"""Logging of ``objreg serve``: the sections of paste.ini if it has any, else lines on standard error."""

from __future__ import annotations

import configparser
import logging
import logging.config
import sys

REQUESTS = 'objreg.request'
"""The logger of the line that each request gets; its lines are whole by themselves."""


def configure(path: str | None, *, quiet: bool = False) -> None:
    """Set logging up, from the ``[loggers]`` of that file if it has them."""
    if path is not None and _has_loggers(path):
        logging.config.fileConfig(path, disable_existing_loggers=False)
        return
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING if quiet else logging.INFO, force=True,
        format='%(asctime)s %(levelname)s %(name)s: %(message)s',
    )
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(logging.Formatter('%(message)s'))
    requests = logging.getLogger(REQUESTS)
    requests.handlers, requests.propagate = [lines], False
    for chatty in ('azure', 'boto3', 'botocore', 'urllib3', 's3transfer'):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _has_loggers(path: str) -> bool:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding='utf-8')
    except (configparser.Error, UnicodeDecodeError):
        return False  # whoever reads the pipeline says what is wrong
    return parser.has_section('loggers')
