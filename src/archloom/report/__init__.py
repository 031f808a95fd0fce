"""What an evaluation looks like: reports for terminals and browsers, drawings, and rows for other programs."""

from archloom.report.charts import draw_energy, draw_roofline
from archloom.report.citations import Reference, references
from archloom.report.figures import energy_table, port_loads, reuse, roofline
from archloom.report.headline import headline
from archloom.report.html import evaluation_fragment, evaluation_page, mapping_fragment
from archloom.report.nest_drawing import draw_nest
from archloom.report.tables import detail_rows, summary_row, to_csv
from archloom.report.terminal import print_report

__all__ = [
    "Reference",
    "detail_rows",
    "draw_energy",
    "draw_nest",
    "draw_roofline",
    "energy_table",
    "evaluation_fragment",
    "evaluation_page",
    "headline",
    "mapping_fragment",
    "port_loads",
    "print_report",
    "references",
    "reuse",
    "roofline",
    "summary_row",
    "to_csv",
]
