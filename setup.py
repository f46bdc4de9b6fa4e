"""Metadata, packages, extras and entry points; nothing is computed here."""

from pathlib import Path

from setuptools import setup

setup(
    name='objreg',
    version='0.1.0.dev0',
    description='A container registry made of composable middleware on a pure object store',
    long_description=Path(__file__).with_name('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=[
        'objreg',
        'objreg.auth',
        'objreg.drivers',
        'objreg.middleware',
        'objreg.resources',
        'objreg.server',
        'objreg.testing',
        'objreg.wrap',
    ],
    package_dir={'objreg': 'objreg', 'objreg.drivers': 'drivers'},
    package_data={'objreg': ['py.typed', 'default/*']},
    install_requires=[
        'PasteDeploy>=3.1',
        'WebOb>=1.8.10',
        'argon2-cffi>=23.1',
        'bcrypt>=4.1',
        'boto3>=1.36',
        'cachetools>=5.5',
        'click>=8.1.7',
        'joserfc>=1.8',
        'limits>=3.13',
        'prometheus-client>=0.20',
        'pyyaml>=6.0.1',
        'rich>=13.7',
        'tenacity>=9.0',
        'urllib3>=2.6.3',
        'waitress>=3.0.1',
    ],
    extras_require={'testing': ['pytest>=8.2']},
    entry_points={
        'console_scripts': ['objreg = objreg.cli:main'],
        'paste.app_factory': ['registry = objreg.app:factory'],
        'paste.filter_app_factory': [
            'auth = objreg.middleware.auth:Auth',
            'cors = objreg.middleware.cors:Cors',
            'dedup = objreg.middleware.dedup:Dedup',
            'errors = objreg.middleware.errors:Errors',
            'healthcheck = objreg.middleware.healthcheck:HealthCheck',
            'limits = objreg.middleware.limits:Limits',
            'metrics = objreg.middleware.metrics:Metrics',
            'proxy = objreg.middleware.proxy:Proxy',
            'readonly = objreg.middleware.readonly:ReadOnly',
        ],
        'paste.server_runner': ['server = objreg.server:run'],
        'objreg.drivers': [
            'file = objreg.drivers.file:FileStore',
            'memory = objreg.drivers.memory:MemoryStore',
            's3 = objreg.drivers.s3:S3Store',
        ],
    },
)
