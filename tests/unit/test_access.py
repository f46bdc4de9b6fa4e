"""Who asks, and what he may do."""

from objreg.access import EVERYTHING, KEY, access_of


class Reader:
    subject = 'ann'
    is_unrestricted = False

    def may(self, action, name):
        return action == 'pull'


def test_without_a_layer_that_says_otherwise_everybody_may_do_everything():
    access = access_of({})
    assert access is EVERYTHING
    assert access.is_unrestricted
    assert access.subject == ''
    assert all(access.may(action, 'any/name') for action in ('pull', 'push', 'delete'))


def test_what_auth_granted_is_what_is_asked():
    reader = Reader()
    assert access_of({KEY: reader}) is reader
