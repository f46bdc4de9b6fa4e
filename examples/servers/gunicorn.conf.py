"""gunicorn --config examples/servers/gunicorn.conf.py --bind 0.0.0.0:5000

OBJREG_PASTE names paste.ini.  Bodies are streamed to the store: nothing is spooled.
"""

wsgi_app = 'objreg.wsgi:application'
worker_class = 'gthread'
workers = 2
threads = 16
keepalive = 60
timeout = 120
graceful_timeout = 30
# each worker makes its own connections to the store
preload_app = False
