"""Lists in messages."""

import numpy as np

from mmhsi.utils.text import listed


def test_a_few_are_named_and_the_others_counted():
    assert listed(['a', 'b']) == 'a, b' and listed([]) == ''
    assert listed(np.arange(5)) == '0, 1, 2, 3, 4'
    assert listed(range(7)) == '0, 1, 2, 3, 4 and 2 more' and listed('abc', 2) == 'a, b and 1 more'
