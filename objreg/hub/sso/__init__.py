"""Single sign-on: people whom somebody else's service knows log in by it.

settings        the file of the operator: which providers there are
provider        what all kinds of them are told
logins          the providers as they are at this moment
links           whom a provider means: one account for an issuer and a subject
entrance        the account of somebody whom a provider has just named
groups          what the groups of a provider mean here: teams, and administrators
metadata        what an OpenID provider publishes of itself
exchange        its answers to a code: tokens, and what else it knows of somebody
id_token        whether an ID token is to be believed
flow            a login from the first redirect to the last, which any two nodes can share
app             the paths of it
directories     names with passwords that directories know (LDAP), at a bounded cost
ldap_login      the search for somebody's entry, and the try of his password
ldap_settings   how a directory is asked
ldap_client     one connection to it
ldap_tls        the way there
arrivals        what all logins end with
recency         for how long tokens count of who comes no more
"""
