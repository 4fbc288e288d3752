"""Tests of what is published: the wheel, the requirements and their lock."""

import ast
import importlib.metadata
import re
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from wheels import build_wheel

import mmhsi

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / 'requirements'
EXTRAS = ['restoration-zoo', 'export', 'tests', 'docs']
LOCKS = {
    'lock': ['runtime', *EXTRAS, 'build'],
    'lock-hashed': ['runtime', *EXTRAS, 'build'],
    'lock-onedl': ['onedl', 'tests', 'build'],
    'lock-lowest': ['runtime', 'tests', 'build'],
}


def read_requirements(name):
    lines = (REQUIREMENTS / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    lines = [re.split(r'#|\\', line)[0].strip() for line in lines]
    return [Requirement(line) for line in lines if line and not line.startswith('--hash=')]


def pinned(lock):
    """Versions by package; a universal lock may have another one for another Python or system."""
    pins = {}
    for pin in read_requirements(lock):
        assert re.fullmatch(r'==[\w.]+', str(pin.specifier)), f'{pin} is not pinned'
        pins.setdefault(canonicalize_name(pin.name), []).append(str(pin.specifier).removeprefix('=='))
    return pins


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """The wheel as an archive."""
    with zipfile.ZipFile(build_wheel(tmp_path_factory.mktemp('wheel'))) as archive:
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
        extra = re.search(r'extra == "([\w-]+)"', str(requirement.marker))
        declared.setdefault(extra and extra[1], set()).add(requirement.name)
    expected = {extra: {item.name for item in read_requirements(extra or 'runtime')} for extra in (None, *EXTRAS)}
    expected['all'] = set().union(*(names for extra, names in expected.items() if extra))
    assert declared == expected
    assert metadata['Requires-Python'] == '>=3.11'


def imported_packages(folder):
    """Top-level packages of others that the Python files of a folder import, by file."""
    imported = {}
    for path in sorted((ROOT / folder).rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in {name.partition('.')[0] for name in names} - sys.stdlib_module_names:
                imported.setdefault(name, path.relative_to(ROOT).as_posix())
    return imported


# imported where it is at hand: what brings it is not needed for anything else
OPTIONAL = {
    'huggingface_hub': 'mmhsi/weights/published.py',
    'triton': 'mmhsi/ops/ssa_triton.py',
    'lmdb': 'tools/dataset_converters/wdc_lmdb.py',
    'onnx': 'mmhsi/inference/export.py',
    'onnxruntime': 'mmhsi/inference/export.py',
    'onnxscript': 'mmhsi/inference/export.py',
}


@pytest.mark.parametrize('folder', ['mmhsi', 'tools', 'demo'])
def test_what_is_imported_is_declared(folder):
    declared = {canonicalize_name(item.name) for item in read_requirements('runtime')}
    packages = importlib.metadata.packages_distributions()
    packages['mmcv'] = ['mmcv-lite']  # whichever of the distributions is installed
    own = {'mmhsi', *(path.stem for path in (ROOT / folder).rglob('*') if path.suffix in ('', '.py'))}
    for name, path in imported_packages(folder).items():
        if name not in own and OPTIONAL.get(name) != path:
            sources = {canonicalize_name(item) for item in packages.get(name, [name])}
            assert sources & declared or f'onedl-{name}' in sources, f'{path} imports {name}, which is not declared'


def test_model_index_lists_every_metafile():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))
    metafiles = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob('configs/*/metafile.yml'))
    assert sorted(index['Import']) == metafiles


@pytest.mark.parametrize('lock', LOCKS)
def test_lock_pins_everything_and_names_no_place(lock):
    text = (REQUIREMENTS / f'{lock}.txt').read_text(encoding='utf-8')
    assert not re.search(r'://|--(?!hash=)\w|@', text)
    assert len(pinned(lock)) > 90


@pytest.mark.parametrize('lock', LOCKS)
def test_lock_satisfies_every_direct_requirement(lock):
    pins = pinned(lock)
    for name in LOCKS[lock]:
        for requirement in read_requirements(name):
            versions = pins.get(canonicalize_name(requirement.name))
            assert versions, f'{requirement} of requirements/{name}.txt is not in {lock}.txt: run make lock'
            for version in versions:
                assert requirement.specifier.contains(version, prereleases=True), f'{requirement}, locked {version}'
    assert not {canonicalize_name(item.name) for item in read_requirements('excludes')} & pins.keys()


def test_lock_with_hashes_is_the_lock():
    assert set(map(str, read_requirements('lock-hashed'))) == set(map(str, read_requirements('lock')))
    text = (REQUIREMENTS / 'lock-hashed.txt').read_text(encoding='utf-8')
    for entry in re.split(r'\n(?=[a-z0-9])', text):
        assert '--hash=sha256:' in entry or entry.startswith('#'), f'{entry} has no hash'


def test_lowest_lock_has_the_lower_bounds():
    pins = pinned('lock-lowest')
    for requirement in read_requirements('runtime'):
        bounds = [bound.version for bound in requirement.specifier if bound.operator == '>=']
        assert len(bounds) == 1, f'{requirement} has no lower bound'
        (version,) = pins[canonicalize_name(requirement.name)]
        assert Version(version).release[:2] == (*Version(bounds[0]).release, 0)[:2], f'{requirement}, locked {version}'


def test_pre_commit_runs_the_ruff_of_ci():
    hooks = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())
    (repo,) = hooks['repos']
    pinned = re.search(r'^ruff==(\S+)', (REQUIREMENTS / 'lock.txt').read_text(), re.M)[1]
    assert repo['rev'] == f'v{pinned}'
    lint = yaml.safe_load((ROOT / '.github/workflows/ci.yml').read_text())['jobs']['lint']['steps']
    commands = ' '.join(step.get('run', '') for step in lint)
    assert 'ruff check' in commands and 'ruff format --check' in commands
    assert [hook['id'] for hook in repo['hooks']] == ['ruff-check', 'ruff-format']


@pytest.mark.parametrize('name', ['bug_report', 'feature_request', 'question'])
def test_issue_templates_ask_for_the_environment(name):
    template = yaml.safe_load((ROOT / f'.github/ISSUE_TEMPLATE/{name}.yml').read_text())
    asked = {part['id']: part for part in template['body']}
    tool = re.search(r'`python (\S+)`', asked['env']['attributes']['description'])[1]
    assert (ROOT / tool).is_file() and asked['env']['attributes']['render'] == 'text'
