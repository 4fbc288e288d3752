"""The code blocks of README.md and docs/, and what is to be done with each of them.

A block is fenced by three or more backticks and names its language; fences of Sphinx directives ({...}) are no blocks.
What a reader sees is run as it is, unless an HTML comment before the block says otherwise:

    <!-- docs
    slow
    setup: python tools/misc/make_toy_data.py data_toy --datasets samson
    replace: scene.tif => data_toy/samson/Samson.mat
    with: --cfg-options train_cfg.max_epochs=1
    -->

- ``slow``: takes more than a few seconds, and only runs with ``MMHSI_TEST_DOCS=all``.
- ``setup: COMMAND``: a command that is run before the block. Several are allowed.
- ``replace: OLD => NEW``: another text in its place, for placeholders such as CONFIG. Several are allowed.
- ``with: ARGUMENTS``: behind every command ``python ...`` of the block, to shorten it.
- ``file: PATH``: the block is the content of this file, which later blocks use; a config is loaded.
- ``merge: CONFIG``: the block is part of a config that inherits from this one, and which is loaded.
- ``check: REASON``: what cannot run here. Scripts and files must exist, arguments must be valid, configs must load.

``python tests/documented_blocks.py`` prints how many there are of each kind.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ('python', 'shell', 'text', 'bibtex')
_FENCE = re.compile(r'^(`{3,})(.*)$')
_ONCE = ('with', 'file', 'merge', 'check')
_SEVERAL = ('setup', 'replace')


@dataclass
class Block:
    """One code block.

    Attributes:
        page (str): File, relative to the repository.
        line (int): Line of its fence, from 1.
        language (str): What the fence names.
        text (str): Content, as the reader sees it.
        slow (bool): Whether it takes more than a few seconds.
        options (dict[str, str]): 'with', 'file', 'merge', 'check' of the comment before it.
        setup (list[str]): Commands that are run before it.
        replacements (list[tuple[str, str]]): Text and what takes its place.
    """

    page: str
    line: int
    language: str
    text: str
    slow: bool = False
    options: dict[str, str] = field(default_factory=dict)
    setup: list[str] = field(default_factory=list)
    replacements: list[tuple[str, str]] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f'{self.page}:{self.line}'

    @property
    def kind(self) -> str:
        """'run', 'config' (loaded), 'check' (not run) or 'shown' (text and citations)."""
        if self.language in ('text', 'bibtex') and 'file' not in self.options:
            return 'shown'
        if 'check' in self.options:
            return 'check'
        return 'config' if 'merge' in self.options or 'file' in self.options else 'run'

    @property
    def code(self) -> str:
        """Content with all replacements.

        Raises:
            ValueError: If a text to be replaced is not there.
        """
        code = self.text
        for old, new in self.replacements:
            if old not in code:
                raise ValueError(f'{self.place}: {old!r} is to be replaced and does not occur')
            code = code.replace(old, new)
        return code

    def commands(self) -> list[str]:
        """The commands of a shell block, with continued lines joined, without comments."""
        joined = re.sub(r'\\\n\s*', '', self.code)
        lines = (re.sub(r'(^|\s+)#(\s.*)?$', '', line).strip() for line in joined.splitlines())
        return [line for line in lines if line]


def _directives(block: Block, comment: str) -> None:
    for line in filter(None, (line.strip() for line in comment.splitlines())):
        name, colon, value = (part.strip() for part in line.partition(':'))
        if line == 'slow':
            block.slow = True
        elif colon and value and name == 'setup':
            block.setup.append(value)
        elif name == 'replace' and ' => ' in value:
            block.replacements.append(tuple(value.split(' => ', 1)))
        elif colon and value and name in _ONCE and name not in block.options:
            block.options[name] = value
        else:
            raise ValueError(
                f'{block.place}: unknown instruction {line!r} in the comment before the block; known are '
                f'slow, {", ".join((*_SEVERAL, *_ONCE))}'
            )


def blocks_of(text: str, page: str) -> Iterator[Block]:
    """The blocks of a page in their order.

    Raises:
        ValueError: If a fence is not closed, names no known language, or an instruction is unknown or stands before no
            block.
    """
    lines = text.splitlines()
    comment, number = None, 0
    while number < len(lines):
        line = lines[number]
        if line.startswith('<!-- docs'):
            if comment is not None:
                raise ValueError(f'{page}:{number + 1}: two comments before one block')
            end = next(i for i in range(number, len(lines)) if '-->' in lines[i])
            comment = '\n'.join(lines[number : end + 1])[len('<!-- docs') :].rpartition('-->')[0]
            number = end + 1
            continue
        fence = _FENCE.match(line)
        if fence is None:
            if comment is not None and line.strip():
                raise ValueError(f'{page}:{number + 1}: an instruction stands before this line, which is no block')
            number += 1
            continue
        try:
            end = lines.index(fence[1], number + 1)
        except ValueError:
            raise ValueError(f'{page}:{number + 1}: the fence is not closed') from None
        if not fence[2].startswith('{'):
            if fence[2] not in LANGUAGES:
                raise ValueError(
                    f'{page}:{number + 1}: the block is of language {fence[2]!r}, expected one of '
                    f'{", ".join(LANGUAGES)}'
                )
            block = Block(page, number + 1, fence[2], '\n'.join(lines[number + 1 : end]) + '\n')
            _directives(block, comment or '')
            yield block
        comment, number = None, end + 1


def _outside_blocks(text: str) -> str:
    """The text of a page without its blocks and comments."""
    flags = re.DOTALL | re.MULTILINE
    return re.sub(r'^(`{3,}).*?^\1$', '', re.sub(r'^<!--.*?-->', '', text, flags=flags), flags=flags)


def inline_code(text: str) -> list[str]:
    """What a page writes as code within its sentences and tables."""
    return [code.strip() for _, code in re.findall(r'(`+)([^`]+)\1', _outside_blocks(text))]


def links(text: str) -> list[str]:
    """Relative targets of the links and pictures of a page, without the part behind #."""
    targets = re.findall(r'\]\((?:path:)?([^)#\s]+)', re.sub(r'`[^`]*`', '', _outside_blocks(text)))
    return [target for target in targets if '://' not in target]


def expand_braces(path: str) -> list[str]:
    """The paths represented by a path with {a,b}."""
    match = re.search(r'\{([^{}]*)\}', path)
    if match is None:
        return [path]
    return [
        full
        for part in match[1].split(',')
        for full in expand_braces(path[: match.start()] + part + path[match.end() :])
    ]


def pages() -> list[str]:
    """README.md and the pages of docs/, relative to the repository."""
    found = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]
    return [path.relative_to(ROOT).as_posix() for path in found if '_build' not in path.parts]


def read_page(page: str) -> list[Block]:
    """The blocks of a page of the repository."""
    return list(blocks_of((ROOT / page).read_text(encoding='utf-8'), page))


def count() -> dict[str, Counter]:
    """Numbers of blocks and of shell commands by kind; 'slow' counts those among them."""
    numbers = {'blocks': Counter(), 'commands': Counter(), 'python blocks': Counter()}
    for page in pages():
        for block in read_page(page):
            numbers['blocks'][block.kind] += 1
            numbers['blocks']['slow'] += block.slow
            if block.language == 'shell':
                numbers['commands'][block.kind] += len(block.commands())
                numbers['commands']['slow'] += len(block.commands()) * block.slow
            if block.language == 'python':
                numbers['python blocks'][block.kind] += 1
                numbers['python blocks']['slow'] += block.slow
    return numbers


if __name__ == '__main__':
    for what, found in count().items():
        total = sum(number for kind, number in found.items() if kind != 'slow')
        print(f'{what}: {total} ({", ".join(f"{number} {kind}" for kind, number in sorted(found.items()))})')
