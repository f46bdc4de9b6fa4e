"""Pages behind the links that people are sent: each shows a form, and only its POST does anything.

So programs that look at links in mails use nothing up.  The code comes behind ``#``, from where a script puts it into
its field; whoever has no scripts types it.
"""

from __future__ import annotations

from objreg.hub.api.first import NewFirst, make_first_administrator
from objreg.hub.api.mail import Forgotten, Proof, mail_reset_code, prove_address
from objreg.hub.api.signup import Reset, Signup, reset_password, sign_up
from objreg.hub.letters import ADDRESS, FIRST, FORGOTTEN, JOIN, PASSWORD
from objreg.hub.pages.page import Shown, View, page


@page('GET', FIRST)
def first_form(view: View) -> Shown:
    """Who becomes the first administrator."""
    return Shown('first.html', {'is_over': view.call.hub.accounts.was_administered()})


@page('POST', FIRST, first_form)
def make_first(view: View) -> Shown:
    """Make him."""
    made = make_first_administrator(view.call, view.as_body(NewFirst))
    return _done(f'{made.name} administers this hub', 'Log in by that name and the password that you chose.')


@page('GET', FORGOTTEN)
def forgotten_form(view: View) -> Shown:
    """Who forgot his password."""
    return Shown('forgotten.html', {'is_on': view.call.hub.mail.is_on})


@page('POST', FORGOTTEN, forgotten_form)
def send_reset(view: View) -> Shown:
    """Send him a link, if he is somebody; the answer does not tell."""
    mail_reset_code(view.call, view.as_body(Forgotten))
    return _done(
        'Look at your mail', 'If there is such an account, and its address was proved, a link is on its way there. If '
        'none comes, ask again, or ask an administrator.',
    )


@page('GET', PASSWORD)
def password_form(view: View) -> Shown:
    """A new password."""
    return Shown('password.html')


@page('POST', PASSWORD, password_form)
def set_password(view: View) -> Shown:
    """Set it."""
    reset_password(view.call, view.as_body(Reset))
    return _done('The password is set', 'Whoever was logged in by the old one is not any more.')


@page('GET', ADDRESS)
def address_form(view: View) -> Shown:
    """Whether an address is somebody's."""
    return Shown('address.html')


@page('POST', ADDRESS, address_form)
def prove(view: View) -> Shown:
    """It is."""
    proved = prove_address(view.call, view.as_body(Proof))
    return _done(f'{proved.email} is the address of {proved.user}', 'From now on it counts.')


@page('GET', JOIN)
def join_form(view: View) -> Shown:
    """Who makes an account."""
    settings = view.call.hub.settings
    return Shown('join.html', {
        'signup': settings.signup, 'asks_address': settings.signup == 'open' and view.call.hub.mail.is_on,
    })


@page('POST', JOIN, join_form)
def join(view: View) -> Shown:
    """Make it."""
    made = sign_up(view.call, view.as_body(Signup))
    if view.call.hub.accounts.is_waiting(made.name):
        return _done('Look at your mail', f'{made.name} can log in once you followed the link that was sent.')
    return _done(f'{made.name} has an account', 'Log in by that name and the password that you chose.')


def _done(title: str, text: str) -> Shown:
    return Shown('done.html', {'title': title, 'text': text})
