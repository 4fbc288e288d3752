"""The reading and running of documented blocks, on pages made up for it."""

import pytest
from documented_blocks import blocks_of
from documented_runs import Page, check

PAGE = """# Title
```python
a = 1
```
<!-- docs
slow
setup: touch begun
replace: CONFIG => configs/classification/hypersigma-tiny_cls_indian-pines.py
with: --seed 3
-->
```shell
python tools/train.py CONFIG \\
    --amp   # two lines
ls begun
```
````{note}
```python
not a block of its own
```
````
```text
shown
```
"""


def test_blocks_and_instructions_are_found():
    first, second, third = blocks_of(PAGE, 'page.md')
    assert (first.line, first.language, first.kind, first.slow) == (2, 'python', 'run', False)
    assert second.slow and second.setup == ['touch begun'] and second.options == {'with': '--seed 3'}
    assert second.commands() == [
        'python tools/train.py configs/classification/hypersigma-tiny_cls_indian-pines.py --amp',
        'ls begun',
    ]
    assert third.kind == 'shown'


@pytest.mark.parametrize(
    'text, message',
    [
        ('```python\nx', 'page.md:1: the fence is not closed'),
        ('```\nx\n```', "language '', expected"),
        ('<!-- docs\nrun: x\n-->\n```text\n```', "unknown instruction 'run: x'"),
        ('<!-- docs slow -->\nwords\n', 'page.md:2: an instruction stands before this line'),
        ('<!-- docs slow -->\n<!-- docs slow -->\n', 'two comments'),
    ],
)
def test_what_is_wrong_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        list(blocks_of(text, 'page.md'))


def test_a_replacement_that_does_nothing_is_an_error():
    (block,) = blocks_of('<!-- docs\nreplace: a => b\n-->\n```shell\nls\n```', 'page.md')
    with pytest.raises(ValueError, match="'a' is to be replaced and does not occur"):
        block.commands()


def test_blocks_share_names_and_files_and_failures_are_placed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        "```python\na = 1\n```\n```python\nopen('made', 'w').write(str(a))\n```\n```shell\ngrep 1 made\n```\n"
        "<!-- docs\nfile: configs/_base_/datasets/mine.py\n-->\n```python\n_base_ = 'windows.py'\nb = 2\n```\n"
        '```shell\nls nowhere\n```\n'
    )
    page = Page(tmp_path)
    *good, bad = blocks_of(text, 'page.md')
    for block in good:
        page.do(block)
    assert (tmp_path / 'made').read_text() == '1' and (tmp_path / 'configs/_base_/datasets/mine.py').is_file()
    with pytest.raises(AssertionError, match='page.md:17: CalledProcessError'):
        page.do(bad)
    (block,) = blocks_of("<!-- docs\nfile: configs/mine.py\n-->\n```python\n_base_ = 'nothing.py'\n```\n", 'page.md')
    with pytest.raises(AssertionError, match='page.md:4: .*nothing.py'):
        page.do(block)


def test_commands_that_are_not_run_are_checked():
    config = 'configs/classification/hypersigma-tiny_cls_indian-pines.py'
    for command in (
        'make demo PYTHON=/usr/bin/python3.11',
        'pip install -r requirements/runtime.txt "mmhsi[restoration-zoo]"',
        f'tools/dist_train.sh {config} 8 --amp',
        f'GPUS=16 tools/slurm_train.sh part job {config}',
        f'tools/dist_test.sh {config} epoch_1.pth 8',
        f'torchrun --nproc_per_node=2 tools/train.py {config} --launcher pytorch',
    ):
        check(command)
    for command, error in (
        ('make cake', 'no target cake'),
        ('pip install -r nothing.txt', 'nothing.txt does not'),
        ('tools/dist_train.sh nothing.py 8', 'nothing.py'),
        ('rm -r /', 'of no kind'),
        (f'tools/dist_train.sh {config} eight', 'no number of processes'),
        ('pip install "mmhsi[cake]"', "no extra 'cake'"),
    ):
        with pytest.raises((AssertionError, FileNotFoundError), match=error):
            check(command)
    with pytest.raises(SystemExit):
        check(f'tools/dist_train.sh {config} 8 --cake')
