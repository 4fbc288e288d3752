"""Items divided over processes."""

import pytest

from mmhsi.utils.parts import parse_part, part_of


@pytest.mark.parametrize('count', [1, 3, 7, 20])
def test_parts_are_disjoint_and_complete(count):
    parts = [part_of(range(17), parse_part(f'{number}/{count}')) for number in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == list(range(17))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert part_of('abcde', (2, 2)) == ['b', 'd'] and part_of('abc', None) == ['a', 'b', 'c']


@pytest.mark.parametrize('text', ['0/3', '4/3', '3', 'a/b', '1/0', '-1/2'])
def test_part_has_to_be_one_of_n(text):
    with pytest.raises(ValueError, match=f"a part is given as I/N with I from 1 to N, e.g. 3/40, not '{text}'"):
        parse_part(text)
    with pytest.raises(ValueError, match="not '5/4'"):
        part_of('abcde', (5, 4))
