"""Sphinx configuration: ``sphinx-build -W --keep-going docs docs/_build/html``, or ``make docs``."""

import re
from pathlib import Path

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

import mmhsi

logger = logging.getLogger(__name__)

project = 'mmhsi'
copyright = 'MMHSI Contributors'
release = version = mmhsi.__version__

extensions = ['myst_nb', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.viewcode', 'sphinx_copybutton']
exclude_patterns = ['_build']

myst_enable_extensions = ['dollarmath']
myst_heading_anchors = 3

nb_execution_mode = 'force'  # the notebooks are stored without output
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300

autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # the docstrings name the types, with shapes and units
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = 'furo'
html_math_renderer = 'mathml'
html_static_path = ['_static']
html_css_files = ['custom.css']
html_title = f'mmhsi {mmhsi.__version__}'
copybutton_exclude = '.linenos, .gp, .go'

_ACCENT = re.compile(r'\\(?:hat|tilde|bar|vec)\s*(?:[A-Za-z](?![A-Za-z])|\{[^{}]*\})')
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


def write_mathml(writer, node):
    """Formulas as MathML, which browsers show without a script and without a network."""
    block = node.tagname == 'math_block'
    # an accent before a subscript is grouped, or docutils would put the subscript below the letter
    tex = _ACCENT.sub(r'{{}\g<0>}', node.astext().replace(r'\dots', r'\ldots'))
    try:
        formula = latex2mathml.tex2mathml(tex, as_block=block)
    except MathError as error:
        logger.warning('the formula %s is not understood: %s', tex, error, location=node)
        raise nodes.SkipNode from error
    writer.body.append(f'<div class="math">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def read_scores(app, docname, source):
    """Put the README of a folder of configs in the place of its page in scores/, its links set right."""
    if not docname.startswith('scores/'):
        return
    folder = Path(app.srcdir).parent / 'configs' / docname.removeprefix('scores/')
    text = (folder / 'README.md').read_text(encoding='utf-8')

    def link(match):
        title, target = match.groups()
        if re.match(r'[a-z]+:|#', target):
            return match[0]
        path, _, anchor = target.partition('#')
        found = (folder / path).resolve()
        anchor = f'#{anchor}' if anchor else ''
        root = Path(app.srcdir).resolve()
        if found.name == 'README.md' and (root / 'scores' / f'{found.parent.name}.md').is_file():
            return f'[{title}]({found.parent.name}.md{anchor})'
        if found.is_relative_to(root):
            return f'[{title}](../{found.relative_to(root).as_posix()}{anchor})'
        return f'[{title}](path:../../{found.relative_to(root.parent).as_posix()})'

    source[0] = re.sub(r'(?<!!)\[([^\]]+)\]\(([^)\s]+)\)', link, text)


def setup(app):
    """Run before napoleon, which writes markup of its own."""
    app.add_html_math_renderer('mathml', (write_mathml, None), (write_mathml, None))
    app.connect('source-read', read_scores)
    app.connect('autodoc-process-docstring', escape_formulas, priority=400)
