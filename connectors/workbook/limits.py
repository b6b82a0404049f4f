"""What a workbook may hold at most.

Each limit is far above what an office sends and far below what fills a machine.
"""

from __future__ import annotations

FILE_BYTES = 64 << 20  # the largest book of a ministry that we know has 0.7 MB
SHEETS = 200  # real books have a dozen; a list of sheets is read whole before one is chosen
ZIP_MEMBERS = 10_000  # parts of a zip; one costs half a kilobyte before anything of it is read
# what all parts of a zip say that they unfold to, pictures and other sheets included
DECLARED_BYTES = 256 << 20
# what is unfolded to read one sheet: 2,000,000 cells of 45 bytes and some more
EXPANDED_BYTES = 96 << 20
XML_DEPTH = 256  # spreadsheets nest a dozen levels
# what expat reads with Python's help in two seconds; a cell of an ods is two
XML_ELEMENTS = 1_500_000
ODD_XML_BYTES = 16 << 20  # XML written in a way that no office program writes is read slowly
FORMULAS = 100_000  # formulas without a result that are remembered by name
# rows times columns from A1 to the last filled cell: a dense table of it takes 150 MB
CELLS = 2_000_000
MERGES = 10_000  # merged ranges of a sheet; real headers have dozens
# records of a sheet in an xls: at most one for each cell and a few more; walked in a second
RECORDS = 2_500_000
# the text table of an xls: it may hold a text of 24 bytes of memory in each three bytes
STRINGS_BYTES = 16 << 20
