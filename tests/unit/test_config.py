"""Options as operators write them."""

import pytest

from objreg.config import ConfigError, as_bool, as_list, as_networks, as_seconds, as_size, close_match


@pytest.mark.parametrize(('written', 'meant'), [
    ('0', 0), ('4096', 4096), (4096, 4096), ('10 MiB', 10 * 2**20), ('10mib', 10 * 2**20), ('5GB', 5 * 10**9),
    ('1.5 GiB', 3 * 2**29), ('1k', 1000), ('2 TiB', 2**41),
])
def test_sizes(written, meant):
    assert as_size(written) == meant


@pytest.mark.parametrize(('written', 'meant'), [
    ('0.5', 0.5),
    (90, 90), ('90', 90), ('90s', 90), ('30 sec', 30), ('5 min', 300), ('5 mins', 300), ('2 minutes', 120),
    ('1h', 3600), ('7 days', 604800), ('1 Day', 86400),
])
def test_times(written, meant):
    assert as_seconds(written) == meant


@pytest.mark.parametrize('convert', [as_size, as_seconds])
@pytest.mark.parametrize('wrong', ['', 'ten', '-1', '1e9', '10 parsecs', '1,5', 'nan', 'inf', '9' * 40])
def test_what_is_no_measure_is_refused(convert, wrong):
    with pytest.raises(ConfigError, match='is not like'):
        convert(wrong)


def test_yes_and_no():
    assert [as_bool(word) for word in ('true', 'Yes', 'ON', '1', True)] == [True] * 5
    assert [as_bool(word) for word in ('false', 'No', 'off', '0', False)] == [False] * 5
    with pytest.raises(ConfigError, match='ture'):
        as_bool('ture')


def test_lists_and_networks():
    assert as_list(' a, b\n c,') == ['a', 'b', 'c']
    assert as_list(['a', 'b c']) == ['a', 'b c']
    assert [str(network) for network in as_networks('10.0.0.0/8, ::1')] == ['10.0.0.0/8', '::1/128']
    with pytest.raises(ConfigError, match=r'10\.0\.0\.1/8'):
        as_networks('10.0.0.1/8')


def test_a_misspelt_word_is_told_what_was_meant():
    assert 'secret_key' in close_match('secretkey', ['secret_key', 'access_key'])
    assert close_match('zzz', ['b', 'a']) == 'there is a, b'
