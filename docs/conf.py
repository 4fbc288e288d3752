"""Sphinx configuration: ``sphinx-build -W --keep-going docs docs/_build/html``, or ``make docs``."""

import re

import mmhsi

project = 'mmhsi'
copyright = 'MMHSI Contributors'
release = version = mmhsi.__version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.mathjax',
    'sphinx.ext.viewcode',
    'sphinx_copybutton',
]
exclude_patterns = ['_build']

myst_enable_extensions = ['dollarmath']
myst_heading_anchors = 3

autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # the docstrings name the types, with shapes and units
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = 'furo'
html_title = f'mmhsi {mmhsi.__version__}'
copybutton_exclude = '.linenos, .gp, .go'

_LITERAL = re.compile(r'(``.*?``|:[a-z:]+:`[^`]*`)')
_MARKUP = re.compile(r'(?<!\\)(\||\*(?=[\w*]))')


def escape_formulas(app, what, name, obj, options, lines):
    """Escape bars and stars in plain formulas of docstrings, |x| and (P, *size), which would be markup otherwise."""
    for number, line in enumerate(lines):
        parts = _LITERAL.split(line)
        first, *plain = parts[::2]
        stars = re.match(r'\s*\**', first)[0]  # those before the name of an argument are napoleon's
        plain = [stars + _MARKUP.sub(r'\\\1', first[len(stars) :]), *(_MARKUP.sub(r'\\\1', part) for part in plain)]
        lines[number] = ''.join(text for pair in zip(plain, [*parts[1::2], ''], strict=True) for text in pair)


def setup(app):
    """Run before napoleon, which writes markup of its own."""
    app.connect('autodoc-process-docstring', escape_formulas, priority=400)
