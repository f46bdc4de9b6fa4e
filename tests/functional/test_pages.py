"""The pages of the hub in a browser (Debian's chromium): from the first administrator to a password that he forgot."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.servers.fixtures import absent
from tests.servers.process import Missing, need
from tests.servers.registries import Objreg
from tests.servers.smtp import MailServer

FIRST, SECOND = 'correct horse battery', 'staple and so on'


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    try:
        need('chromium', 'chromedriver')
    except Missing as error:
        absent(str(error))
    options = ChromeOptions()
    options.binary_location = '/usr/bin/chromium'
    for argument in (
        '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', f'--user-data-dir={tmp_path}/chromium',
    ):
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    driver = Chrome(options, Service('/usr/bin/chromedriver'))
    try:
        driver.set_page_load_timeout(60)
        yield driver
        complaints = [one for one in driver.get_log('browser') if one['source'] != 'network']  # a 403 is one of these
    finally:
        driver.quit()
    assert complaints == [], 'nothing breaks the policy'


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path / 'mail') as server:
        yield server


@pytest.fixture
def hub(tmp_path: Path, mail: MailServer) -> Iterator[Objreg]:
    store = {'driver': 'file', 'path': str(tmp_path / 'store')}
    options = {'filter:hub': {'mail': str(tmp_path / 'mail/mail.yml')}}
    server = Objreg(tmp_path / 'objreg', store, '--workers', '2', options=options)
    mail.file(f'http://localhost:{server.port}')
    with server:
        yield server


def fill(browser: Chrome, **fields: str) -> str:
    """Type into the form, send it, and tell what the page that follows says."""
    for name, text in fields.items():
        browser.find_element(By.NAME, name).send_keys(text)
    page = browser.find_element(By.TAG_NAME, 'html')
    browser.find_element(By.TAG_NAME, 'button').click()
    WebDriverWait(browser, 60).until(lambda _: browser.find_element(By.TAG_NAME, 'html').id != page.id)
    return browser.find_element(By.TAG_NAME, 'main').text


def follow(browser: Chrome, link: str) -> None:
    """Open a link, whose code goes from the address into its field."""
    browser.get('about:blank')
    browser.get(link)
    page, _, code = link.partition('#')
    field = browser.find_element(By.CSS_SELECTOR, '[data-code]')
    WebDriverWait(browser, 60).until(lambda _: field.get_property('value') == code)
    assert browser.current_url == page


def link_of(text: str) -> str:
    found = re.search(r'http://\S+/hub/\w+#\S+', text)
    assert found, text
    return found[0]


def logs_in(hub: Objreg, password: str) -> bool:
    """As ``docker login`` does."""
    header = 'Basic ' + base64.b64encode(f'alice:{password}'.encode()).decode()
    status = hub.call('GET', '/token?service=registry&offline_token=true', {'Authorization': header})[0]
    assert status in (200, 401)
    return status == 200


def test_from_the_first_administrator_to_a_password_that_he_forgot(
    browser: Chrome, mail: MailServer, hub: Objreg
) -> None:
    # it listens a moment before it says so
    WebDriverWait(browser, 20).until(lambda _: '/hub/first#' in hub.log.read_text())
    first = link_of(hub.log.read_text())
    follow(browser, first)
    assert 'letters' in fill(browser, name='Alice', password=FIRST), 'what is wrong is said'
    browser.find_element(By.NAME, 'name').clear()
    assert 'alice administers this hub' in fill(browser, name='alice', password=FIRST)
    assert logs_in(hub, FIRST) and not logs_in(hub, SECOND)
    follow(browser, first)
    assert 'the code is not good' in fill(browser, name='eve', password=FIRST)

    header = {'Authorization': 'Basic ' + base64.b64encode(f'alice:{FIRST}'.encode()).decode(),
              'Content-Type': 'application/json'}
    body = b'{"email": "alice@example.org", "password": "%s"}' % FIRST.encode()
    hub.must('PATCH', '/api/v1/users/alice', header, body)
    follow(browser, link_of(mail.next().get_content()))
    assert 'alice@example.org is the address of alice' in fill(browser)

    browser.get(f'http://localhost:{hub.port}/hub/forgotten')
    assert 'Look at your mail' in fill(browser, login='alice@example.org')
    reset = link_of(mail.next().get_content())
    follow(browser, reset)
    assert 'The password is set' in fill(browser, new=SECOND)
    assert logs_in(hub, SECOND) and not logs_in(hub, FIRST)

    log = hub.log.read_text()
    assert log.count(first.partition('#')[2]) == 1, 'where it was printed'
    assert reset.partition('#')[2] not in log and 'Traceback' not in log
