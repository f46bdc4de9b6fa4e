"""The hub: who there is, what belongs to whom, and the tokens that tell registries so.

All its state lies as keys below ``hub/`` of a store (`objreg.hub.keys`), one key a fact, so that two writers never
overwrite each other.  The registries know nobody: they trust the hub's signature.

names           what accounts may be called
keys            every key of the hub
records         what the objects below those keys hold
claims          how a name gets one owner, whatever the store promises
policy          who may do what: pure, and the only place where it is decided
authority       gathers from the bucket what `policy` asks
credentials     the form of secrets that people and robots hold
signing         the keys that sign tokens, and their rotation
tokens          Docker's token service
sso             people who log in by somebody else's service
app             the WSGI application
"""
