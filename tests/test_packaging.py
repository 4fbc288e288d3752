"""Tests of what is published: the wheel, the requirements and their lock."""

import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mmhsi

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / 'requirements'
DIRECT = ['runtime', 'mminstall', 'optional', 'tests', 'docs', 'build']
UNPUBLISHED = ('.*', 'data', 'work_dirs', 'build', 'dist', '*.egg-info', '__pycache__')


def read_requirements(name):
    lines = (REQUIREMENTS / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    lines = [line.partition('#')[0].strip() for line in lines]
    return [Requirement(line) for line in lines if line]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """The wheel, built without network from a copy of the sources, because building writes into them."""
    folder = tmp_path_factory.mktemp('wheel')
    shutil.copytree(ROOT, folder / 'source', ignore=shutil.ignore_patterns(*UNPUBLISHED), symlinks=True)
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-index', '--no-deps', '--no-build-isolation',
                    '--wheel-dir', str(folder), str(folder / 'source')], check=True)
    path, = folder.glob('*.whl')
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_wheel_holds_every_module_and_no_tests(wheel):
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'mmhsi').rglob('*.py') if '.mim' not in path.parts}
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'mmhsi/ops').glob('*.[ch]')}
    assert sources and modules | sources <= set(wheel.namelist())
    top_level = {name.split('/')[0] for name in wheel.namelist()}
    assert top_level == {'mmhsi', f'mmhsi-{mmhsi.__version__}.dist-info'}
    assert not [name for name in wheel.namelist() if 'tests/' in name or '__pycache__' in name]


@pytest.mark.parametrize('folder', ['configs', 'demo', 'tools'])
def test_wheel_holds_what_mim_looks_for(wheel, folder):
    published = {name for name in wheel.namelist() if name.startswith(f'mmhsi/.mim/{folder}/')}
    paths = [path for ending in ('py', 'sh') for path in (ROOT / folder).rglob(f'*.{ending}')]
    files = {path.relative_to(ROOT).as_posix() for path in paths}
    assert files and {f'mmhsi/.mim/{name}' for name in files} <= published


def test_wheel_holds_the_model_index_and_licence(wheel):
    index = yaml.safe_load(wheel.read('mmhsi/.mim/model-index.yml'))
    assert {f'mmhsi/.mim/{name}' for name in index['Import']} <= set(wheel.namelist())
    licences = [name for name in wheel.namelist() if name.endswith('/LICENSE')]
    assert len(licences) == 1 and b'Apache License' in wheel.read(licences[0])


def test_wheel_declares_requirements_and_extras(wheel):
    metadata = Parser().parsestr(wheel.read(f'mmhsi-{mmhsi.__version__}.dist-info/METADATA').decode())
    declared = {}
    for requirement in map(Requirement, metadata.get_all('Requires-Dist')):
        extra = re.search(r'extra == "(\w+)"', str(requirement.marker))
        declared.setdefault(extra and extra[1], set()).add(requirement.name)
    expected = {extra: {item.name for item in read_requirements(name)} for extra, name in (
        (None, 'runtime'), ('mim', 'mminstall'), ('optional', 'optional'), ('tests', 'tests'), ('docs', 'docs'))}
    expected['all'] = set().union(*(names for extra, names in expected.items() if extra))
    assert declared == expected


def test_model_index_lists_every_metafile():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))
    metafiles = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob('configs/*/metafile.yml'))
    assert sorted(index['Import']) == metafiles


def test_lock_pins_everything_and_names_no_place():
    text = (REQUIREMENTS / 'lock.txt').read_text(encoding='utf-8')
    assert not re.search(r'://|--\w|@', text)
    pins = read_requirements('lock')
    assert len(pins) > 100 and len({canonicalize_name(pin.name) for pin in pins}) == len(pins)
    for pin in pins:
        assert re.fullmatch(r'==[\w.]+', str(pin.specifier)) and pin.marker is None, f'{pin} is not pinned'


@pytest.mark.parametrize('name', DIRECT)
def test_lock_satisfies_every_direct_requirement(name):
    pins = {canonicalize_name(pin.name): str(pin.specifier).removeprefix('==') for pin in read_requirements('lock')}
    for requirement in read_requirements(name):
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f'{requirement} of requirements/{name}.txt is not in the lock: run make lock'
        assert requirement.specifier.contains(version, prereleases=True), f'{requirement}, but {version} is locked'


def test_lock_keeps_to_the_constraints():
    pins = {canonicalize_name(pin.name): str(pin.specifier).removeprefix('==') for pin in read_requirements('lock')}
    bounds = {canonicalize_name(bound.name): bound for bound in read_requirements('constraints')}
    assert {'numpy', 'setuptools', 'torch', 'torchvision'} <= bounds.keys() & pins.keys()
    for name in bounds.keys() & pins.keys():
        assert bounds[name].specifier.contains(pins[name]), f'{bounds[name]}, but {pins[name]} is locked'
    assert not {canonicalize_name(item.name) for item in read_requirements('excludes')} & pins.keys()
