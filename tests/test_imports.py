"""The import rule: a room knows the rooms below its own, never those above."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'mmhsi'
# from the top of the house to the ground; rooms on one floor may know each other as far as BESIDE allows
FLOORS = [
    ('cli', 'apis'),
    ('comparison', 'analysis'),
    ('inference',),
    ('engine',),
    ('tasks',),
    ('visualization',),
    ('evaluation',),
    ('datasets',),
    ('models', 'classical'),
    ('weights',),
    ('utils',),
    ('ops',),
]
BESIDE = {('cli', 'apis'), ('comparison', 'analysis')}
# modules that stand beside the house; any room may use them
GROUND = ('compat', 'installation', 'lazy', 'light_imports', 'moved', 'registry', 'structures', 'version')
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def imported(path: Path) -> set[str]:
    """Rooms and modules of mmhsi that a file imports anywhere, in functions too."""
    package = ('mmhsi', *path.relative_to(PACKAGE).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join([*base, *([node.module] if node.module else [])])
            names = [f'{module}.{alias.name}' for alias in node.names] if module == 'mmhsi' else [module]
        found.update(name.split('.')[1] for name in names if name.startswith('mmhsi.'))
    return found


@pytest.mark.parametrize('room', [room for rooms in FLOORS for room in rooms])
def test_room_imports_downwards_only(room):
    files = [*(PACKAGE / room).rglob('*.py'), *PACKAGE.glob(f'{room}.py')]
    if not files:
        pytest.skip(f'there is no room {room} yet')
    wrong = {}
    for path in files:
        for other in imported(path) - {room, *GROUND}:
            assert other in LEVEL, f'{path.relative_to(PACKAGE)} imports mmhsi.{other}, which is on no floor'
            allowed = LEVEL[other] > LEVEL[room] or (room, other) in BESIDE
            if not allowed:
                wrong.setdefault(str(path.relative_to(PACKAGE)), []).append(other)
    assert not wrong, f'{room} is below what it imports: {wrong}'


def test_every_room_has_a_floor():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / '__init__.py').is_file()}
    assert rooms <= set(LEVEL), f'rooms without a floor: {sorted(rooms - set(LEVEL))}'


@pytest.mark.parametrize('module', GROUND)
def test_modules_beside_the_house_know_no_room(module):
    assert imported(PACKAGE / f'{module}.py') <= set(GROUND)
