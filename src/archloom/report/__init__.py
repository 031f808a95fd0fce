"""Reports: tables, drawings and pages made from an evaluation."""
