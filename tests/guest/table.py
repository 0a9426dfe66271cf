"""A table that grows by a row at a time: printed in columns, and kept as Markdown."""


class Table:
    """`columns` are (title, width); a width of 0 is as wide as what stands there."""

    def __init__(self, path, *columns):
        self.path, self.columns = path, columns
        titles = [title for title, _ in columns]
        self.path.write_text(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n")
        self._print(titles)

    def row(self, *cells):
        """Add a row of as many cells as there are columns."""
        cells = [str(cell) for cell in cells]
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
        self._print(cells)

    def _print(self, cells):
        line = "  ".join(f"{cell[:width]:{width}}" if width else cell
                         for cell, (_, width) in zip(cells, self.columns))
        print(line.rstrip(), flush=True)
