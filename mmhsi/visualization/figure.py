"""The common layout of all pictures: an image at integer scale, a title above it and a legend next to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullFormatter

DPI = 150
MARGIN = 28
TITLE_SIZE, TEXT_SIZE = 11.0, 8.5
TEXT_COLOUR, QUIET_COLOUR = '#1a1a1a', '#5f5f5f'
_LINE, _SWATCH, _GAP = 30, 19, 9


@dataclass(frozen=True)
class LegendEntry:
    """One line of a legend.

    Attributes:
        label (str): What the colour means.
        colour (tuple[int, int, int]): RGB, 0 .. 255.
        note (str): A right-aligned note, e.g. the accuracy of a class.
    """

    label: str
    colour: tuple[int, int, int]
    note: str = ''


class Canvas:
    """A figure laid out in pixels from its top left corner.

    Args:
        width (float): Width in pixels.
        height (float): Height in pixels.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = int(np.ceil(width)), int(np.ceil(height))
        self.figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI, facecolor='white')
        FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, width: float, height: float):
        """Add axes over the given pixels."""
        bottom = self.height - top - height
        return self.figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))

    def text(self, left: float, middle: float, text: str, size: float = TEXT_SIZE, colour: str = TEXT_COLOUR, **kwargs):
        """Write a line whose vertical middle is ``middle``."""
        kwargs.setdefault('va', 'center_baseline')
        self.figure.text(
            left / self.width, 1 - middle / self.height, text, fontsize=size, color=colour, parse_math=False, **kwargs
        )

    def swatch(self, left: float, middle: float, colour: Sequence[int]):
        """Draw a legend square."""
        self.figure.add_artist(
            Rectangle(
                (left / self.width, 1 - (middle + _SWATCH / 2) / self.height),
                _SWATCH / self.width,
                _SWATCH / self.height,
                facecolor=np.asarray(colour) / 255.0,
                edgecolor='#808080',
                linewidth=0.5,
            )
        )


def label_powers(axis: Axis) -> None:
    """Label the powers of ten of a logarithmic axis with plain numbers.

    Matplotlib's own labels are formulas, for which it looks for fonts that not every installation has.
    """
    axis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
    axis.set_minor_formatter(NullFormatter())


@lru_cache(maxsize=1024)
def text_width(text: str, size: float = TEXT_SIZE, weight: str = 'normal') -> float:
    """Measure a line of text.

    Args:
        text (str): The line.
        size (float): Font size in points. Defaults to ``TEXT_SIZE``.
        weight (str): Font weight. Defaults to 'normal'.

    Returns:
        float: Its width in pixels.
    """
    if not text:
        return 0.0
    renderer = FigureCanvasAgg(Figure(dpi=DPI)).get_renderer()
    return renderer.get_text_width_height_descent(text, FontProperties(size=size, weight=weight), ismath=False)[0]


def display_scale(height: int, width: int, target: int = 1000, limit: int = 2400) -> float:
    """Choose the number of screen pixels per scene pixel.

    Args:
        height (int): Scene height in pixels.
        width (int): Scene width in pixels.
        target (int): Wanted length of the longer side. Defaults to 1000.
        limit (int): Longest side allowed; larger scenes are shrunk. Defaults to 2400.

    Returns:
        float: A whole number, or a fraction below 1 for scenes beyond the limit.
    """
    longer = max(height, width)
    return limit / longer if longer > limit else float(max(1, round(target / longer)))


def image_figure(image: np.ndarray, title: str = '', subtitle: str = '', legend: Sequence[LegendEntry] = ()) -> Figure:
    """Frame an RGB image with a title and a legend.

    The legend is to the right of the image, or below it in columns if the scene is much wider than high.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.
        legend (Sequence[LegendEntry]): Lines of the legend. Defaults to ().

    Returns:
        Figure: The figure; :func:`save_figure` writes it, :func:`figure_to_rgb` turns it into an array.
    """
    rows, cols = image.shape[:2]
    scale = display_scale(rows, cols)
    height, width = round(rows * scale), round(cols * scale)
    head = header_height(title, subtitle)
    header_width = max(text_width(title, TITLE_SIZE, 'bold'), text_width(subtitle))

    entry_width = _entry_width(legend)
    below = bool(legend) and width > 1.6 * height
    if below:
        per_row = max(1, int((max(width, header_width) + _GAP) // (entry_width + 3 * _GAP)))
        legend_rows = -(-len(legend) // per_row)
        legend_columns = -(-len(legend) // legend_rows)
        total_width = max(width, header_width, legend_columns * (entry_width + 3 * _GAP) - 3 * _GAP)
        total_height = head + height + (MARGIN * 0.7 + legend_rows * _LINE)
        left, top = MARGIN, MARGIN + head + height + MARGIN * 0.7
    else:
        legend_rows = max(1, int(height // _LINE)) if legend else 0
        legend_columns = -(-len(legend) // legend_rows) if legend else 0
        beside = legend_columns * (entry_width + 3 * _GAP) - 3 * _GAP + MARGIN if legend else 0
        total_width = max(width + beside, header_width)
        total_height = head + max(height, _LINE * min(len(legend), legend_rows))
        left, top = MARGIN + width + MARGIN, MARGIN + head

    canvas = Canvas(total_width + 2 * MARGIN, total_height + 2 * MARGIN)
    write_header(canvas, title, subtitle)
    axes = canvas.axes(MARGIN, MARGIN + head, width, height)
    axes.imshow(image, interpolation='nearest' if scale >= 1 else 'antialiased', aspect='auto')
    axes.set_axis_off()
    for index, entry in enumerate(legend):
        column, row = divmod(index, legend_rows)
        x, y = left + column * (entry_width + 3 * _GAP), top + (row + 0.5) * _LINE
        canvas.swatch(x, y, entry.colour)
        canvas.text(x + _SWATCH + _GAP, y, entry.label)
        if entry.note:
            canvas.text(x + entry_width, y, entry.note, colour=QUIET_COLOUR, ha='right')
    return canvas.figure


def header_height(title: str, subtitle: str) -> int:
    """Height in pixels of title and subtitle, with the space below them."""
    return (34 if title else 0) + (28 if subtitle else 0) + (12 if title or subtitle else 0)


def write_header(canvas: Canvas, title: str, subtitle: str) -> None:
    """Write title and subtitle flush left at the top of a canvas."""
    if title:
        canvas.text(MARGIN, MARGIN + 14, title, TITLE_SIZE, weight='bold')
    if subtitle:
        canvas.text(MARGIN, MARGIN + (34 if title else 0) + 12, subtitle, colour=QUIET_COLOUR)


def quiet_axes(axes) -> None:
    """Give the axes of curves a light grid and frame, and labels in the size of the other texts."""
    axes.grid(color='#e4e4e4', linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(which='both', labelsize=TEXT_SIZE - 1, color='#b0b0b0', labelcolor=QUIET_COLOUR)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(size=TEXT_SIZE, color=TEXT_COLOUR)
    for spine in axes.spines.values():
        spine.set_color('#b0b0b0')


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure.

    Args:
        figure (Figure): The figure.
        path (str or Path): File to write; its suffix sets the format. Missing folders are created.

    Returns:
        Path: The written file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI)
    return path


def figure_to_rgb(figure: Figure) -> np.ndarray:
    """Render a figure.

    Args:
        figure (Figure): The figure.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def _entry_width(legend: Sequence[LegendEntry]) -> float:
    if not legend:
        return 0.0
    label = max(text_width(entry.label) for entry in legend)
    note = max(text_width(entry.note) for entry in legend)
    return _SWATCH + _GAP + label + (2 * _GAP + note if note else 0)
