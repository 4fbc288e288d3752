"""Every command and every code block of README.md and docs/ is run, loaded or checked.

Those that take more than a few seconds run with MMHSI_TEST_DOCS=all, as the job of the documentation does.
"""

import os
import re
import runpy

import pytest
from documented_blocks import ROOT, count, expand_braces, inline_code, links, pages, read_page
from documented_runs import Page
from mmengine.config import Config
from mmengine.registry import Registry

from mmhsi import registry as registries

BLOCKS = {page: read_page(page) for page in pages()}
FAST = [page for page, blocks in BLOCKS.items() if any(not block.slow and block.kind != 'shown' for block in blocks)]
SLOW = [page for page, blocks in BLOCKS.items() if any(block.slow for block in blocks)]


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page whose folder is the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ('MMHSI_DATA', 'LOCAL_RANK'):
        monkeypatch.delenv(name, raising=False)
    load = Config.fromfile
    # laid out in PEP 8, which a run does seven times, a config takes longer than a short training
    monkeypatch.setattr(
        Config, 'fromfile', lambda *args, **kwargs: load(*args, **{**kwargs, 'format_python_code': False})
    )
    yield Page(tmp_path)
    # what a page has registered is not there for the next one, which may register it again
    for registry in (value for value in vars(registries).values() if isinstance(value, Registry)):
        for name, component in list(registry.module_dict.items()):
            if component.__module__ == '__documentation__':
                del registry.module_dict[name]


@pytest.mark.parametrize('name', FAST)
def test_fast_blocks(name, page):
    blocks = [block for block in BLOCKS[name] if not block.slow and block.kind != 'shown']
    for block in blocks:
        page.do(block)
    assert page.done == [block.place for block in blocks]


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get('MMHSI_TEST_DOCS') != 'all', reason='slow blocks run with MMHSI_TEST_DOCS=all')
@pytest.mark.parametrize('name', SLOW)
def test_all_blocks(name, page):
    blocks = [block for block in BLOCKS[name] if block.kind != 'shown']
    for block in blocks:
        page.do(block)
    assert page.done == [block.place for block in blocks]


def test_what_is_not_run_says_why_and_is_the_exception():
    for blocks in BLOCKS.values():
        for block in blocks:
            if block.kind == 'check':
                assert block.language == 'shell', f'{block.place}: Python can be run'
                assert len(block.options['check'].split()) >= 3, f'{block.place}: why is it not run?'
    numbers = count()
    for what in ('commands', 'python blocks'):
        assert numbers[what]['run'] + numbers[what]['config'] > numbers[what]['check'], numbers


def text_of(page):
    return (ROOT / page).read_text(encoding='utf-8')


@pytest.mark.parametrize('name', BLOCKS)
def test_what_a_page_names_is_there(name):
    """Files that are named or linked exist, and commands within sentences have options that their scripts know."""
    made = {block.options['file'] for blocks in BLOCKS.values() for block in blocks if 'file' in block.options}
    for target in links(text_of(name)):
        assert (ROOT / name).parent.joinpath(target).exists(), f'{name} links {target}'
    for code in inline_code(text_of(name)):
        if re.fullmatch(r'(configs|tools|tests|benchmarks|demo|requirements|mmhsi|docs)/[\w./{},*-]+', code):
            for path in expand_braces(code):
                found = path in made or list(ROOT.glob(path.rstrip('/')))
                assert found or re.search('[A-Z]{3}', path) or '_build' in path, f'{name}: {path} does not exist'
        script = re.match(r'(?:[A-Z_]+=\S+ )*(?:(?:\.venv/bin/)?python )?((?:tools|demo|benchmarks)/\S+\.py) ', code)
        if script is not None:
            known = text_of(script[1]) + text_of('mmhsi/utils/command_line.py') + text_of('demo/demo_run.py')
            for module in re.findall(r'^from (mmhsi\.[\w.]+) import .*parse_args', known, re.MULTILINE):
                known += text_of(f'{module.replace(".", "/")}.py')
            for option in re.findall(r'(?<= )--?[a-z][a-z-]*', code):
                assert f"'{option}'" in known, f'{name}: {script[1]} has no option {option}'


def test_citation_agrees_with_its_file(request):
    (text,) = [block.text for block in BLOCKS['README.md'] if block.language == 'bibtex']
    citation = (request.config.rootpath / 'CITATION.cff').read_text(encoding='utf-8')
    for entry in ('10.1109/TPAMI.2025.3557581', 'Hyperspectral Intelligence Comprehension Foundation Model'):
        assert entry in text and entry in citation


def test_the_first_page_shows_small_pictures_and_what_made_them():
    page = text_of('docs/index.md')
    names = re.findall(r'\{figure\} images/(\w+)\.png', page)
    parse_args = runpy.run_path(str(ROOT / 'docs/pictures.py'))['parse_args']
    drawn = re.findall(r'`python docs/pictures\.py (\w+)`', page)
    assert len(names) == 6 and set(drawn) < set(names) and parse_args(drawn).names == drawn
    for name in names:
        assert (ROOT / f'docs/images/{name}.png').stat().st_size < 150_000, name
