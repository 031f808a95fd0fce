"""What it costs: exact counts, energy, latency and area, for one mapping or millions."""

from archloom.model.arrays import MappingBatch, pack
from archloom.model.batch import BatchEvaluation, evaluate_batch
from archloom.model.evaluate import evaluate
from archloom.model.result import ComputeCosts, Evaluation, LevelCosts, TensorCosts

__all__ = [
    "BatchEvaluation",
    "ComputeCosts",
    "Evaluation",
    "LevelCosts",
    "MappingBatch",
    "TensorCosts",
    "evaluate",
    "evaluate_batch",
    "pack",
]
