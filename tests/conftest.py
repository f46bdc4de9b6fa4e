"""Real servers for whoever asks for them; nothing starts otherwise."""

pytest_plugins = ['tests.functional.installed', 'tests.servers.fixtures']
