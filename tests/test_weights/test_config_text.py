"""The text of a stored config is read as data: what a training writes comes back, and nothing is run."""

import math

import pytest
from mmengine.config import Config

from mmhsi.weights.config_text import parse_config_text

VALUES = dict(
    lr=1e-3,
    steps=[1, -2, +3],
    names=('a', "it's", 'two\nlines', ''),
    nothing=None,
    yes=True,
    number=math.inf,
    alone=(1,),
    empty=dict(),
    nested=dict(type='X', layers=[dict(a=1), [dict(b=(2, 3))]]),
    mapping={'.norm': dict(decay_mult=0.0), 'x-y': 1, 3: 'three'},
    no_names=[],
    big=10**30,
)


@pytest.mark.parametrize('formatted', [True, False])
def test_what_mmengine_writes_comes_back(formatted):
    text = Config(VALUES, format_python_code=formatted).pretty_text
    assert parse_config_text(text, 'x.pth') == VALUES
    assert parse_config_text('a = dict({"b c": 1}, d=list((1, 2)), e=tuple([3]))\n# a comment\n', '') == dict(
        a={'b c': 1, 'd': [1, 2], 'e': (3,)}
    )


@pytest.mark.parametrize(
    'line',
    [
        'import os',
        'from os import mkdir',
        '__import__("os").mkdir(HARM)',
        'x = __import__("os").mkdir(HARM)',
        'x = [os.mkdir(HARM) for os in [__import__("os")]]',
        'x = (lambda: __import__("os").mkdir(HARM))()',
        'x = f"{__import__(\'os\').mkdir(HARM)}"',
        'x: __import__("os").mkdir(HARM) = 1',
        'x = (y := __import__("os").mkdir(HARM))',
        'x = dict(**__import__("os").__dict__)',
        'x = dict(*[__import__("os").environ])',
        'x = {**__import__("os").environ}',
        'x = {1: 2 for _ in [__import__("os").mkdir(HARM)]}',
        'x = [*__import__("os").environ]',
        'x = 1 if __import__("os").mkdir(HARM) else 2',
        'def f(a=__import__("os").mkdir(HARM)): pass',
        'class A: x = __import__("os").mkdir(HARM)',
        'with open(HARM, "w") as f: pass',
        'for x in [__import__("os").mkdir(HARM)]: pass',
        'try: __import__("os").mkdir(HARM)\nexcept OSError: pass',
        'assert __import__("os").mkdir(HARM)',
        'model.type = "x"',
        'a, b = 1, 2',
        'x = y = 1',
        'x += 1',
        'x = other',
        'x = dict.fromkeys([1])',
        'x = int("3")',
        'x = ().__class__',
        'x = [1][0]',
        'x = 9 ** 9 ** 9',
        'x = "a" * 10 ** 10',
        'x = ~1',
        'x = -True',
        'x = -"a"',
        'x = 1 < 2',
        'x = b"bytes"',
        'x = ...',
        'x = {1, 2}',
        'x = 1\nx = 2',
        'x = dict(a=1, a=2)',
        'x = list(a=1)',
        'x = tuple("ab")',
        'x = {(1, 2): 3}',
        'x = dict({"a": 1}, {"b": 2})',
        '_base_ = HARM',
        'x = dict(_base_="../other.py")',
        'x = "{{ fileDirname }}"',
        'x = "http://example.org/{{$HOME:none}}"',
        'x = {"{{key}}": 1}',
        "x = {\"a': __import__('os').mkdir('HARM'), 'b\": 1}",
        'x = dict(__class__=1)',
        'x = (' * 300,
        'x = ' + '[' * 150 + ']' * 150,
        'x = ' + '-' * 5000 + '1',
        'x = ' + '1+' * 50000 + '1',
        'x = ' + '.a' * 5000,
        'x = "\0"\0',
        'x = "\ud800"\ny = y',
        'x = "' + 'a' * 2**21 + '"',
        'x = 1' + '0' * 5000,
        'x = "unfinished',
    ],
    ids=lambda line: line[:40].encode('ascii', 'backslashreplace').decode(),
)
def test_more_than_data_is_refused_and_not_run(tmp_path, line):
    harm = tmp_path / 'harm'
    text = 'lr = 1\n' + line.replace('HARM', repr(str(harm)))
    with pytest.raises(ValueError, match=r'^x.pth: the config that it holds .*-c CONFIG.*--trust'):
        parse_config_text(text, 'x.pth')
    assert not harm.exists()


@pytest.mark.parametrize('text', [b'a = 1', dict(a=1), None, 3])
def test_a_config_that_is_no_text_is_refused(text):
    with pytest.raises(ValueError, match='x.pth: the config that it holds is not text but'):
        parse_config_text(text, 'x.pth')


def test_the_line_is_named():
    with pytest.raises(ValueError, match=r'in line 2 \("b = open\(\)"\): expected a literal'):
        parse_config_text('a = 1\nb = open()\n', 'x.pth')
