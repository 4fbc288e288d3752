"""The texts of a figure, and those of them that its border cuts."""


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, 'get_text')) if text.get_text()]


def clipped_texts(figure):
    """Texts that reach over the border of the figure."""
    renderer = figure.canvas.get_renderer()
    width, height = figure.canvas.get_width_height()
    boxes = {
        text.get_text(): text.get_window_extent(renderer)
        for text in figure.findobj(lambda artist: hasattr(artist, 'get_text'))
        if text.get_text()
    }
    return [text for text, box in boxes.items() if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]
