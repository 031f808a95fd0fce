"""Accelergy's files: energy and area tables, compound components, and tables of primitive components."""

from archloom.interop.accelergy.compound_files import CompoundClass, compounds_from, read_compounds
from archloom.interop.accelergy.compounds import PriceBook, PrimitiveSource, UnpricedError
from archloom.interop.accelergy.csv_components import component_from, read_component_table, register_component_tables
from archloom.interop.accelergy.csv_lookup import price_in, table_source
from archloom.interop.accelergy.csv_tables import ComponentTable, parse_table, read_table
from archloom.interop.accelergy.library import library_price
from archloom.interop.accelergy.of_architecture import areas_of, energies_of
from archloom.interop.accelergy.reference_tables import (
    art_from,
    art_section,
    ert_from,
    ert_section,
    leaf_name,
    read_art,
    read_ert,
    write_art,
    write_ert,
)

__all__ = [
    "ComponentTable",
    "CompoundClass",
    "PriceBook",
    "PrimitiveSource",
    "UnpricedError",
    "areas_of",
    "art_from",
    "art_section",
    "component_from",
    "compounds_from",
    "energies_of",
    "ert_from",
    "ert_section",
    "leaf_name",
    "library_price",
    "parse_table",
    "price_in",
    "read_art",
    "read_component_table",
    "read_compounds",
    "read_ert",
    "read_table",
    "register_component_tables",
    "table_source",
    "write_art",
    "write_ert",
]
