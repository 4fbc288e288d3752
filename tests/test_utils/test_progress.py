"""The progress bar: silent without a terminal, forced and forbidden by the environment."""

import pytest

from mmhsi.utils.progress import progress_bar, write_line


@pytest.mark.parametrize('switch, shown', [('', False), ('on', True), ('off', False)])
def test_a_bar_is_shown_where_somebody_watches(monkeypatch, capsys, switch, shown):
    monkeypatch.setenv('MMHSI_PROGRESS', switch)
    assert list(progress_bar(range(3), 'reading', 'blocks')) == [0, 1, 2]
    said = capsys.readouterr().err
    assert ('reading: 100%' in said and '3/3' in said and 'blocks/s' in said) == shown
    assert shown or not said


def test_work_that_is_short_shows_none(monkeypatch, capsys):
    monkeypatch.setenv('MMHSI_PROGRESS', 'on')
    with progress_bar(what='scanning', total=2, after=60) as bar:
        bar.update(2)
    write_line('a line')
    said = capsys.readouterr()
    assert said.out == 'a line\n' and 'scanning' not in said.err


def test_another_switch_is_refused(monkeypatch):
    monkeypatch.setenv('MMHSI_PROGRESS', 'yes')
    with pytest.raises(ValueError, match="MMHSI_PROGRESS='yes', expected 'on' or 'off'"):
        progress_bar(range(3))
