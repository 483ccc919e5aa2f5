"""Quality of a swap in numbers: whom the result looks like, whether it moves as the target does, and what shows.

`measured` looks at both clips frame by frame and returns a `Report`, which has a table; `drawn` makes a picture of it.
What a number means stands with its function in `likeness`, `flicker` and `seam`.
"""

from figment.faceswap.report.drawing import drawn
from figment.faceswap.report.measuring import Material, independent, measured, reconstruction
from figment.faceswap.report.result import Measured, Report, Row

__all__ = ["Material", "Measured", "Report", "Row", "drawn", "independent", "measured", "reconstruction"]
